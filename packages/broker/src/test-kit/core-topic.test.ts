import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Producer, stringSerializers } from '@platformatic/kafka'
import { startTestBroker, type TestBroker, type TestRecord } from './start-test-broker.ts'

let broker: TestBroker

before(async () => {
  broker = await startTestBroker()
})
after(() => broker.close())

function textsOf(records: readonly TestRecord[]): string[] {
  return records.map((record) => record.text())
}

test('a record is shown with all that it says of itself, and stays in the topic', async () => {
  const topic = broker.topic('ledger')
  await topic.create()
  await topic.publish({ key: 'k-1', value: { id: 7 }, headers: { trace: 'abc' } })
  const record = await topic.waitForRecord()
  assert.deepEqual(record.json(), { id: 7 })
  const { key, headers, partition, offset } = record
  assert.deepEqual(
    { key, headers, partition, offset, topic: record.topic },
    {
      key: Buffer.from('k-1'),
      headers: { trace: 'abc' },
      partition: 0,
      offset: 0,
      topic: 'ledger',
    },
  )
  assert.ok(Math.abs(record.timestamp.getTime() - Date.now()) < 60_000)
  assert.equal(await topic.count(), 1)
  assert.deepEqual(textsOf(await topic.records()), ['{"id":7}'])
})

test('each record is returned once, the ones passed over by `where` later', async () => {
  const topic = broker.topic('events')
  await topic.create()
  for (const value of ['one', 'two', 'three']) await topic.publish({ value })
  const two = await topic.waitForRecord({ where: (record) => record.text() === 'two' })
  assert.equal(two.offset, 1)
  assert.equal((await topic.waitForRecord()).text(), 'one')
  assert.equal((await broker.topic('events').waitForRecord()).text(), 'three')
  assert.deepEqual(textsOf(await topic.records()), ['one', 'two', 'three'])
})

test('waiting begins before the topic is there', async () => {
  const topic = broker.topic('late')
  const waiting = [topic.waitForRecord(), topic.waitForRecord()]
  await topic.create()
  await topic.publish({ value: 'a' })
  await topic.publish({ value: 'b' })
  await topic.waitForCount(2)
  assert.deepEqual(textsOf(await Promise.all(waiting)).sort(), ['a', 'b'])
})

test('the key chooses the partition, unless the test does', async () => {
  const topic = broker.topic('parted')
  await topic.create({ partitions: 3 })
  for (const value of ['a', 'b']) await topic.publish({ key: 'same', value })
  await topic.publish({ value: 'c', partition: 2 })
  const records = await topic.records()
  const [a, b] = records.filter((record) => record.key !== null)
  assert.equal(a?.partition, b?.partition)
  assert.equal(records.find((record) => record.text() === 'c')?.partition, 2)
  await assert.rejects(
    topic.publish({ value: 'x', partition: 3 }),
    /has 3 partitions, and none is 3/,
  )
})

test('a tombstone is a record without a value', async () => {
  const topic = broker.topic('compacted')
  await topic.create()
  await topic.publish({ key: 'gone', value: null })
  const record = await topic.waitForRecord()
  assert.equal(record.value, null)
  assert.equal(record.text(), '')
  assert.throws(() => record.json(), /the value is no JSON/)
})

for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`records that a client has compressed by ${compression} are read`, async () => {
    const topic = broker.topic(`packed-by-${compression}`)
    await topic.create()
    const producer = new Producer({
      clientId: 'compressing',
      bootstrapBrokers: [...broker.kafkaBrokers],
      serializers: stringSerializers,
      compression,
    })
    const values = Array.from({ length: 20 }, (_, i) => `value ${i} `.repeat(20))
    await producer.send({ messages: values.map((value) => ({ topic: topic.name, value })) })
    await producer.close()
    assert.deepEqual(textsOf(await topic.records()), values)
  })
}

test('in vain: the error says what there is', async () => {
  const topic = broker.topic('quiet')
  await assert.rejects(
    topic.waitForRecord({ timeoutMs: 5 }),
    /not within 5 ms: a record in topic 'quiet', which nobody has created; there are '/,
  )
  await assert.rejects(topic.publish({ value: 'x' }), /there is no topic 'quiet'/)
  await topic.create()
  await assert.rejects(topic.waitForRecord({ timeoutMs: 5 }), /topic 'quiet', which is empty$/)
  await topic.publish({ key: 'k', value: 'shown' })
  await assert.rejects(
    topic.waitForRecord({ timeoutMs: 5, where: () => false }),
    /which has 1 records; not accepted:\n {2}offset 0 of partition 0, key "k", 5 bytes: "shown"$/,
  )
  await assert.rejects(topic.waitForCount(2, { timeoutMs: 5 }), /2 records in topic 'quiet'/)
})
