/** What a command needs of the process around it: data goes to stdout, talk to stderr. */
import { createInterface } from 'node:readline/promises'
import type { Environment } from '../invocation.ts'
import { appLimits } from '../limits.ts'
import { ExitCode, ExitError } from '../exit.ts'

export interface Terminal {
  /** Whether a person sees what is written. */
  readonly isTty: boolean
  /** Whether a person sees what is told, and can answer. */
  readonly isInteractive: boolean
  readonly colour: boolean
  readonly rows: number
  readonly columns: number
  /** Data. Resolves when there is room for more. */
  write(text: string): Promise<void>
  /** Talk. */
  tell(text: string): void
  /** One line of a person's answer. */
  ask(question: string): Promise<string>
  /** All of the standard input; undefined if a person sits there. */
  readInput(): Promise<Buffer | undefined>
  /** The standard input line by line. */
  readLines(): AsyncIterable<string>
  /** Called once at the first Ctrl-C or SIGTERM. */
  onInterrupt(listener: () => void): void
  nowMs(): number
}

export class ProcessTerminal implements Terminal {
  readonly isTty: boolean
  readonly isInteractive: boolean
  readonly colour: boolean

  constructor(
    env: Environment,
    wantsColour: (stream: { readonly isTTY?: boolean }, env: Environment) => boolean,
  ) {
    this.isTty = process.stdout.isTTY === true
    this.isInteractive = process.stderr.isTTY === true && process.stdin.isTTY === true
    this.colour = wantsColour(process.stdout, env)
    // Whoever reads has had enough (`polymq sub … | head -1`): there is nobody left to write to.
    process.stdout.on('error', () => process.exit(ExitCode.Ok))
    process.stderr.on('error', () => {})
  }

  /** A terminal that does not say how large it is says 0. */
  get rows(): number {
    return process.stdout.rows || 24
  }

  get columns(): number {
    return process.stdout.columns || 80
  }

  async write(text: string): Promise<void> {
    if (process.stdout.write(text)) return
    await new Promise<void>((resolve) => process.stdout.once('drain', () => resolve()))
  }

  tell(text: string): void {
    process.stderr.write(text)
  }

  /** Ctrl-C ends the command; the end of the input is no answer. */
  async ask(question: string): Promise<string> {
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
    lines.once('SIGINT', () => process.exit(ExitCode.Interrupted))
    try {
      return await Promise.race([lines.question(question), ended])
    } finally {
      lines.close()
    }
  }

  async readInput(): Promise<Buffer | undefined> {
    if (process.stdin.isTTY) return undefined
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of process.stdin) {
      chunks.push(chunk as Buffer)
      bytes += (chunk as Buffer).length
      if (bytes > appLimits.bodyBytesMax) throw tooLong()
    }
    return Buffer.concat(chunks)
  }

  async *readLines(): AsyncIterable<string> {
    const { createInterface: createLineReader } = await import('node:readline')
    const lines = createLineReader({ input: process.stdin, crlfDelay: Infinity })
    for await (const line of lines) {
      if (line.length > appLimits.bodyBytesMax) throw tooLong()
      yield line
    }
  }

  onInterrupt(listener: () => void): void {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, listener)
  }

  nowMs(): number {
    return performance.now()
  }
}

function tooLong(): ExitError {
  const kibi = Math.floor(appLimits.bodyBytesMax / 1024)
  return new ExitError(
    ExitCode.BadInput,
    `A body of more than ${kibi} KiB does not fit into a call of the control API. Use an AMQP or Kafka client for it.`,
  )
}
