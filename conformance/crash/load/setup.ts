import { ApiKey } from '../../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { KafkaError } from '../../../packages/broker/src/protocols/kafka/errors.ts'
import { bindings, durabilityOs, exchanges, queueNames, topics } from '../topology.ts'
import { AmqpLink } from './amqp-link.ts'
import { errorName } from './kafka-errors.ts'
import { KafkaLink } from './kafka-link.ts'
import type { Load } from './load.ts'

/** Declares what stands during the whole run. */
export async function setUp(load: Load): Promise<void> {
  await setUpAmqp(load)
  if (load.config.kafkaPort !== undefined) await setUpKafka(load)
}

async function setUpAmqp(load: Load): Promise<void> {
  const link = await AmqpLink.open(load, 'setup')
  if (link === null) return
  const channel = await link.model.createChannel()
  const { conn } = link
  const declared = (kind: 'queue' | 'exchange', name: string): void =>
    load.log('ok', { f: 'declare', proto: 'amqp', conn, kind, name, durable: true })
  for (const { name, type } of exchanges) {
    await channel.assertExchange(name, type, { durable: true })
    declared('exchange', name)
  }
  for (const name of queueNames) {
    const args = hasDurability(load, name) ? { 'x-durability': 'os' } : {}
    await channel.assertQueue(name, { durable: true, arguments: args })
    declared('queue', name)
  }
  for (const { exchange, queue, key } of bindings) await channel.bindQueue(queue, exchange, key)
  await link.close()
}

async function setUpKafka(load: Load): Promise<void> {
  const link = await KafkaLink.open(load, 'setup')
  if (link === null) return
  const created = await link.request(ApiKey.CreateTopics, 5, {
    topics: topics.map(({ name, partitions, configs }) => ({
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
