import { setTimeout as delay } from 'node:timers/promises'
import { connect, type ChannelModel, type ConfirmChannel, type ConsumeMessage } from 'amqplib'
import { Kafka, logLevel, type Consumer, type Producer } from 'kafkajs'
import { Connection } from 'rabbitmq-client'
import type { ExampleBroker } from '../support/broker.ts'
import { startConsumer } from '../support/consumer.ts'

const DISHES = ['coffee', 'cake', 'tea', 'bread'] as const
const TABLES = 9
/** Each so many orders somebody pays. */
const PAYMENT_EVERY = 3
/** How many of its messages the café knows again. */
const REMEMBERED_MAX = 100
/** Characters of a message. */
const SHOWN_MAX = 60

/** People who watch may take part: what they publish here arrives like the café's own. */
export const names = {
  exchange: 'demo.cafe',
  orders: 'demo.orders',
  payments: 'demo.payments',
} as const

/** Who has done what, by which client. */
export interface Scene {
  readonly kind: 'sent' | 'arrived'
  readonly who: string
  readonly client: string
  readonly did: string
  /** How long it was on its way; null if it was not sent by the café. */
  readonly ms: number | null
}

/** A café whose staff uses three client libraries and two protocols, and one broker. */
export class Cafe {
  readonly #broker: ExampleBroker
  readonly #show: (scene: Scene) => void
  readonly #sentMs = new Map<string, number>()
  #served = 0

  #amqplib: ChannelModel | undefined
  #channel: ConfirmChannel | undefined
  #rabbit: Connection | undefined
  #reader: Consumer | undefined
  #producer: Producer | undefined

  constructor(broker: ExampleBroker, show: (scene: Scene) => void) {
    this.#broker = broker
    this.#show = show
  }

  async open(): Promise<void> {
    this.#amqplib = await connect(this.#broker.amqpUrl)
    const channel = await this.#amqplib.createConfirmChannel()
    this.#channel = channel
    await channel.assertExchange(names.exchange, 'topic', { autoDelete: true })
    const stream = { durable: true, arguments: { 'x-queue-type': 'stream' } }
    for (const name of [names.orders, names.payments]) await channel.assertQueue(name, stream)
    // Orders go to whom they concern, and all of them into the log of orders, which is a Kafka topic too.
    await channel.bindQueue(names.orders, names.exchange, 'order.#')
    await this.#openKitchen(channel)
    await this.#openBar()
    await this.#openTill(channel)
    await this.#openOffice()
  }

  async #openKitchen(channel: ConfirmChannel): Promise<void> {
    const { queue } = await channel.assertQueue('', { exclusive: true })
    for (const dish of ['cake', 'bread']) {
      await channel.bindQueue(queue, names.exchange, `order.${dish}`)
    }
    await channel.consume(queue, (message) => {
      if (message === null) return
      this.#arrived('kitchen', 'amqplib', 'has the order', message.content)
      channel.ack(message)
    })
  }

  async #openBar(): Promise<void> {
    this.#rabbit = new Connection(this.#broker.amqpUrl)
    const bar = {
      queueOptions: { exclusive: true },
      queueBindings: ['coffee', 'tea'].map((dish) => ({
        exchange: names.exchange,
        routingKey: `order.${dish}`,
      })),
    }
    await startConsumer(this.#rabbit, bar, ({ body }) => {
      this.#arrived('bar', 'rabbitmq-client', 'has the order', body)
    })
  }

  /** Reads as a stream of RabbitMQ's what Kafka's client has written. */
  async #openTill(channel: ConfirmChannel): Promise<void> {
    await channel.prefetch(10)
    const read = (message: ConsumeMessage | null): void => {
      if (message === null) return
      this.#arrived('till', 'amqplib', 'reads from Kafka', message.content)
      channel.ack(message)
    }
    await channel.consume(names.payments, read, { arguments: { 'x-stream-offset': 'next' } })
  }

  /** Reads as a Kafka topic what RabbitMQ's client has published. */
  async #openOffice(): Promise<void> {
    const kafka = new Kafka({ brokers: [this.#broker.kafkaAddress], logLevel: logLevel.NOTHING })
    this.#producer = kafka.producer()
    // How long a fetch waits for news, and its end for the fetch; records come at once all the same.
    this.#reader = kafka.consumer({ groupId: `office-${names.orders}`, maxWaitTimeInMs: 500 })
    await Promise.all([this.#producer.connect(), this.#reader.connect()])
    await this.#reader.subscribe({ topic: names.orders, fromBeginning: true })
    await this.#reader.run({
      eachMessage: ({ message: { offset, value } }) => {
        this.#arrived('office', 'kafkajs', `logs as offset ${offset}`, value)
        return Promise.resolve()
      },
    })
  }

  /** One order, and now and then a payment. */
  async serve(): Promise<void> {
    const number = ++this.#served
    const dish = DISHES[number % DISHES.length] ?? DISHES[0]
    const order = `${number}: ${dish} for table ${1 + (number % TABLES)}`
    this.#sent('waiter', 'amqplib', `publishes order.${dish}`, order)
    this.#channel?.publish(names.exchange, `order.${dish}`, Buffer.from(order))
    await this.#channel?.waitForConfirms()
    if (number % PAYMENT_EVERY !== 0) return
    await delay(200)
    const payment = `table ${1 + (number % TABLES)} has paid for ${number}`
    this.#sent('card', 'kafkajs', 'produces', payment)
    await this.#producer?.send({ topic: names.payments, messages: [{ value: payment }] })
  }

  #sent(who: string, client: string, did: string, body: string): void {
    this.#show({ kind: 'sent', who, client, did: `${did} ${quoted(body)}`, ms: null })
    this.#sentMs.set(body, performance.now())
    const [oldest = ''] = this.#sentMs.keys()
    if (this.#sentMs.size > REMEMBERED_MAX) this.#sentMs.delete(oldest)
  }

  #arrived(who: string, client: string, did: string, body: unknown): void {
    const text = String(body)
    const sentMs = this.#sentMs.get(text)
    const ms = sentMs === undefined ? null : performance.now() - sentMs
    this.#show({ kind: 'arrived', who, client, did: `${did} ${quoted(text)}`, ms })
  }

  /** Leaves nothing behind on a broker that goes on. */
  async close(): Promise<void> {
    await Promise.all([this.#reader?.disconnect(), this.#producer?.disconnect()])
    for (const name of [names.orders, names.payments]) await this.#channel?.deleteQueue(name)
    await this.#channel?.close()
    await this.#amqplib?.close()
    this.#rabbit?.unsafeDestroy()
  }
}

/** Of others, it may be anything; a terminal is to do nothing but show it. */
function quoted(body: string): string {
  const text = body.replaceAll(/\p{C}/gu, '?')
  return `"${text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text}"`
}
