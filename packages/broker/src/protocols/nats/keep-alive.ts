import type { Connection } from '../../base/net/connection.ts'
import { Timer, type Timers } from '../../base/timers.ts'
import { PING } from './codec/server-lines.ts'
import { natsLimits } from './limits.ts'

/**
 * Asks a client that has been silent for an interval whether it is there, and gives up on one that has not answered twice. One whose
 * socket we stopped reading is not silent. [NATS ping_interval, ping_max]
 */
export class KeepAlive {
  readonly #connection: Connection
  readonly #timers: Timers
  readonly #stale: () => void
  readonly #timer: Timer
  #received: number = 0
  #unanswered: number = 0

  constructor(
    connection: Connection,
    { timers, stale }: { readonly timers: Timers; readonly stale: () => void },
  ) {
    this.#connection = connection
    this.#timers = timers
    this.#stale = stale
    this.#timer = new Timer(() => this.#tick())
    timers.set(this.#timer, natsLimits.pingIntervalMs)
  }

  ponged(): void {
    this.#unanswered = 0
  }

  stop(): void {
    this.#timers.clear(this.#timer)
  }

  #tick(): void {
    const connection = this.#connection
    if (!connection.open) return
    // Whatever comes is a sign of life, also where it lies unread because the client has to wait.
    if (connection.bytesReceived !== this.#received || connection.paused) this.#unanswered = 0
    else {
      if (this.#unanswered >= natsLimits.pingsOutMax) return this.#stale()
      this.#unanswered++
      connection.write(PING)
    }
    this.#received = connection.bytesReceived
    this.#timers.set(this.#timer, natsLimits.pingIntervalMs)
  }
}
