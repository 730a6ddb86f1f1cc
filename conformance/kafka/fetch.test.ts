import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiKey } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { KafkaError } from '../../packages/broker/src/protocols/kafka/errors.ts'
import { eventually } from '../clients/support/eventually.ts'
import { startKafkaBroker, uniqueTopic, type KafkaBroker } from '../clients/support/kafka-broker.ts'
import { batchOf, createTopic, fetchBody, fetchFrom, produce, recordsOf } from './records.ts'
import { WireClient } from './wire-client.ts'

let broker: KafkaBroker
let client: WireClient
let topic: string

before(async () => {
  broker = await startKafkaBroker()
  client = await WireClient.connect(broker)
})
after(async () => {
  client.destroy()
  await broker.close()
})

async function topicWith(...batches: readonly (readonly string[])[]): Promise<void> {
  topic = uniqueTopic('fetch')
  await createTopic(client, topic)
  for (const values of batches) await produce(client, batchOf(values), { topic })
}

test('whole batches come back from the one that holds the offset', async () => {
  await topicWith(['a', 'b', 'c'], ['d'])
  const { records, highWatermark, logStartOffset } = await fetchFrom(client, { topic, offset: 1 })
  const values = recordsOf({ records }).map(({ offset, value }) => `${offset}${value}`)
  assert.deepEqual(values, ['0a', '1b', '2c', '3d'])
  assert.equal(highWatermark, 4)
  assert.equal(logStartOffset, 0)
})

test('an offset outside the log is OFFSET_OUT_OF_RANGE, the end is not', async () => {
  await topicWith(['a'])
  for (const offset of [-1, 2, 1000]) {
    const { errorCode } = await fetchFrom(client, { topic, offset, maxWaitMs: 5000 })
    assert.equal(errorCode, KafkaError.OFFSET_OUT_OF_RANGE)
  }
  const { errorCode, records } = await fetchFrom(client, { topic, offset: 1 })
  assert.equal(errorCode, KafkaError.NONE)
  assert.equal(records?.length, 0)
})

test('an unknown topic, partition or leader epoch is answered at once', async () => {
  await topicWith(['a'])
  const ask = async (change: object): Promise<number> =>
    (await fetchFrom(client, { topic, offset: 1, maxWaitMs: 5000, ...change })).errorCode
  const startMs = performance.now()
  assert.equal(await ask({ topic: uniqueTopic('none') }), KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
  assert.equal(await ask({ partition: 9 }), KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
  assert.equal(await ask({ epoch: 3 }), KafkaError.UNKNOWN_LEADER_EPOCH)
  assert.ok(performance.now() - startMs < 1000)
})

test('a waiting fetch is answered as soon as there is a record', async () => {
  await topicWith()
  const reader = await WireClient.connect(broker)
  const id = reader.post(ApiKey.Fetch, 11, fetchBody({ topic, offset: 0, maxWaitMs: 5000 }))
  await new Promise((resolve) => setTimeout(resolve, 50))
  const startMs = performance.now()
  await produce(client, batchOf(['a']), { topic })
  const answer = await reader.answer(ApiKey.Fetch, 11, id)
  const tookMs = performance.now() - startMs
  assert.equal(answer.responses[0]?.partitions[0]?.highWatermark, 1)
  assert.ok(tookMs < 50, `took ${tookMs} ms`)
  reader.destroy()
})

test('a waiting fetch is answered empty when its time is over', async () => {
  await topicWith()
  const startMs = performance.now()
  const { records, errorCode } = await fetchFrom(client, { topic, offset: 0, maxWaitMs: 100 })
  assert.equal(errorCode, KafkaError.NONE)
  assert.equal(records?.length, 0)
  assert.ok(performance.now() - startMs >= 99)
})

test('a fetch waits for min bytes', async () => {
  await topicWith(['a'])
  const reader = await WireClient.connect(broker)
  const body = fetchBody({ topic, offset: 0, maxWaitMs: 10_000, minBytes: 150 })
  const id = reader.post(ApiKey.Fetch, 11, body)
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(reader.frames.length, 0)
  await produce(client, batchOf(['b'.repeat(100)]), { topic })
  const answer = await reader.answer(ApiKey.Fetch, 11, id)
  assert.ok((answer.responses[0]?.partitions[0]?.records?.length ?? 0) >= 150)
  reader.destroy()
})

test('a fetch that waits holds back the requests behind it, and nothing else', async () => {
  await topicWith()
  const reader = await WireClient.connect(broker)
  const fetch = reader.post(ApiKey.Fetch, 11, fetchBody({ topic, offset: 0, maxWaitMs: 10_000 }))
  const metadata = reader.post(ApiKey.Metadata, 9, { topics: [] })
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(reader.frames.length, 0)
  await produce(client, batchOf(['a']), { topic })
  await reader.answer(ApiKey.Fetch, 11, fetch)
  await reader.answer(ApiKey.Metadata, 9, metadata)
  reader.destroy()
})

test('a topic deleted under a waiting fetch ends it', async () => {
  await topicWith()
  const reader = await WireClient.connect(broker)
  const id = reader.post(ApiKey.Fetch, 11, fetchBody({ topic, offset: 0, maxWaitMs: 10_000 }))
  await new Promise((resolve) => setTimeout(resolve, 20))
  await client.request(ApiKey.DeleteTopics, 5, { topicNames: [topic], timeoutMs: 1000 })
  const answer = await reader.answer(ApiKey.Fetch, 11, id)
  const code = answer.responses[0]?.partitions[0]?.errorCode
  assert.equal(code, KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
  reader.destroy()
})

test('the first batch comes whole however small the limits, further ones only if they fit', async () => {
  await topicWith(['a'.repeat(500)], ['b'.repeat(500)], ['c'.repeat(500)])
  const one = await fetchFrom(client, { topic, offset: 0, partitionMaxBytes: 10 })
  assert.deepEqual(
    recordsOf(one).map(({ offset }) => offset),
    [0],
  )
  const small = await fetchFrom(client, { topic, offset: 0, maxBytes: 10 })
  assert.deepEqual(
    recordsOf(small).map(({ offset }) => offset),
    [0],
  )
  const two = await fetchFrom(client, { topic, offset: 0, partitionMaxBytes: 1500 })
  assert.deepEqual(
    recordsOf(two).map(({ offset }) => offset),
    [0, 1],
  )
})

test('the first partition of the request that has records is served first', async () => {
  await topicWith(['a'.repeat(500)])
  const first = topic
  await topicWith(['b'.repeat(500)])
  const second = topic
  const bodies = [second, first].map((name) => fetchBody({ topic: name, offset: 0, maxBytes: 600 }))
  const topics = bodies.flatMap((body) => (body as { topics: object[] }).topics)
  const answer = await client.request(ApiKey.Fetch, 11, { ...bodies[0], topics } as object)
  const counts = answer.responses.map(({ topic: name, partitions }) => [
    name,
    recordsOf(partitions[0] ?? { records: null }).length,
  ])
  assert.deepEqual(counts, [
    [second, 1],
    [first, 0],
  ])
})

test('read committed sees the same, with an empty list of aborted transactions', async () => {
  await topicWith(['a'])
  const body = { ...fetchBody({ topic, offset: 0 }), isolationLevel: 1 }
  const answer = await client.request(ApiKey.Fetch, 11, body)
  const partition = answer.responses[0]?.partitions[0]
  assert.deepEqual(partition?.abortedTransactions, [])
  assert.equal(partition?.lastStableOffset, 1)
  assert.equal((await fetchFrom(client, { topic, offset: 0 })).abortedTransactions, null)
})

test('no fetch session is opened, and one that is spoken of is not known', async () => {
  await topicWith(['a'])
  const full = { ...fetchBody({ topic, offset: 0 }), sessionId: 0, sessionEpoch: 0 }
  const answer = await client.request(ApiKey.Fetch, 11, full)
  assert.equal(answer.sessionId, 0)
  assert.equal(answer.errorCode, KafkaError.NONE)
  const later = await client.request(ApiKey.Fetch, 11, { ...full, sessionId: 7, sessionEpoch: 1 })
  assert.equal(later.errorCode, KafkaError.FETCH_SESSION_ID_NOT_FOUND)
  assert.deepEqual(later.responses, [])
})

test('an unknown topic id is UNKNOWN_TOPIC_ID', async () => {
  const body = fetchBody({ topic: '', offset: 0 })
  const answer = await client.request(ApiKey.Fetch, 13, body)
  assert.equal(answer.responses[0]?.partitions[0]?.errorCode, KafkaError.UNKNOWN_TOPIC_ID)
})

test('a large answer reaches a slow reader whole, though the topic is deleted meanwhile', async () => {
  await topicWith()
  const value = 'x'.repeat(900_000)
  for (let index = 0; index < 12; index++) await produce(client, batchOf([value]), { topic })
  const reader = await WireClient.connect(broker)
  reader.pause()
  const body = fetchBody({ topic, offset: 0, partitionMaxBytes: 2 ** 30 })
  const id = reader.post(ApiKey.Fetch, 11, body)
  await new Promise((resolve) => setTimeout(resolve, 100))
  await client.request(ApiKey.DeleteTopics, 5, { topicNames: [topic], timeoutMs: 1000 })
  // What the deleted topic had is written over, if it was given back.
  await topicWith()
  for (let index = 0; index < 12; index++)
    await produce(client, batchOf(['y'.repeat(900_000)]), { topic })
  reader.resume()
  const answer = await reader.answer(ApiKey.Fetch, 11, id)
  const partition = answer.responses[0]?.partitions[0]
  const records = recordsOf(partition ?? { records: null })
  assert.equal(partition?.errorCode, KafkaError.NONE)
  assert.equal(records.length, 9)
  assert.ok(records.every((record) => record.value === value))
  reader.destroy()
})

test('a reader that goes away in the middle of an answer is forgotten', async () => {
  await topicWith()
  for (let index = 0; index < 8; index++)
    await produce(client, batchOf(['x'.repeat(1_000_000)]), { topic })
  const reader = await WireClient.connect(broker)
  reader.pause()
  reader.post(ApiKey.Fetch, 11, fetchBody({ topic, offset: 0, partitionMaxBytes: 2 ** 30 }))
  await new Promise((resolve) => setTimeout(resolve, 50))
  reader.destroy()
  await eventually('the broker goes on', async () => {
    return (await fetchFrom(client, { topic, offset: 0 })).highWatermark === 8
  })
})

test('a fetch does not wait for bytes that its own limits keep out', async () => {
  await topicWith(['x'.repeat(600)], ['y'.repeat(600)])
  const limited = { topic, offset: 0, minBytes: 1000, maxWaitMs: 5000 }
  for (const limit of [{ partitionMaxBytes: 1000 }, { maxBytes: 1000 }]) {
    const startMs = performance.now()
    const { records } = await fetchFrom(client, { ...limited, ...limit })
    assert.equal(recordsOf({ records }).length, 1)
    assert.ok(performance.now() - startMs < 2000)
  }
})

test('many searches by time in one request are all answered, and another client meanwhile', async () => {
  await topicWith(['a', 'b'])
  const other = await WireClient.connect(broker)
  const asked = { partitionIndex: 0, currentLeaderEpoch: -1, timestamp: 0 }
  const partitions = Array.from({ length: 5000 }, () => asked)
  const id = client.post(ApiKey.ListOffsets, 7, { topics: [{ name: topic, partitions }] })
  await other.request(ApiKey.ApiVersions, 0, {})
  const answer = await client.answer(ApiKey.ListOffsets, 7, id)
  assert.equal(answer.topics[0]?.partitions.length, 5000)
  assert.ok(answer.topics[0].partitions.every(({ offset }) => offset === 0))
  other.destroy()
})
