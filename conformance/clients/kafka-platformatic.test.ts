import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  Admin,
  Consumer,
  MessagesStreamModes,
  Producer,
  ProduceAcks,
  stringDeserializers,
  stringSerializers,
  type ProducerOptions,
} from '@platformatic/kafka'
import { startKafkaBroker, uniqueTopic, type KafkaBroker } from './support/kafka-broker.ts'

let broker: KafkaBroker

before(async () => {
  broker = await startKafkaBroker({ users: [{ name: 'ann', password: 'secret' }] })
})
after(() => broker.close())

type Strings = ProducerOptions<string, string, string, string>

function newProducer(options: Partial<Strings> = {}): Producer<string, string, string, string> {
  return new Producer({
    clientId: 'platformatic',
    bootstrapBrokers: [broker.address],
    serializers: stringSerializers,
    autocreateTopics: true,
    retries: 2,
    ...options,
  })
}

/** The values of a topic from its beginning, `count` of them, as a consumer group reads them. */
async function consume(topic: string, count: number): Promise<string[]> {
  const consumer = new Consumer({
    clientId: 'platformatic',
    groupId: uniqueTopic('group'),
    bootstrapBrokers: [broker.address],
    deserializers: stringDeserializers,
    maxWaitTime: 1000,
  })
  const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST })
  const values: string[] = []
  for await (const { value } of stream) if (values.push(value) === count) break
  await consumer.close(true)
  return values
}

for (const acks of [ProduceAcks.ALL, ProduceAcks.LEADER, ProduceAcks.NO_RESPONSE]) {
  test(`@platformatic/kafka produces with acks ${acks} and consumes in order`, async () => {
    const topic = uniqueTopic('platformatic')
    const values = Array.from({ length: 100 }, (_, index) => `value ${index}`)
    const producer = newProducer()
    await producer.send({ acks, messages: values.map((value) => ({ topic, key: 'k', value })) })
    await producer.close()
    assert.deepEqual(await consume(topic, values.length), values)
  })
}

for (const compression of ['gzip', 'zstd'] as const) {
  test(`@platformatic/kafka produces and consumes ${compression}`, async () => {
    const topic = uniqueTopic(`platformatic-${compression}`)
    const values = Array.from({ length: 200 }, (_, index) => `the same again ${index % 3}`)
    const producer = newProducer()
    await producer.send({ compression, messages: values.map((value) => ({ topic, value })) })
    await producer.close()
    assert.deepEqual(await consume(topic, values.length), values)
  })
}

test('@platformatic/kafka produces as an idempotent producer', async () => {
  const topic = uniqueTopic('platformatic-idempotent')
  const producer = newProducer({ idempotent: true })
  for (let index = 0; index < 20; index++) {
    await producer.send({ messages: [{ topic, value: String(index) }] })
  }
  await producer.close()
  const values = await consume(topic, 20)
  assert.deepEqual(
    values,
    Array.from({ length: 20 }, (_, index) => String(index)),
  )
})

test('@platformatic/kafka creates and deletes topics', async () => {
  const admin = new Admin({ clientId: 'platformatic', bootstrapBrokers: [broker.address] })
  const topic = uniqueTopic('platformatic-admin')
  const created = await admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 })
  assert.equal(created[0]?.partitions, 3)
  assert.ok((await admin.listTopics()).includes(topic))
  await admin.deleteTopics({ topics: [topic] })
  assert.ok(!(await admin.listTopics()).includes(topic))
  await admin.close()
})

test('@platformatic/kafka logs in with SASL PLAIN, and not with a wrong password', async () => {
  const topic = uniqueTopic('platformatic-login')
  const login = (password: string): Producer<string, string, string, string> =>
    newProducer({ sasl: { mechanism: 'PLAIN', username: 'ann', password }, retries: 0 })
  const producer = login('secret')
  await producer.send({ messages: [{ topic, value: 'a' }] })
  await producer.close()
  const wrong = login('wrong')
  await assert.rejects(wrong.send({ messages: [{ topic, value: 'a' }] }))
  await wrong.close()
})
