import fs from 'node:fs'
import type { EventBody, EventType } from './event.ts'

const FLUSH_CHARS = 65_536

export interface HistoryWriterOptions {
  readonly path: string
  /** The process that writes it. */
  readonly proc: string
  /** `process.hrtime.bigint()` at the run's beginning, in digits. */
  readonly originNs: string
}

/**
 * Appends to the history of one process. Lines are stamped when they are told and written by the
 * block: this process is not the one that is killed.
 */
export class HistoryWriter {
  readonly proc: string
  readonly #file: number
  readonly #originNs: bigint
  #lines: number = 0
  #waiting: string = ''
  #isClosed: boolean = false

  constructor({ path, proc, originNs }: HistoryWriterOptions) {
    this.proc = proc
    this.#file = fs.openSync(path, 'a')
    this.#originNs = BigInt(originNs)
  }

  /** Once it is closed, what sockets still have to say is of no interest. */
  log(type: EventType, body: EventBody): void {
    if (this.#isClosed) return
    const t = Number(process.hrtime.bigint() - this.#originNs)
    const stamp = { i: this.#lines++, t, type, proc: this.proc }
    this.#waiting += `${JSON.stringify({ ...stamp, ...body })}\n`
    if (this.#waiting.length >= FLUSH_CHARS) this.flush()
  }

  flush(): void {
    let rest = Buffer.from(this.#waiting)
    this.#waiting = ''
    while (rest.length > 0) rest = rest.subarray(fs.writeSync(this.#file, rest))
  }

  close(): void {
    if (this.#isClosed) return
    this.flush()
    this.#isClosed = true
    fs.closeSync(this.#file)
  }
}
