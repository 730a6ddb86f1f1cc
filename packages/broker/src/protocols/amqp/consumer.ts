import type { Connection } from '../../base/net/connection.ts'
import type { Consumer, ConsumerDescription, Delivery } from '../../core/consumer.ts'
import { Origin } from '../../core/message.ts'
import type { Channel } from './channel.ts'
import { DeliverHead, writeDelivery } from './delivery.ts'

export interface AmqpConsumerOptions {
  readonly tag: string
  readonly noAck: boolean
  readonly prefetch: number
}

/** One basic.consume: turns what the queue hands out into basic.deliver. */
export class AmqpConsumer implements Consumer {
  readonly tag: string
  readonly noAck: boolean
  /** Unacknowledged messages it may have; 0 for no limit. Fixed when it began. [RabbitMQ global=false] */
  readonly prefetch: number
  /** Number within the channel, for the table of what is unacknowledged. */
  readonly number: number
  /** Its id in the core; 0 until consume is complete. */
  id: number = 0
  unacked: number = 0
  /** The queue has turned away because it was not ready; it must be told when that changes. */
  waiting: boolean = false
  readonly #deliverHead: DeliverHead
  readonly #channel: Channel
  readonly #connection: Connection

  constructor(channel: Channel, number: number, options: AmqpConsumerOptions) {
    this.#channel = channel
    this.#connection = channel.session.connection
    this.number = number
    this.tag = options.tag
    this.noAck = options.noAck
    this.prefetch = options.prefetch
    this.#deliverHead = new DeliverHead(options.tag)
  }

  ready(): boolean {
    if (!this.#connection.open) return false
    if (!this.#hasCredit() || this.#connection.congested) {
      this.waiting = true
      return false
    }
    return true
  }

  #hasCredit(): boolean {
    if (this.#channel.closing) return false
    if (this.noAck) return true
    if (this.prefetch > 0 && this.unacked >= this.prefetch) return false
    return !this.#channel.prefetchReached
  }

  deliver(delivery: Delivery): void {
    const channel = this.#channel
    const tag = ++channel.lastDeliveryTag
    if (!this.noAck) {
      channel.unacked.add(tag, delivery.queue, delivery.sequence, this.number)
      channel.consumersUnacked++
      this.unacked++
    }
    const isPlain = delivery.message.origin === Origin.amqp && delivery.streamOffset < 0
    try {
      const written = isPlain ? delivery : this.#translate(delivery)
      writeDelivery(channel, this.#deliverHead, tag, written)
    } catch (error) {
      channel.session.fault(error)
    }
  }

  #translate(delivery: Delivery): Delivery {
    const { translation, broker, frameBytesMax } = this.#channel.session
    return translation.delivery(delivery, broker.formats, frameBytesMax)
  }

  cancelled(): void {
    this.#channel.consumerCancelled(this)
  }

  describe(): ConsumerDescription {
    const { tag, prefetch, unacked } = this
    return { tag, channel: this.#channel.number, prefetch, unacked }
  }
}
