import type { TestContext } from 'node:test'
import {
  connect,
  type Channel,
  type ConfirmChannel,
  type ConsumeMessage,
  type Options,
} from 'amqplib'
import { Kafka, logLevel, type KafkaMessage, type Message } from 'kafkajs'
import { connect as connectNats, type NatsConnection } from 'nats'
import { uniqueName } from '../clients/support/amqp-broker.ts'
import { startTestBroker } from '../clients/support/data-directory.ts'
import { Inbox } from '../clients/support/eventually.ts'
import { recordingLogger, visibleLines, type LogLine } from '../clients/support/recording-logger.ts'
import {
  startBroker,
  type DataOptions,
  type Declarations,
  type RunningBroker,
} from '../../packages/broker/src/index.ts'

/** A broker that both kinds of clients talk to, and ways to say one thing each. */
export class CrossingBroker {
  readonly running: RunningBroker
  readonly #lines: LogLine[]
  readonly #kafka: Kafka

  private constructor(running: RunningBroker, lines: LogLine[]) {
    this.running = running
    this.#lines = lines
    this.#kafka = new Kafka({
      clientId: 'crossing',
      brokers: [`127.0.0.1:${running.addresses.kafka?.port ?? 0}`],
      logLevel: logLevel.NOTHING,
      retry: { retries: 2 },
    })
  }

  /** `data` is for a test that starts it again: it keeps its directory. */
  static async start(declarations?: Declarations, data?: DataOptions): Promise<CrossingBroker> {
    const lines: LogLine[] = []
    const log = recordingLogger(lines)
    const [amqp, kafka, nats, redis] = [{ port: 0 }, { port: 0 }, { port: 0 }, { port: 0 }]
    const options = { amqp, kafka, nats, redis, declarations, log }
    const running = await (data === undefined
      ? startTestBroker(options)
      : startBroker({ ...options, data }))
    return new CrossingBroker(running, lines)
  }

  get lines(): readonly LogLine[] {
    return visibleLines(this.#lines)
  }

  get amqp(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: this.running.addresses.amqp?.port ?? 0 }
  }

  /** A client of NATS, closed when the test is over. */
  async nats(t: TestContext): Promise<NatsConnection> {
    const port = this.running.addresses.nats?.port ?? 0
    const connection = await connectNats({ servers: `127.0.0.1:${port}` })
    t.after(() => connection.close())
    return connection
  }

  close(): Promise<void> {
    return this.running.close()
  }

  async channel(t: TestContext): Promise<ConfirmChannel> {
    const connection = await connect(`amqp://guest:guest@127.0.0.1:${this.amqp.port}/`)
    connection.on('error', () => {})
    t.after(() => connection.close().catch(() => {}))
    const channel = await connection.createConfirmChannel()
    channel.on('error', () => {})
    await channel.prefetch(100)
    return channel
  }

  async createTopic(topic: string, numPartitions: number = 1): Promise<void> {
    await this.#withAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions }] }))
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#withAdmin((admin) => admin.deleteTopics({ topics: [topic] }))
  }

  listTopics(): Promise<string[]> {
    return this.#withAdmin((admin) => admin.listTopics())
  }

  async #withAdmin<T>(run: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
    const admin = this.#kafka.admin()
    await admin.connect()
    try {
      return await run(admin)
    } finally {
      await admin.disconnect()
    }
  }

  async produce(topic: string, ...messages: readonly Message[]): Promise<void> {
    const producer = this.#kafka.producer({ allowAutoTopicCreation: true })
    await producer.connect()
    await producer.send({ topic, messages: [...messages] })
    await producer.disconnect()
  }

  /** The first `count` records of a topic, from its beginning. */
  async records(topic: string, count: number): Promise<readonly KafkaMessage[]> {
    // Its goodbye waits for the fetch that is on its way.
    const consumer = this.#kafka.consumer({ groupId: uniqueName('reader'), maxWaitTimeInMs: 20 })
    const inbox = new Inbox<KafkaMessage>()
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: ({ message }) => {
        inbox.push(message)
        return Promise.resolve()
      },
    })
    try {
      return await inbox.atLeast(count)
    } finally {
      await consumer.disconnect()
    }
  }
}

/** A queue that is a stream; a new one, or the topic of that name. */
export async function declareStream(
  channel: Channel,
  queue: string,
  args: Record<string, unknown> = {},
): Promise<void> {
  const all = { 'x-queue-type': 'stream', ...args }
  await channel.assertQueue(queue, { durable: true, arguments: all })
}

/** Reads a stream; what comes is acknowledged if `acknowledges`. */
export async function read(
  channel: Channel,
  queue: string,
  options: {
    readonly offset?: unknown
    readonly acknowledges?: boolean
    readonly consume?: Options.Consume
  } = {},
): Promise<Inbox<ConsumeMessage>> {
  const inbox = new Inbox<ConsumeMessage>()
  const { offset, acknowledges = true } = options
  const args = offset === undefined ? {} : { 'x-stream-offset': offset }
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return
      inbox.push(message)
      if (acknowledges) channel.ack(message)
    },
    { arguments: args, ...options.consume },
  )
  return inbox
}

/** Publishes and waits for the confirm. */
export async function publish(
  channel: ConfirmChannel,
  {
    exchange = '',
    key,
    body,
    options = {},
  }: {
    readonly exchange?: string
    readonly key: string
    readonly body: Uint8Array | string
    readonly options?: Options.Publish
  },
): Promise<void> {
  channel.publish(exchange, key, Buffer.from(body), options)
  await channel.waitForConfirms()
}
