import type { Channel, ConsumeMessage, Message } from 'amqplib'
import { queues } from '../topology.ts'
import { AmqpLink } from './amqp-link.ts'
import { bodyError } from './body.ts'
import type { Load } from './load.ts'

type Settling = 'each' | 'batches' | 'slow' | 'giving back' | 'auto'

export interface Consumer {
  readonly queue: string
  readonly prefetch: number
  readonly settling: Settling
}

const [few, one, unbounded] = queues.work

const consumers: readonly Consumer[] = [
  { queue: few, prefetch: 10, settling: 'each' },
  { queue: few, prefetch: 100, settling: 'slow' },
  { queue: one, prefetch: 1, settling: 'each' },
  { queue: unbounded, prefetch: 0, settling: 'batches' },
  ...queues.fanout.map((queue, index): Consumer => {
    return { queue, prefetch: 20 * (index + 1), settling: index === 0 ? 'batches' : 'each' }
  }),
  ...queues.topic.map((queue): Consumer => ({ queue, prefetch: 50, settling: 'slow' })),
  { queue: queues.auto, prefetch: 0, settling: 'auto' },
  { queue: queues.requeue, prefetch: 5, settling: 'giving back' },
  { queue: queues.requeue, prefetch: 50, settling: 'giving back' },
  { queue: queues.bound, prefetch: 10, settling: 'each' },
]

/** Cut now and then, or closed by the hour: a consumer's connection does not live long. */
const LOOK_EVERY_MS = 20
const SETTLE_EVERY_MS = 30
/** Messages that are acknowledged at once by one ack. */
const BATCH = 20
const GET_EVERY_MS = 2

export async function consumeAmqp(load: Load): Promise<void> {
  await Promise.all([...consumers.map((consumer) => consume(load, consumer)), getAll(load)])
}

/** One consumer after the other, each on a connection of its own. */
export async function consume(load: Load, consumer: Consumer): Promise<void> {
  const cutProbability = (load.config.cutsPerMinute / 60_000) * LOOK_EVERY_MS
  for (;;) {
    const link = await AmqpLink.open(load, 'c')
    if (link === null) return
    const settler = await begin(load, link, consumer).catch(() => null)
    while (settler !== null && !link.isGone && !load.isStopping) {
      await load.pause(LOOK_EVERY_MS)
      if (load.chance(cutProbability)) link.cut()
    }
    settler?.stop()
    await link.close()
    await load.backOff()
  }
}

async function begin(load: Load, link: AmqpLink, consumer: Consumer): Promise<Settler> {
  const channel = await link.ask('channel.open', link.model.createChannel())
  channel.on('error', (error: Error) => link.refuse(error))
  await link.ask('basic.qos', channel.prefetch(consumer.prefetch))
  const { queue: q, settling } = consumer
  const auto = settling === 'auto'
  const tag = load.unique('t')
  const settler = new Settler(load, link, channel, consumer)
  load.log('invoke', { f: 'consume', conn: link.conn, q, tag, auto })
  const onMessage = (message: ConsumeMessage | null): void => {
    if (link.isGone) return
    if (message === null) return load.fault(`${tag} of ${q} was cancelled`)
    const val = valueOf(message)
    logMessage(load, { f: 'deliver', conn: link.conn, q, tag, auto, message })
    if (!auto) settler.take({ message, val })
  }
  const options = { consumerTag: tag, noAck: auto }
  await link.ask('basic.consume', channel.consume(q, onMessage, options))
  return settler
}

interface Taken {
  readonly message: Message
  readonly val: string
}

/** Settles in its consumer's way; writes down what it does before it does it. */
class Settler {
  readonly #load: Load
  readonly #link: AmqpLink
  readonly #channel: Channel
  readonly #queue: string
  readonly #settling: Settling
  readonly #held: Taken[] = []
  readonly #timer: NodeJS.Timeout

  constructor(load: Load, link: AmqpLink, channel: Channel, { queue, settling }: Consumer) {
    this.#load = load
    this.#link = link
    this.#channel = channel
    this.#queue = queue
    this.#settling = settling
    this.#timer = setInterval(() => this.#settleHeld(), SETTLE_EVERY_MS)
  }

  take(taken: Taken): void {
    if (this.#settling === 'each') return this.#ack([taken])
    if (this.#settling === 'giving back') return this.#giveBack(taken)
    this.#held.push(taken)
    if (this.#settling === 'batches' && this.#held.length >= BATCH) this.#settleHeld()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Slow ones keep the latter half until the next time, or for ever. */
  #settleHeld(): void {
    if (this.#link.isGone) return
    const count = this.#settling === 'slow' ? Math.ceil(this.#held.length / 2) : this.#held.length
    this.#ack(this.#held.splice(0, count))
  }

  /** All up to the last one at once, which is what `multiple` says. */
  #ack(messages: readonly Taken[]): void {
    const last = messages.at(-1)
    if (last === undefined) return
    for (const { val } of messages) this.#log('ack', val)
    this.#channel.ack(last.message, messages.length > 1)
  }

  #giveBack(taken: Taken): void {
    const at = this.#load.random.below(100)
    if (at < 15) {
      this.#log('nack', taken.val, true)
      this.#channel.nack(taken.message, false, true)
    } else if (at < 25) {
      this.#log('reject', taken.val, true)
      this.#channel.reject(taken.message, true)
    } else if (at < 30) {
      this.#log('reject', taken.val, false)
      this.#channel.reject(taken.message, false)
    } else this.#ack([taken])
  }

  #log(f: 'ack' | 'nack' | 'reject', val: string, requeue?: boolean): void {
    const event = { f, proto: 'amqp', conn: this.#link.conn, q: this.#queue, val } as const
    this.#load.log('invoke', requeue === undefined ? event : { ...event, requeue })
  }
}

async function getAll(load: Load): Promise<void> {
  for (;;) {
    const link = await AmqpLink.open(load, 'g')
    if (link === null) return
    // What was asked for when the connection ended has no other end.
    await getFrom(load, link).catch(() => {})
    await link.close()
    await load.backOff()
  }
}

async function getFrom(load: Load, link: AmqpLink): Promise<void> {
  const q = queues.get
  const { conn } = link
  const channel = await link.ask('channel.open', link.model.createChannel())
  channel.on('error', (error: Error) => link.refuse(error))
  load.log('invoke', { f: 'consume', conn, q, tag: 'get', auto: false })
  while (!link.isGone && !load.isStopping) {
    const message = await link.ask('basic.get', channel.get(q))
    if (link.isGone) return
    if (message === false) {
      await load.pause(GET_EVERY_MS)
      continue
    }
    logMessage(load, { f: 'get', conn, q, tag: 'get', auto: false, message })
    const val = valueOf(message)
    load.log('invoke', { f: 'ack', proto: 'amqp', conn, q, val })
    channel.ack(message)
  }
}

/** Its id; of what was a record from the beginning its key, which travels as a header. */
export function valueOf({ properties }: Message): string {
  return String(properties.messageId ?? properties.headers?.['x-record-key'])
}

/** Writes down a message that came, and what is wrong with it. */
export function logMessage(
  load: Pick<Load, 'log'>,
  got: {
    readonly f: 'deliver' | 'get'
    readonly conn: string
    readonly q: string
    readonly tag: string
    readonly auto: boolean
    readonly message: Message
  },
): void {
  const { message, ...names } = got
  const val = valueOf(message)
  const redelivered = message.fields.redelivered === true
  const event = {
    ...names,
    proto: 'amqp',
    val,
    redelivered,
    bytes: message.content.length,
  } as const
  const err = bodyError(val, message.content)
  load.log('ok', err === null ? event : { ...event, err })
}
