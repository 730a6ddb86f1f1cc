import type { Connection } from '../../base/net/connection.ts'
import { Timer, type Timers } from '../../base/timers.ts'
import { PING } from './codec/server-lines.ts'
import type { SetLimits } from './options.ts'

/**
 * Asks a client that has been silent for an interval whether it is there, and gives up on one that has not answered twice. One whose
 * socket we stopped reading is not silent. [NATS ping_interval, ping_max]
 */
export class KeepAlive {
  readonly #connection: Connection
  readonly #timers: Timers
  readonly #limits: SetLimits
  readonly #stale: () => void
  readonly #timer: Timer
  /** How long the last PING took to come back, ms; null before the first did. */
  roundTripMs: number | null = null
  #received: number = 0
  #unanswered: number = 0
  #askedMs: number = 0

  constructor(
    connection: Connection,
    {
      timers,
      limits,
      stale,
    }: { readonly timers: Timers; readonly limits: SetLimits; readonly stale: () => void },
  ) {
    this.#connection = connection
    this.#timers = timers
    this.#limits = limits
    this.#stale = stale
    this.#timer = new Timer(() => this.#tick())
    timers.set(this.#timer, limits.pingIntervalMs)
  }

  ponged(): void {
    // Whoever sends PONG unasked is measured by nothing.
    if (this.#unanswered > 0) this.roundTripMs = this.#nowMs - this.#askedMs
    this.#unanswered = 0
  }

  stop(): void {
    this.#timers.clear(this.#timer)
  }

  get #nowMs(): number {
    return this.#connection.turn.clock.nowMs()
  }

  #tick(): void {
    const connection = this.#connection
    if (!connection.open) return
    // Whatever comes is a sign of life, also where it lies unread because the client has to wait.
    if (connection.bytesReceived !== this.#received || connection.paused) this.#unanswered = 0
    else {
      if (this.#unanswered >= this.#limits.pingsOutMax) return this.#stale()
      this.#unanswered++
      this.#askedMs = this.#nowMs
      connection.write(PING)
    }
    this.#received = connection.bytesReceived
    this.#timers.set(this.#timer, this.#limits.pingIntervalMs)
  }
}
