import type { Terminal } from '../app/commands/terminal.ts'

export interface FakeTerminalOptions {
  /** What the person types, question after question. */
  readonly answers?: readonly string[]
  /** What comes by the standard input. */
  readonly input?: string | Buffer
  readonly isTty?: boolean
}

/** A terminal whose person is the test. */
export class FakeTerminal implements Terminal {
  readonly isTty: boolean
  readonly isInteractive: boolean
  readonly colour: boolean = false
  readonly rows: number = 24
  readonly columns: number = 80
  /** Data. */
  written: string = ''
  /** Talk. */
  told: string = ''
  clockMs: number = 0
  /** Called with each piece of data. */
  onWrite: (text: string) => void = () => {}
  readonly #answers: string[]
  readonly #input: string | Buffer | undefined
  #interrupted: () => void = () => {}

  constructor(options: FakeTerminalOptions = {}) {
    this.isTty = options.isTty ?? false
    this.isInteractive = options.answers !== undefined || this.isTty
    this.#answers = [...(options.answers ?? [])]
    this.#input = options.input
  }

  async write(text: string): Promise<void> {
    this.written += text
    this.onWrite(text)
  }

  tell(text: string): void {
    this.told += text
  }

  async ask(question: string): Promise<string> {
    this.told += question
    return this.#answers.shift() ?? ''
  }

  async readInput(): Promise<Buffer | undefined> {
    return this.#input === undefined ? undefined : Buffer.from(this.#input)
  }

  async *readLines(): AsyncIterable<string> {
    yield* String(this.#input ?? '')
      .split('\n')
      .filter((line) => line !== '')
  }

  onInterrupt(listener: () => void): void {
    this.#interrupted = listener
  }

  /** Ctrl-C. */
  interrupt(): void {
    this.#interrupted()
  }

  nowMs(): number {
    return this.clockMs
  }
}
