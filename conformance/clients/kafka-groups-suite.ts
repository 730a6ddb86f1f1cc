import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { Writer } from '../../packages/broker/src/base/writer.ts'
import { ApiKey } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { WireClient } from '../kafka/wire-client.ts'
import { uniqueName } from './support/amqp-broker.ts'
import { eventually } from './support/eventually.ts'
import { startKafkaBroker, type KafkaBroker } from './support/kafka-broker.ts'

/** A consumer of some client library, as the suite needs it. */
export interface GroupConsumer {
  /** Partitions that it has now; empty while it rebalances. */
  assigned(): readonly number[]
  /** Values in the order in which they came, each committed. */
  readonly received: readonly string[]
  /** Resolves when it no longer waits for an answer about partitions that it had before. */
  readsAfresh(): Promise<unknown>
  /** Leaves the group as the library does it. */
  close(): Promise<void>
}

export interface StartConsumer {
  readonly address: string
  readonly groupId: string
  readonly topic: string
  readonly clientId: string
}

export interface GroupClient {
  readonly name: string
  /** The name under which it shares out partitions. */
  readonly assigner: string
  /** A consumer that starts where the group has committed, else at the beginning. */
  start(options: StartConsumer): Promise<GroupConsumer>
}

const PARTITIONS = 4
const ALL = [0, 1, 2, 3]
/** The shortest that Kafka allows. */
const SESSION_MS = 6000
/** Rebalances take as long as a library's slowest loop. */
const PATIENCE_MS = 15_000

/** What every client library can expect of consumer groups. */
export function testGroups(client: GroupClient): void {
  let broker: KafkaBroker
  before(async () => {
    broker = await startKafkaBroker()
  })
  after(() => broker.close())

  void test(`${client.name}: a lone consumer has every partition within 300 ms of being started`, async (context) => {
    const bench = await Bench.open(broker, client)
    context.after(() => bench.close())
    await bench.start('warm-up')
    await bench.close()
    const lone = await Bench.open(broker, client)
    context.after(() => lone.close())
    const start = performance.now()
    const consumer = await lone.start('lone')
    await eventually('it has all', () => consumer.assigned().length === PARTITIONS, PATIENCE_MS)
    const ms = performance.now() - start
    context.diagnostic(`${ms.toFixed(0)} ms`)
    assert.ok(ms < 300, `${ms} ms`)
  })

  void test(`${client.name}: two consumers share the partitions; each message reaches one of them once`, async (context) => {
    const bench = await Bench.open(broker, client)
    context.after(() => bench.close())
    const consumers = await Promise.all([bench.start('a'), bench.start('b')])
    await bench.eventuallyShared(consumers)
    const sent = await bench.produce(40)
    const received = await bench.eventuallyReceived(consumers, sent.length)
    assert.deepEqual([...received].sort(), [...sent].sort())
    for (const consumer of consumers) assert.ok(consumer.received.length > 0)
  })

  void test(`${client.name}: when one leaves the other takes over, when others come they share again`, async (context) => {
    const bench = await Bench.open(broker, client)
    context.after(() => bench.close())
    const a = await bench.start('a')
    const b = await bench.start('b')
    await bench.eventuallyShared([a, b])
    await a.close()
    await bench.eventuallyShared([b])
    const sent = await bench.produce(20)
    await bench.eventuallyReceived([b], sent.length)
    const [c, d] = await Promise.all([bench.start('c'), bench.start('d')])
    await bench.eventuallyShared([b, c, d])
    const more = await bench.produce(40)
    const received = await bench.eventuallyReceived([b, c, d], sent.length + more.length)
    assert.deepEqual([...received].sort(), [...sent, ...more].sort())
  })

  void test(`${client.name}: consumers that start again go on where the group has committed`, async (context) => {
    const bench = await Bench.open(broker, client)
    context.after(() => bench.close())
    const first = await Promise.all([bench.start('a'), bench.start('b')])
    await bench.eventuallyShared(first)
    const sent = await bench.produce(20)
    await bench.eventuallyReceived(first, sent.length)
    await Promise.all(first.map((consumer) => consumer.close()))
    const later = await bench.produce(20)
    const second = await Promise.all([bench.start('c'), bench.start('d')])
    await bench.eventuallyShared(second)
    const received = await bench.eventuallyReceived(second, later.length)
    assert.deepEqual([...received].sort(), [...later].sort())
  })

  void test(`${client.name}: a member whose socket dies is out when its session ends`, async (context) => {
    const bench = await Bench.open(broker, client)
    context.after(() => bench.close())
    const consumer = await bench.start('a')
    await bench.eventuallyShared([consumer])
    await bench.joinAndDie()
    assert.ok(consumer.assigned().length < PARTITIONS)
    await bench.eventuallyShared([consumer])
    const sent = await bench.produce(20)
    await bench.eventuallyReceived([consumer], sent.length)
  })
}

/** One topic and one group of a test. */
class Bench {
  readonly #broker: KafkaBroker
  readonly #client: GroupClient
  readonly #topic: string = uniqueName('topic')
  readonly #groupId: string = uniqueName('group')
  readonly #consumers: GroupConsumer[] = []
  #sent: number = 0

  private constructor(broker: KafkaBroker, client: GroupClient) {
    this.#broker = broker
    this.#client = client
  }

  static async open(broker: KafkaBroker, client: GroupClient): Promise<Bench> {
    const bench = new Bench(broker, client)
    const admin = bench.#kafka().admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: bench.#topic, numPartitions: PARTITIONS }] })
    await admin.disconnect()
    return bench
  }

  async start(clientId: string): Promise<GroupConsumer> {
    const { address } = this.#broker
    const options = { address, groupId: this.#groupId, topic: this.#topic, clientId }
    const consumer = await this.#client.start(options)
    this.#consumers.push(consumer)
    return consumer
  }

  async close(): Promise<void> {
    await Promise.all(this.#consumers.splice(0).map((consumer) => consumer.close()))
  }

  /** Sends to every partition in turn; resolves with the values. */
  async produce(count: number): Promise<string[]> {
    const producer = this.#kafka().producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    const values = Array.from({ length: count }, () => `m${this.#sent++}`)
    const messages = values.map((value, index) => ({ value, partition: index % PARTITIONS }))
    await producer.send({ topic: this.#topic, messages })
    await producer.disconnect()
    return values
  }

  /** Every partition is somebody's, nobody has one of another's, and each has some. */
  async eventuallyShared(consumers: readonly GroupConsumer[]): Promise<void> {
    const isShared = (): boolean => {
      const partitions = consumers.flatMap((consumer) => consumer.assigned())
      const isFair = consumers.every((consumer) => consumer.assigned().length > 0)
      return isFair && partitions.sort().join() === ALL.join()
    }
    await eventually(`${consumers.length} consumers share`, isShared, PATIENCE_MS)
    await Promise.all(consumers.map((consumer) => consumer.readsAfresh()))
  }

  async eventuallyReceived(
    consumers: readonly GroupConsumer[],
    count: number,
  ): Promise<readonly string[]> {
    const received = (): string[] => consumers.flatMap((consumer) => consumer.received)
    await eventually(`${count} messages`, () => received().length >= count, PATIENCE_MS)
    return received()
  }

  /** A member joins, is given its part, and its socket is gone without a word. */
  async joinAndDie(): Promise<void> {
    const { host, port } = this.#broker
    const wire = await WireClient.connect({ host, port })
    const asked = {
      groupId: this.#groupId,
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: PATIENCE_MS,
      protocolType: 'consumer',
      protocols: [{ name: this.#client.assigner, metadata: subscriptionTo(this.#topic) }],
    }
    const { memberId } = await wire.request(ApiKey.JoinGroup, 5, { ...asked, memberId: '' })
    const joined = await wire.request(ApiKey.JoinGroup, 5, { ...asked, memberId })
    assert.equal(joined.errorCode, 0)
    const { generationId } = joined
    const sync = { groupId: this.#groupId, generationId, memberId, assignments: [] }
    const { errorCode, assignment } = await wire.request(ApiKey.SyncGroup, 3, sync)
    assert.equal(errorCode, 0)
    assert.ok(assignment.length > 0, 'it has a part')
    wire.destroy()
  }

  #kafka(): Kafka {
    return new Kafka({ brokers: [this.#broker.address], logLevel: logLevel.NOTHING })
  }
}

/** What consumers say of themselves: version, topics, user data. [ConsumerProtocolSubscription 0] */
function subscriptionTo(topic: string): Buffer {
  const writer = new Writer(64)
  writer.int16(0)
  writer.int32(1)
  writer.int16(topic.length)
  writer.utf8(topic)
  writer.int32(0)
  return Buffer.from(writer.written())
}
