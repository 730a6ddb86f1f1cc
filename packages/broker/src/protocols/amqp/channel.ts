import { Safety, type Committer, type Commits } from '../../core/commits.ts'
import { Promises } from '../../core/promises.ts'
import type { Publisher } from '../../core/publisher.ts'
import { writeBasicAck, writeBasicCancel, writeBasicNack } from './codec/basic-methods.ts'
import type { AmqpConsumer } from './consumer.ts'
import { Content } from './content.ts'
import { unknownDeliveryTag } from './errors.ts'
import type { Session } from './session.ts'
import { Unacked } from './unacked.ts'

/** What becomes of a delivered message. */
export const Settlement = { done: 0, requeue: 1 } as const
export type Settlement = (typeof Settlement)[keyof typeof Settlement]

/**
 * One channel: the message it is receiving, what it has delivered and not heard of, its consumers.
 *
 * Invariant: every message that the core counts as out for this channel has an open tag in `unacked`,
 * and when the channel closes, all of them go back to their queues. Confirms leave in the order of the messages.
 */
export class Channel implements Committer {
  readonly number: number
  readonly session: Session
  readonly content: Content
  readonly unacked: Unacked = new Unacked()
  readonly consumers: Map<string, AmqpConsumer> = new Map()
  /** We have sent channel.close and wait for close-ok; all else is ignored. */
  closing: boolean = false
  lastDeliveryTag: number = 0
  /** Unacknowledged deliveries to consumers; those of basic.get do not count against prefetch. [as RabbitMQ] */
  consumersUnacked: number = 0
  /** For consumers that begin from now on. */
  prefetch: number = 0
  /** For the channel as a whole; 0 for no limit. */
  prefetchGlobal: number = 0
  /** The queue that an empty name means. */
  lastQueue: string | null = null
  confirming: boolean = false
  readonly #byNumber = new Map<number, AmqpConsumer>()
  #lastConsumerNumber: number = 0
  #publisher: Publisher | null = null
  #published: number = 0
  #confirmed: number = 0
  /** Numbers of messages up to which confirms are due, and when. */
  readonly #promises = new Promises()
  readonly #commits: Commits

  constructor(session: Session, number: number) {
    this.session = session
    this.#commits = session.broker.completions.commits
    this.number = number
    this.content = new Content(session.flow)
  }

  /** Messages confirmed so far. */
  get confirmed(): number {
    return this.#confirmed
  }

  get prefetchReached(): boolean {
    return this.prefetchGlobal > 0 && this.consumersUnacked >= this.prefetchGlobal
  }

  get publisher(): Publisher {
    this.#publisher ??= this.session.broker.newPublisher(this.session)
    return this.#publisher
  }

  /** Counts a message of a channel in confirm mode; it is confirmed when it and all before it are as safe as they have to be. */
  published(safety: Safety): void {
    this.#published++
    if (this.#promises.make(this.#commits.turn, safety, this.#published)) {
      this.session.broker.whenSafe(this, safety)
    }
  }

  commit(turn: number, safety: Safety): void {
    const upTo = this.#promises.keep(turn, safety)
    if (upTo === -1 || this.closing || !this.session.connection.open) return
    try {
      this.#confirm(upTo)
    } catch (error) {
      this.session.fault(error)
    }
  }

  #confirm(upTo: number): void {
    const multiple = upTo - this.#confirmed > 1
    this.#confirmed = upTo
    const writer = this.session.startMethod(this.number)
    writeBasicAck(writer, { deliveryTag: upTo, multiple })
    this.session.endMethod()
  }

  /** The disk has failed: what is not confirmed by now will never be. */
  failed(): void {
    this.#promises.clear()
    if (this.closing || this.#confirmed === this.#published || !this.session.connection.open) return
    const multiple = this.#published - this.#confirmed > 1
    this.#confirmed = this.#published
    writeBasicNack(this.session.startMethod(this.number), {
      deliveryTag: this.#published,
      multiple,
    })
    this.session.endMethod()
  }

  nextConsumerNumber(): number {
    return ++this.#lastConsumerNumber
  }

  addConsumer(consumer: AmqpConsumer): void {
    this.consumers.set(consumer.tag, consumer)
    this.#byNumber.set(consumer.number, consumer)
  }

  removeConsumer(consumer: AmqpConsumer): void {
    this.consumers.delete(consumer.tag)
    this.#byNumber.delete(consumer.number)
  }

  /** Its queue is gone: told to those clients that want to know. */
  consumerCancelled(consumer: AmqpConsumer): void {
    this.removeConsumer(consumer)
    const { session } = this
    if (this.closing || !session.connection.open || !session.client.consumerCancelNotify) return
    writeBasicCancel(session.startMethod(this.number), consumer.tag)
    session.endMethod()
  }

  /** basic.ack, nack and reject. Throws 406 for a tag that is not open. Tag 0 with multiple is all of them. */
  settle(tag: number, multiple: boolean, settlement: Settlement): void {
    if (!multiple) {
      if (!this.unacked.has(tag)) throw unknownDeliveryTag(tag)
      this.#settleOne(tag, settlement)
    } else {
      if (tag !== 0 && !this.unacked.has(tag)) throw unknownDeliveryTag(tag)
      this.settleAll(tag === 0 ? this.lastDeliveryTag : tag, settlement)
    }
    if (this.prefetchGlobal > 0) this.wakeConsumers()
  }

  /** All open tags up to and including `max`. */
  settleAll(max: number, settlement: Settlement): void {
    for (let tag = this.unacked.first(max); tag !== 0; tag = this.unacked.first(max)) {
      this.#settleOne(tag, settlement)
    }
  }

  #settleOne(tag: number, settlement: Settlement): void {
    const { unacked } = this
    unacked.close(tag)
    if (unacked.consumer !== 0) {
      this.consumersUnacked--
      const consumer = this.#byNumber.get(unacked.consumer)
      if (consumer !== undefined) this.#giveCredit(consumer)
    }
    const { broker } = this.session
    if (settlement === Settlement.done) broker.settle(unacked.queue, unacked.sequence)
    else broker.requeue(unacked.queue, unacked.sequence)
  }

  #giveCredit(consumer: AmqpConsumer): void {
    consumer.unacked--
    if (!consumer.waiting) return
    consumer.waiting = false
    this.session.broker.consumerReady(consumer.id)
  }

  /** After the channel's common credit or the socket's room has grown. */
  wakeConsumers(): void {
    for (const consumer of this.consumers.values()) {
      if (!consumer.waiting) continue
      consumer.waiting = false
      this.session.broker.consumerReady(consumer.id)
    }
  }

  /** Consumers end and what was not acknowledged goes back, in that order: not to this channel again. */
  close(): void {
    const { confirmed, lastDeliveryTag: delivered } = this
    if (!this.closing) this.session.broker.totals.channelGone({ confirmed, delivered })
    this.closing = true
    this.content.end()
    for (const consumer of this.consumers.values())
      this.session.broker.cancel(this.session, 0, consumer.id)
    this.consumers.clear()
    this.#byNumber.clear()
    this.settleAll(this.lastDeliveryTag, Settlement.requeue)
  }
}
