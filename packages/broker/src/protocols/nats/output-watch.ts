import type { Connection } from '../../base/net/connection.ts'
import { Timer, type Timers } from '../../base/timers.ts'
import { EndReason } from './end-reason.ts'
import { natsLimits } from './limits.ts'
import type { SetLimits } from './options.ts'

type Slow = (why: string, reason: EndReason) => void

/**
 * Messages that a client has not taken yet. Nobody waits for a slow one: it is closed when too much waits for it, or when it has taken
 * nothing for a while. [NATS max_pending, write_deadline]
 */
export class OutputWatch {
  readonly #connection: Connection
  readonly #timers: Timers
  readonly #limits: SetLimits
  readonly #slow: Slow
  readonly #deadline: Timer
  readonly #checkBytes: number
  /** Written since it was last looked at. */
  #bytes: number = 0
  /** What the system had taken then. */
  #taken: number = 0

  constructor(
    connection: Connection,
    {
      timers,
      limits,
      slow,
    }: { readonly timers: Timers; readonly limits: SetLimits; readonly slow: Slow },
  ) {
    this.#connection = connection
    this.#timers = timers
    this.#limits = limits
    this.#checkBytes = Math.min(natsLimits.pendingCheckBytes, limits.pendingBytesMax)
    this.#slow = slow
    this.#deadline = new Timer(() => this.#deadlinePassed())
  }

  /** So much was written. */
  wrote(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes >= this.#checkBytes) this.#look()
  }

  stop(): void {
    this.#timers.clear(this.#deadline)
  }

  #look(): void {
    this.#bytes = 0
    const connection = this.#connection
    const { pendingBytesMax } = this.#limits
    if (connection.outputBytes > pendingBytesMax) {
      const why = `more than ${pendingBytesMax} bytes wait for it`
      return this.#slow(why, EndReason.slowBytes)
    }
    if (connection.congested && !this.#deadline.armed) this.#watch()
  }

  #watch(): void {
    this.#taken = this.#takenBytes
    this.#timers.set(this.#deadline, this.#limits.writeDeadlineMs)
  }

  get #takenBytes(): number {
    const { bytesSent, outputBytes, outEnd } = this.#connection
    return bytesSent - (outputBytes - outEnd)
  }

  #deadlinePassed(): void {
    const connection = this.#connection
    if (!connection.open || !connection.congested) return
    if (this.#takenBytes > this.#taken) return this.#watch()
    const why = `it has taken nothing for ${this.#limits.writeDeadlineMs / 1000} s`
    this.#slow(why, EndReason.slowDeadline)
  }
}
