import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { CompressionTypes, Kafka, logLevel, type KafkaConfig, type Producer } from 'kafkajs'
import { Inbox } from './support/eventually.ts'
import { startKafkaBroker, uniqueTopic, type KafkaBroker } from './support/kafka-broker.ts'

let broker: KafkaBroker

before(async () => {
  broker = await startKafkaBroker({ users: [{ name: 'ann', password: 'secret' }] })
})
after(() => broker.close())

function newKafka(options: Partial<KafkaConfig> = {}): Kafka {
  return new Kafka({
    clientId: 'kafkajs',
    brokers: [broker.address],
    logLevel: logLevel.NOTHING,
    retry: { retries: 2 },
    ...options,
  })
}

async function withProducer(run: (producer: Producer) => Promise<unknown>): Promise<void> {
  const producer = newKafka().producer({ allowAutoTopicCreation: true })
  await producer.connect()
  await run(producer)
  await producer.disconnect()
}

/** The values of a topic from its beginning, `count` of them, as a consumer group reads them. */
async function consume(topic: string, count: number): Promise<readonly (string | undefined)[]> {
  const consumer = newKafka().consumer({ groupId: uniqueTopic('group') })
  const inbox = new Inbox<string | undefined>()
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: ({ message }) => {
      inbox.push(message.value?.toString())
      return Promise.resolve()
    },
  })
  const values = await inbox.atLeast(count)
  await consumer.disconnect()
  return values
}

for (const acks of [-1, 1, 0]) {
  test(`kafkajs produces with acks ${acks} and consumes in order`, async () => {
    const topic = uniqueTopic('kafkajs')
    const values = Array.from({ length: 100 }, (_, index) => `value ${index}`)
    const messages = values.map((value) => ({ key: 'k', value, headers: { h: 'x' } }))
    await withProducer((producer) => producer.send({ topic, acks, messages }))
    assert.deepEqual(await consume(topic, values.length), values)
  })
}

test('kafkajs produces and consumes gzip', async () => {
  const topic = uniqueTopic('kafkajs-gzip')
  const values = Array.from({ length: 200 }, (_, index) => `the same again ${index % 3}`)
  const messages = values.map((value) => ({ value }))
  const compression = CompressionTypes.GZIP
  await withProducer((producer) => producer.send({ topic, compression, messages }))
  assert.deepEqual(await consume(topic, values.length), values)
})

test('kafkajs produces as an idempotent producer', async () => {
  const topic = uniqueTopic('kafkajs-idempotent')
  const producer = newKafka().producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (let index = 0; index < 20; index++) {
    await producer.send({ topic, messages: [{ value: String(index) }] })
  }
  await producer.disconnect()
  const values = await consume(topic, 20)
  assert.deepEqual(
    values,
    Array.from({ length: 20 }, (_, index) => String(index)),
  )
})

test('kafkajs creates, describes and deletes topics', async () => {
  const admin = newKafka().admin()
  await admin.connect()
  const topic = uniqueTopic('kafkajs-admin')
  assert.ok(
    await admin.createTopics({ topics: [{ topic, numPartitions: 4, replicationFactor: 1 }] }),
  )
  assert.equal(await admin.createTopics({ topics: [{ topic }] }), false)
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  assert.equal(topics[0]?.partitions.length, 4)
  assert.ok((await admin.listTopics()).includes(topic))
  const resources = [{ type: 2, name: topic }]
  const configs = await admin.describeConfigs({ resources, includeSynonyms: true })
  assert.ok(
    configs.resources[0]?.configEntries.some(({ configName }) => configName === 'retention.ms'),
  )
  await admin.deleteTopics({ topics: [topic] })
  assert.ok(!(await admin.listTopics()).includes(topic))
  await admin.disconnect()
})

test('kafkajs finds offsets by time', async () => {
  const topic = uniqueTopic('kafkajs-times')
  const base = Date.now() - 100_000
  const messages = [0, 1, 2].map((index) => ({
    value: 'a',
    timestamp: String(base + index * 1000),
  }))
  await withProducer((producer) => producer.send({ topic, messages }))
  const admin = newKafka().admin()
  await admin.connect()
  const [found] = await admin.fetchTopicOffsetsByTimestamp(topic, base + 500)
  assert.equal(found?.offset, '1')
  const [ends] = await admin.fetchTopicOffsets(topic)
  assert.deepEqual([ends?.low, ends?.high], ['0', '3'])
  await admin.disconnect()
})

test('kafkajs logs in with SASL PLAIN, and not with a wrong password', async () => {
  const topic = uniqueTopic('kafkajs-login')
  const login = (password: string): Producer =>
    newKafka({ sasl: { mechanism: 'plain', username: 'ann', password } }).producer()
  const producer = login('secret')
  await producer.connect()
  await producer.send({ topic, messages: [{ value: 'a' }] })
  await producer.disconnect()
  await assert.rejects(login('wrong').connect(), /Authentication failed/)
})
