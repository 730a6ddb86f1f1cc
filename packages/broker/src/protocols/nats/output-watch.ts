import type { Connection } from '../../base/net/connection.ts'
import { Timer, type Timers } from '../../base/timers.ts'
import { natsLimits } from './limits.ts'

/**
 * Messages that a client has not taken yet. Nobody waits for a slow one: it is closed when too much waits for it, or when it has taken
 * nothing for a while. [NATS max_pending, write_deadline]
 */
export class OutputWatch {
  readonly #connection: Connection
  readonly #timers: Timers
  readonly #slow: (why: string) => void
  readonly #deadline: Timer
  /** Written since it was last looked at. */
  #bytes: number = 0
  /** What the system had taken then. */
  #taken: number = 0

  constructor(
    connection: Connection,
    { timers, slow }: { readonly timers: Timers; readonly slow: (why: string) => void },
  ) {
    this.#connection = connection
    this.#timers = timers
    this.#slow = slow
    this.#deadline = new Timer(() => this.#deadlinePassed())
  }

  /** So much was written. */
  wrote(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes >= natsLimits.pendingCheckBytes) this.#look()
  }

  stop(): void {
    this.#timers.clear(this.#deadline)
  }

  #look(): void {
    this.#bytes = 0
    const connection = this.#connection
    if (connection.outputBytes > natsLimits.pendingBytesMax) {
      return this.#slow(`more than ${natsLimits.pendingBytesMax} bytes wait for it`)
    }
    if (connection.congested && !this.#deadline.armed) this.#watch()
  }

  #watch(): void {
    this.#taken = this.#takenBytes
    this.#timers.set(this.#deadline, natsLimits.writeDeadlineMs)
  }

  get #takenBytes(): number {
    const { bytesSent, outputBytes, outEnd } = this.#connection
    return bytesSent - (outputBytes - outEnd)
  }

  #deadlinePassed(): void {
    const connection = this.#connection
    if (!connection.open || !connection.congested) return
    if (this.#takenBytes > this.#taken) return this.#watch()
    this.#slow(`it has taken nothing for ${natsLimits.writeDeadlineMs / 1000} s`)
  }
}
