import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiKey } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { KafkaError } from '../../packages/broker/src/protocols/kafka/errors.ts'
import { onDisk } from '../clients/support/data-directory.ts'
import { startKafkaBroker, uniqueTopic } from '../clients/support/kafka-broker.ts'
import { batchOf, createTopic, fetchFrom, produce, produceBody, recordsOf } from './records.ts'
import { WireClient, type WireClientOptions } from './wire-client.ts'

const value = 'x'.repeat(1_000_000)

/** Produces until the broker takes no more; returns how many batches it took. */
async function fill(at: WireClientOptions, topic: string): Promise<number> {
  const client = await WireClient.connect(at)
  await createTopic(client, topic)
  for (let taken = 0; taken < 100; taken++) {
    const { errorCode } = await produce(client, batchOf([value]), { topic, timeoutMs: 200 })
    if (errorCode === KafkaError.NONE) continue
    assert.equal(errorCode, KafkaError.REQUEST_TIMED_OUT)
    client.destroy()
    return taken
  }
  throw new Error('the memory has no end')
}

test(
  'with memory full a produce waits, then is told to come again; fetches go on',
  { skip: onDisk },
  async (t) => {
    const broker = await startKafkaBroker({ memoryBytes: 8_000_000 })
    t.after(() => broker.close())
    const topic = uniqueTopic('full')
    const taken = await fill(broker, topic)
    assert.ok(taken >= 5 && taken <= 9, String(taken))
    const client = await WireClient.connect(broker)
    const read = await fetchFrom(client, { topic, offset: taken - 1 })
    assert.deepEqual(recordsOf(read), [{ offset: taken - 1, value }])
    assert.equal(read.highWatermark, taken)
    assert.ok(broker.lines().some(({ message }) => message.includes('memory limit reached')))
    client.destroy()
  },
)

test(
  'a produce that waits goes through as soon as there is memory',
  { skip: onDisk },
  async (t) => {
    const broker = await startKafkaBroker({ memoryBytes: 8_000_000 })
    t.after(() => broker.close())
    const [topic, other] = [uniqueTopic('full'), uniqueTopic('other')]
    await fill(broker, topic)
    const client = await WireClient.connect(broker)
    await createTopic(client, other)
    const body = produceBody(batchOf(['a']), { topic: other, timeoutMs: 30_000 })
    const waiting = client.post(ApiKey.Produce, 9, body)
    const behind = client.post(ApiKey.Metadata, 9, { topics: [] })
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal(client.frames.length, 0)
    const admin = await WireClient.connect(broker)
    await admin.request(ApiKey.DeleteTopics, 5, { topicNames: [topic], timeoutMs: 1000 })
    const { responses } = await client.answer(ApiKey.Produce, 9, waiting)
    assert.equal(responses[0]?.partitionResponses[0]?.errorCode, KafkaError.NONE)
    await client.answer(ApiKey.Metadata, 9, behind)
    client.destroy()
    admin.destroy()
  },
)

test('a client that leaves while its produce waits does no harm', { skip: onDisk }, async (t) => {
  const broker = await startKafkaBroker({ memoryBytes: 8_000_000 })
  t.after(() => broker.close())
  const topic = uniqueTopic('full')
  await fill(broker, topic)
  const client = await WireClient.connect(broker)
  client.post(ApiKey.Produce, 9, produceBody(batchOf(['a']), { topic, timeoutMs: 30_000 }))
  await new Promise((resolve) => setTimeout(resolve, 50))
  client.destroy()
  const admin = await WireClient.connect(broker)
  await admin.request(ApiKey.DeleteTopics, 5, { topicNames: [topic], timeoutMs: 1000 })
  await createTopic(admin, topic)
  assert.equal((await produce(admin, batchOf(['b']), { topic })).baseOffset, 0)
  admin.destroy()
})
