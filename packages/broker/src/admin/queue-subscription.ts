import type { ServerResponse } from 'node:http'
import { Timer } from '../base/timers.ts'
import type { Task } from '../base/turn.ts'
import type { Broker } from '../core/broker.ts'
import type { Consumer, ConsumerDescription, Delivery } from '../core/consumer.ts'
import { MessageFlag } from '../core/message.ts'
import type { Queue } from '../core/queue/queue.ts'
import type { ControlCaller } from './caller.ts'
import { adminLimits } from './limits.ts'
import { LineStream } from './line-stream.ts'
import type { EndReason, Subscription, Subscriptions } from './subscriptions.ts'
import { encodedBody, jsonOfArguments } from './values.ts'

export interface QueueSubscriptionOptions {
  readonly broker: Broker
  readonly subscriptions: Subscriptions
  readonly caller: ControlCaller
  readonly address: string
  /** Whether messages go back when it ends. */
  readonly looksOnly: boolean
  /** End after so many; Infinity for never. */
  readonly count: number
  /** Whether to wait when there is nothing more. */
  readonly follow: boolean
}

/** A message that is out. */
interface Taken {
  readonly queue: number
  readonly sequence: number
}

/** How often a subscription that does not wait looks whether others have taken what it waits for, ms. */
const LOOK_EVERY_MS = 100

/**
 * One consumer of a queue, as lines over HTTP.
 *
 * A message is settled when its line has been handed to the system: one that the client's socket did not take any more goes back.
 * Invariant: what is out for it is in `#taken`, and when it is over nothing is.
 */
export class QueueSubscription implements Consumer, Subscription, Task {
  queued: boolean = false
  readonly #options: QueueSubscriptionOptions
  readonly #taken = new Set<Taken>()
  readonly #look: Timer = new Timer(() => this.#lookForMore())
  #lines: LineStream | null = null
  #queue: Queue | null = null
  #consumer: number = 0
  #received: number = 0
  #ending: EndReason | null = null
  #isOver: boolean = false

  constructor(options: QueueSubscriptionOptions) {
    this.#options = options
  }

  /** Takes nothing before open(). */
  async consume(queue: Queue): Promise<void> {
    const { broker, caller } = this.#options
    this.#queue = queue
    const options = { noAck: false, exclusive: false, priority: 0 }
    const request = { queue: queue.name, consumer: this, options }
    const outcome = await caller.ask((token) => broker.consume(caller, token, request))
    if (outcome.kind === 'consuming') this.#consumer = outcome.consumer
  }

  /** The answer begins. */
  open(response: ServerResponse): void {
    const { subscriptions, broker, address, follow } = this.#options
    this.#lines = new LineStream(response, {
      drained: () => this.#wake(),
      closed: () => this.#closed(),
    })
    this.#lines.write({ type: 'subscribed', address })
    subscriptions.add(this)
    this.#wake()
    if (!follow) broker.timers.set(this.#look, LOOK_EVERY_MS)
  }

  #wake(): void {
    if (!this.#isOver) this.#options.broker.consumerReady(this.#consumer)
  }

  ready(): boolean {
    if (this.#lines === null || this.#ending !== null || this.#isOver) return false
    return !this.#lines.congested && this.#hasRoom
  }

  get #hasRoom(): boolean {
    return this.#options.looksOnly || this.#taken.size < adminLimits.unsettledMax
  }

  deliver({ queue, sequence, redelivered, message }: Delivery): void {
    const { broker, looksOnly, count } = this.#options
    const taken = { queue, sequence }
    this.#taken.add(taken)
    const { headers, ...properties } = broker.formats.view(message)
    const body = message.buffer.subarray(message.bodyStart, message.bodyEnd)
    const line = {
      type: 'message',
      exchange: message.exchange,
      routingKey: message.routingKey,
      redelivered,
      persistent: (message.flags & MessageFlag.persistent) !== 0,
      properties,
      headers: jsonOfArguments(headers),
      ...encodedBody(body),
    }
    if (looksOnly) this.#lines?.write(line)
    else this.#lines?.write(line, (error) => this.#sent(taken, error == null))
    this.#received++
    // Not here: the queue is in the middle of handing out.
    if (this.#received >= count) this.#endSoon('count')
    else if (!this.#options.follow && this.#queue?.ready === 0) this.#endSoon('no-more')
  }

  #sent(taken: Taken, isSent: boolean): void {
    const wasFull = !this.#hasRoom
    this.#giveBack(taken, isSent)
    if (wasFull) this.#wake()
  }

  #giveBack(taken: Taken, isDone: boolean): void {
    if (!this.#taken.delete(taken)) return
    const { broker } = this.#options
    if (isDone) broker.settle(taken.queue, taken.sequence)
    else broker.requeue(taken.queue, taken.sequence)
  }

  #lookForMore(): void {
    const { broker } = this.#options
    if (this.#isOver) return
    if (this.#queue?.ready === 0) this.#endSoon('no-more')
    else broker.timers.set(this.#look, LOOK_EVERY_MS)
  }

  cancelled(): void {
    this.#consumer = 0
    this.#endSoon('deleted')
  }

  describe(): ConsumerDescription {
    const { looksOnly } = this.#options
    const prefetch = looksOnly ? adminLimits.peekedMax : adminLimits.unsettledMax
    return { tag: this.#options.address, channel: null, prefetch, unacked: this.#taken.size }
  }

  #endSoon(reason: EndReason): void {
    if (this.#ending !== null) return
    this.#ending = reason
    this.#options.broker.turn.schedule(this)
  }

  run(): boolean {
    this.end(this.#ending ?? 'error')
    return false
  }

  end(reason: EndReason, message?: string): void {
    if (this.#isOver) return
    this.#release()
    // What was written and not yet sent is settled, or goes back, when that is known.
    if (this.#options.looksOnly) this.#requeueAll()
    this.#lines?.end({ type: 'ended', reason, ...(message !== undefined && { message }) })
    if (this.#lines === null) this.#requeueAll()
  }

  /** Takes no more; what is its own goes. */
  #release(): void {
    const { broker, caller, subscriptions } = this.#options
    this.#isOver = true
    broker.timers.clear(this.#look)
    if (this.#consumer !== 0) broker.cancel(caller, 0, this.#consumer)
    subscriptions.remove(this)
  }

  #closed(): void {
    const { broker, caller } = this.#options
    if (!this.#isOver) this.#release()
    this.#requeueAll()
    broker.disconnect(caller)
  }

  #requeueAll(): void {
    for (const taken of [...this.#taken]) this.#giveBack(taken, false)
  }
}
