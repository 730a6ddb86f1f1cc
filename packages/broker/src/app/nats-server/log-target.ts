import { closeSync, openSync, writeSync } from 'node:fs'

/** Where log lines go: standard error, or a file that is opened anew when something has moved it. */
export class LogTarget {
  readonly #file: string | undefined
  #descriptor: number

  /** Throws what the system throws. */
  constructor(file: string | undefined) {
    this.#file = file
    this.#descriptor = file === undefined ? process.stderr.fd : openSync(file, 'a')
  }

  write(line: string): void {
    if (this.#file === undefined) process.stderr.write(line)
    else writeSync(this.#descriptor, line)
  }

  /** Says whether there is a file to open. */
  reopen(): boolean {
    if (this.#file === undefined) return false
    const opened = openSync(this.#file, 'a')
    closeSync(this.#descriptor)
    this.#descriptor = opened
    return true
  }
}
