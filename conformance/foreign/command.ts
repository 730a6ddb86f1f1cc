/**
 * Child processes of the conformance run. Each leads a process group of its own, so that what it
 * started dies with it.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  /** All of standard input; without it there is none. */
  readonly input?: string
  /** The exit code that is right; 0 if not given. 'failure' is any but 0. */
  readonly exits?: number | 'failure'
  readonly env?: Readonly<Record<string, string>>
}

export interface Output {
  readonly stdout: string
  readonly stderr: string
  /** Null: ended by a signal. */
  readonly code: number | null
}

/** Output beyond this is not kept: a client gone mad must not take the run along. */
const OUTPUT_CHARS_MAX = 32 * 1024 ** 2
const CLIPPED_CHARS = 3000

/** What is running now, of all cases, for the case that somebody interrupts the run. */
const running = new Set<RunningCommand>()

export function killAllCommands(): void {
  for (const command of running) command.kill()
}

export class RunningCommand {
  readonly command: Command
  stdout: string = ''
  stderr: string = ''
  /** Resolves when it has ended and its output is complete; never rejects. */
  readonly ended: Promise<Output>
  #output: Output | null = null
  /** Who waits for more output, or the end. */
  #news: (() => void)[] = []
  readonly #child: ChildProcessByStdio<Writable | null, Readable, Readable>

  constructor(command: Command) {
    this.command = command
    const child = spawn(command.file, command.args, {
      stdio: [command.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: { ...clientEnvironment(), ...command.env },
      detached: true,
    }) as ChildProcessByStdio<Writable | null, Readable, Readable>
    this.#child = child
    running.add(this)
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (this.stdout.length < OUTPUT_CHARS_MAX) this.stdout += text
      this.#tell()
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (this.stderr.length < OUTPUT_CHARS_MAX) this.stderr += text
      this.#tell()
    })
    // A client that ends without reading all its input is not our failure.
    child.stdin?.on('error', () => {})
    if (command.input !== undefined) child.stdin?.end(command.input)
    this.ended = new Promise((resolve) => {
      const end = (code: number | null): void => {
        running.delete(this)
        this.#output = { stdout: this.stdout, stderr: this.stderr, code }
        resolve(this.#output)
        this.#tell()
      }
      child.once('error', (error) => {
        this.stderr += `${error.message}\n`
        end(null)
      })
      child.once('close', end)
    })
  }

  /** Sends it alone the signal; 'SIGKILL' is a client that dies. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Resolves once `isThere` holds for its output so far; rejects if it ends before. */
  async until(what: string, isThere: (seen: RunningCommand) => boolean): Promise<void> {
    while (!isThere(this)) {
      if (this.#output !== null) throw new Error(`ended before ${what}`)
      await new Promise<void>((resolve) => this.#news.push(resolve))
    }
  }

  /** Ends it and all that it started. */
  kill(): void {
    if (this.#output !== null || this.#child.pid === undefined) return
    try {
      process.kill(-this.#child.pid, 'SIGKILL')
    } catch {
      // It has just ended by itself.
    }
  }

  /** The command, its exit and its output, for somebody who looks for the reason. */
  transcript(): string {
    const code =
      this.#output === null ? 'still running' : `exit ${this.#output.code ?? 'by signal'}`
    const line = [this.command.file, ...this.command.args].map(quoted).join(' ')
    const said = [`$ ${line}   (${code})`]
    if (this.stdout !== '') said.push(indent(clip(this.stdout), '| '))
    if (this.stderr !== '') said.push(indent(clip(this.stderr), '! '))
    return said.join('\n')
  }

  #tell(): void {
    const waiting = this.#news
    this.#news = []
    for (const resolve of waiting) resolve()
  }

  /** Whether it ended as its command says. */
  isAsExpected(output: Output): boolean {
    const { exits = 0 } = this.command
    return exits === 'failure' ? output.code !== null && output.code !== 0 : output.code === exits
  }
}

/** Settings of the user's own clients must not change what is tested. */
function clientEnvironment(): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    LANG: 'C.UTF-8',
    HOME: '/nonexistent',
    PYTHONDONTWRITEBYTECODE: '1',
  }
}

function quoted(word: string): string {
  const short = word.length > 200 ? `${word.slice(0, 200)}…` : word
  return /^[\w@%+=:,./-]+$/.test(short) ? short : `'${short.replaceAll("'", `'\\''`)}'`
}

function clip(text: string): string {
  if (text.length <= CLIPPED_CHARS) return text
  const half = CLIPPED_CHARS / 2
  return `${text.slice(0, half)}\n… ${text.length - CLIPPED_CHARS} characters …\n${text.slice(-half)}`
}

function indent(text: string, prefix: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `${prefix}${line}`)
    .join('\n')
}
