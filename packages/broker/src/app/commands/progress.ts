/** How far something long has come: on stderr, for a person, and only once it has taken a while. */
import type { Terminal } from './terminal.ts'

/** Nobody needs to be told of what is over at once. */
const SILENT_MS = 500
const REFRESH_MS = 100
/** Back to the first column, and what was there erased. */
const CLEAR_LINE = '\r\u001b[K'

export class Progress {
  readonly #terminal: Terminal
  readonly #total: number | undefined
  readonly #startMs: number
  #toldMs: number
  #hasTold: boolean = false

  /** `total` is undefined where the end is not known. */
  constructor(terminal: Terminal, total: number | undefined) {
    this.#terminal = terminal
    this.#total = total
    this.#startMs = terminal.nowMs()
    this.#toldMs = this.#startMs + SILENT_MS - REFRESH_MS
  }

  update(done: number): void {
    if (!this.#terminal.isInteractive) return
    const nowMs = this.#terminal.nowMs()
    if (nowMs - this.#toldMs < REFRESH_MS) return
    this.#toldMs = nowMs
    this.#hasTold = true
    this.#terminal.tell(`${CLEAR_LINE}${this.#text(done, nowMs - this.#startMs)}`)
  }

  /** Leaves nothing of it behind. */
  end(): void {
    if (this.#hasTold) this.#terminal.tell(CLEAR_LINE)
  }

  #text(done: number, elapsedMs: number): string {
    const perSecond = (done * 1000) / elapsedMs
    const rate = `${Math.round(perSecond)} a second`
    if (this.#total === undefined) return `${done} messages, ${rate}`
    const leftSeconds = Math.ceil((this.#total - done) / Math.max(perSecond, 1e-9))
    const percent = Math.floor((done / this.#total) * 100)
    return `${done} of ${this.#total} messages (${percent} %), ${rate}, ${leftSeconds} s left`
  }
}
