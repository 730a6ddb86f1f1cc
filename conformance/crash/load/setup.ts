import type { Channel } from 'amqplib'
import { ApiKey } from '../../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { KafkaError } from '../../../packages/broker/src/protocols/kafka/errors.ts'
import { crossed } from '../crossed-topology.ts'
import { bindings, durabilityOs, exchanges, queueNames, topics, type Topic } from '../topology.ts'
import { AmqpLink } from './amqp-link.ts'
import { declareFeed } from './feeds.ts'
import { errorName } from './kafka-errors.ts'
import { KafkaLink } from './kafka-link.ts'
import { crosses, type Load } from './load.ts'

/** Declares what stands during the whole run: once, so that what a crash takes of it is missed. */
export async function setUp(load: Load): Promise<void> {
  const amqp = await AmqpLink.open(load, 'setup')
  if (amqp === null) return
  const setup = new AmqpSetup(load, amqp.conn, await amqp.model.createChannel())
  await setup.declare({ exchanges, queues: queueNames })
  await setup.bind(bindings)
  if (load.config.kafkaPort !== undefined) await createTopics(load, topics)
  if (crosses(load.config)) await setUpCrossing(load, setup)
  await amqp.close()
}

/** A topic that AMQP clients are to bind is declared as a queue too. */
async function setUpCrossing(load: Load, setup: AmqpSetup): Promise<void> {
  await createTopics(load, crossed.topics)
  await setup.declare(crossed)
  for (const topic of crossed.boundTopics) await setup.declareStream(topic)
  await setup.bind(crossed.bindings)
  for (const feed of crossed.feeds) await declareFeed(load, feed)
}

class AmqpSetup {
  readonly #load: Load
  readonly #conn: string
  readonly #channel: Channel

  constructor(load: Load, conn: string, channel: Channel) {
    this.#load = load
    this.#conn = conn
    this.#channel = channel
  }

  async declare(wanted: {
    readonly exchanges: readonly { readonly name: string; readonly type: string }[]
    readonly queues: readonly string[]
  }): Promise<void> {
    for (const { name, type } of wanted.exchanges) {
      await this.#channel.assertExchange(name, type, { durable: true })
      this.#declared('exchange', name)
    }
    for (const name of wanted.queues) {
      const args = hasDurability(this.#load, name) ? { 'x-durability': 'os' } : {}
      await this.#channel.assertQueue(name, { durable: true, arguments: args })
      this.#declared('queue', name)
    }
  }

  async declareStream(name: string): Promise<void> {
    const options = { durable: true, arguments: { 'x-queue-type': 'stream' } }
    await this.#channel.assertQueue(name, options)
    this.#declared('queue', name)
  }

  async bind(
    wanted: readonly { readonly exchange: string; readonly queue: string; readonly key: string }[],
  ): Promise<void> {
    for (const { exchange, queue, key } of wanted) {
      await this.#channel.bindQueue(queue, exchange, key)
    }
  }

  #declared(kind: 'queue' | 'exchange', name: string): void {
    const definition = { kind, name, durable: true } as const
    this.#load.log('ok', { f: 'declare', proto: 'amqp', conn: this.#conn, ...definition })
  }
}

async function createTopics(load: Load, wanted: readonly Topic[]): Promise<void> {
  const link = await KafkaLink.open(load, 'setup')
  if (link === null) return
  const created = await link.request(ApiKey.CreateTopics, 5, {
    topics: wanted.map(({ name, partitions, configs }) => ({
      name,
      numPartitions: partitions,
      replicationFactor: 1,
      assignments: [],
      configs: [
        ...configs,
        ...(hasDurability(load, name) ? [{ name: 'durability', value: 'os' }] : []),
      ],
    })),
    timeoutMs: 10_000,
    validateOnly: false,
  })
  for (const { name = '', errorCode } of created.topics) {
    if (errorCode !== KafkaError.NONE) throw new Error(`${name}: ${errorName(errorCode)}`)
    const topic = { kind: 'topic', name: name ?? '', durable: true } as const
    load.log('ok', { f: 'declare', proto: 'kafka', conn: link.conn, ...topic })
  }
  link.close()
}

/** A broker that keeps nothing cannot be asked for it. */
function hasDurability({ config }: Load, name: string): boolean {
  return config.isStored && durabilityOs.includes(name)
}
