import type { Logger } from '../../base/log.ts'
import type { Connection } from '../../base/net/connection.ts'
import { Timer, type Timers } from '../../base/timers.ts'
import { FRAME_END, FrameType } from './codec/constants.ts'

const HEARTBEAT_FRAME = Buffer.from([FrameType.heartbeat, 0, 0, 0, 0, 0, 0, FRAME_END])
/** Half intervals without a byte after which the peer is dead: two intervals and a bit. [AMQP 4.2.7] */
const SILENT_TICKS_MAX = 5

export interface HeartbeatOptions {
  readonly timers: Timers
  readonly log: Logger
  readonly dead: () => void
}

/**
 * Looks twice an interval whether bytes have gone either way: sends a heartbeat where we were silent,
 * gives up on a peer that was silent for more than two intervals. One whose socket we stopped reading is not silent.
 */
export class Heartbeat {
  readonly #connection: Connection
  readonly #timers: Timers
  readonly #log: Logger
  readonly #dead: () => void
  readonly #timer: Timer
  #seconds: number = 0
  #received: number = 0
  #sent: number = 0
  #silentTicks: number = 0

  /** `dead` is called, once it is logged, for a peer that was silent for too long. */
  constructor(connection: Connection, options: HeartbeatOptions) {
    this.#connection = connection
    this.#timers = options.timers
    this.#log = options.log
    this.#dead = options.dead
    this.#timer = new Timer(() => this.#tick())
  }

  /** `seconds` as agreed in tune; 0 is no heartbeats. */
  start(seconds: number): void {
    this.#seconds = seconds
    if (seconds > 0) this.#timers.set(this.#timer, seconds * 500)
  }

  stop(): void {
    this.#timers.clear(this.#timer)
  }

  #tick(): void {
    const connection = this.#connection
    if (!connection.open) return
    const silent = connection.bytesReceived === this.#received && !connection.paused
    this.#silentTicks = silent ? this.#silentTicks + 1 : 0
    if (this.#silentTicks >= SILENT_TICKS_MAX) {
      this.#log.warn(`missed heartbeats from client, timeout: ${this.#seconds}s: connection closed`)
      this.#dead()
      return
    }
    if (connection.bytesSent === this.#sent && connection.outputBytes === 0)
      connection.write(HEARTBEAT_FRAME)
    this.#received = connection.bytesReceived
    this.#sent = connection.bytesSent
    this.#timers.set(this.#timer, this.#seconds * 500)
  }
}
