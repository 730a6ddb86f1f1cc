import type { Connection } from '../../base/net/connection.ts'
import type { AlarmListener, Alarms } from '../../core/alarms.ts'
import { natsLimits } from './limits.ts'

/** Why the parsing of input stands still; bits, since several may hold at once. */
export const Hold = {
  /** A login is being checked, or a refused one waits for its answer. */
  login: 1,
  /** What follows must not be answered before a subscription is. */
  answer: 2,
  /** The client was stopped at a publish, because something is short. */
  publish: 4,
  /** The client does not read what it is answered. */
  output: 8,
} as const
export type Hold = (typeof Hold)[keyof typeof Hold]

/** When a client has to wait. NATS has no word for that: it is not read from, and its socket fills. */
export class Flow implements AlarmListener {
  readonly #connection: Connection
  readonly #alarms: Alarms
  /** Written since the socket was last known to keep up, messages apart. */
  #answerBytes: number = 0

  constructor(connection: Connection, alarms: Alarms) {
    this.#connection = connection
    this.#alarms = alarms
  }

  /** The client was stopped at a publish. */
  get isBlocked(): boolean {
    return this.#connection.isHeldBy(Hold.publish)
  }

  /** Counts what a client was answered: who asks and never reads is asked nothing more. */
  answered(bytes: number): void {
    this.#answerBytes += bytes
    if (this.#answerBytes < natsLimits.answerBytesMax) return
    if (this.#connection.congested) this.#connection.hold(Hold.output)
    else this.#answerBytes = 0
  }

  drained(): void {
    this.#answerBytes = 0
    this.#connection.release(Hold.output)
  }

  /** Stops reading before a message that is to be kept; what is only heard is never held up. */
  waitToPublish(): void {
    this.#connection.hold(Hold.publish)
    this.#alarms.listen(this)
  }

  alarmsChanged(): void {
    if (!this.#connection.open) return this.closed()
    if (this.#alarms.raised !== 0) return
    this.#alarms.unlisten(this)
    this.#connection.release(Hold.publish)
  }

  /** Nothing is waited for any more. */
  closed(): void {
    this.#alarms.unlisten(this)
  }
}
