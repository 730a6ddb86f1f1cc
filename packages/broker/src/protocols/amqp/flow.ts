import type { Connection } from '../../base/net/connection.ts'
import type { AlarmListener, Alarms } from '../../core/alarms.ts'
import { limits } from '../../core/limits.ts'
import type { Memory } from '../../core/memory.ts'
import { writeConnectionBlocked, writeConnectionUnblocked } from './codec/connection-methods.ts'
import { ReplyCode } from './codec/constants.ts'
import { AmqpError } from './errors.ts'
import { amqpLimits } from './limits.ts'
import type { Session } from './session.ts'

/** Why the parsing of input stands still. More than one may hold at a time: each lets go for itself only. */
export const Hold = {
  /** A call to the core has not been answered. */
  call: 1,
  /** The client was stopped at a publish, because something is short. */
  publish: 2,
  /** The client does not read what it asked for. */
  output: 4,
  /** A login is being checked, or a refused one waits for its answer. */
  login: 8,
} as const
export type Hold = (typeof Hold)[keyof typeof Hold]

const ONE_MESSAGE_BYTES = limits.messageBytesMax + limits.headerBytesMax

/**
 * When a client has to wait, and what it makes the broker keep meanwhile.
 *
 * Deliveries stop by themselves while the socket is congested (see consumer.ts); here is all else that a client can
 * ask for without reading it.
 */
export class Flow implements AlarmListener {
  /** Of messages that are not whole yet, bytes; the broker's memory counts them too. */
  gatheredBytes: number = 0
  readonly #session: Session
  readonly #connection: Connection
  readonly #memory: Memory
  readonly #alarms: Alarms
  #toldBlocked: boolean = false
  /** Written since the socket was last known to keep up, deliveries apart. */
  #answerBytes: number = 0

  constructor(session: Session) {
    this.#session = session
    this.#connection = session.connection
    this.#memory = session.broker.memory
    this.#alarms = session.broker.alarms
  }

  /** The client was stopped at a publish. */
  get isBlocked(): boolean {
    return this.#connection.isHeldBy(Hold.publish)
  }

  /**
   * Counts answers, returned messages and confirms. Who lets too many of them lie is asked nothing more until it has
   * read: the socket's congestion alone does not say so, because a slow consumer may publish.
   */
  answered(bytes: number): void {
    this.#answerBytes += bytes
    if (this.#answerBytes < amqpLimits.answerBytesMax) return
    if (this.#connection.congested) this.#connection.hold(Hold.output)
    else this.#answerBytes = 0
  }

  drained(): void {
    this.#answerBytes = 0
    this.#connection.release(Hold.output)
  }

  /** Stops reading before a publish or a part of one; acknowledgements that came before it have been taken. */
  waitToPublish(): void {
    this.#connection.hold(Hold.publish)
    this.#alarms.listen(this)
    this.#tellBlocked()
  }

  /** Once, with the reason of that moment. [as RabbitMQ] */
  #tellBlocked(): void {
    const session = this.#session
    const { reason } = this.#alarms
    if (reason === null || !session.client.connectionBlocked || this.#toldBlocked) return
    this.#toldBlocked = true
    writeConnectionBlocked(session.startMethod(0), reason)
    session.endMethod()
  }

  alarmsChanged(): void {
    if (!this.#connection.open) return this.closed()
    if (this.#alarms.raised !== 0) return this.#tellBlocked()
    this.#alarms.unlisten(this)
    if (this.#toldBlocked) {
      this.#toldBlocked = false
      writeConnectionUnblocked(this.#session.startMethod(0))
      this.#session.endMethod()
    }
    this.#connection.release(Hold.publish)
  }

  /** Nothing is waited for any more. */
  closed(): void {
    this.#alarms.unlisten(this)
  }

  /** Counts what a channel has gathered of a message, or, negative, has let go. */
  gathered(bytes: number): void {
    this.gatheredBytes += bytes
    this.#memory.gatheredBytes += bytes
  }

  /**
   * Whether a part of a message has to wait. While memory is full a connection may end what it has begun, else nobody would
   * ever end anything; but no more than one message's worth, however many channels it began them on.
   */
  get isGatheringTooMuch(): boolean {
    if (!this.#memory.full || this.gatheredBytes <= ONE_MESSAGE_BYTES) return false
    // Nothing that anybody consumes would end the wait.
    if (this.#memory.isFullOfGathered) {
      const text = 'the messages that are being sent take all of the memory'
      throw new AmqpError(ReplyCode.RESOURCE_ERROR, text)
    }
    return true
  }
}
