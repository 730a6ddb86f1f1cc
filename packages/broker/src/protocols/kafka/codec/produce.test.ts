import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, Reader } from '../../../base/reader.ts'
import { Writer } from '../../../base/writer.ts'
import { ApiKey } from './api-keys.ts'
import { encodeRequest, encodeResponse } from './message-codec.ts'
import type { ProduceRequest, TopicProduceData } from './messages/log.ts'
import { NameCache } from './name-cache.ts'
import { ProduceRequestCursor, ProduceResponseWriter, producePartitionsMax } from './produce.ts'
import { randomRequest, randomResponse } from './testing/random-message.ts'
import { seededRandom } from './testing/random.ts'

const seed = Number(process.env['POLYMQ_TEST_SEED'] ?? Date.now() % 2 ** 31)
const versions = [3, 4, 5, 6, 7, 8, 9, 10, 11]

test(`the cursor reads what the layout says, in every version (seed ${seed})`, () => {
  const random = seededRandom(seed)
  const cursor = new ProduceRequestCursor(new NameCache())
  for (const version of versions) {
    for (let round = 0; round < 50; round++) {
      const request = randomRequest(ApiKey.Produce, version, random)
      const reader = new Reader(encoded(version, request))
      cursor.decode(version, reader)
      assert.equal(cursor.transactionalId, request.transactionalId)
      assert.equal(cursor.acks, request.acks)
      assert.equal(cursor.timeoutMs, request.timeoutMs)
      assert.deepEqual(collect(cursor, reader.buffer), withPartitions(request))
      assert.equal(reader.remaining, 0)
      assert.equal(cursor.next(), false)
    }
  }
})

test('the counts are known before the first partition is read, empty topics left out', () => {
  const topicData = [
    { name: 'empty', partitionData: [] },
    { name: 'a', partitionData: [partition(0), partition(1)] },
    { name: 'b', partitionData: [partition(7)] },
  ]
  const cursor = new ProduceRequestCursor(new NameCache())
  cursor.decode(9, new Reader(encoded(9, request(topicData))))
  assert.equal(cursor.topicCount, 2)
  assert.equal(cursor.partitionCount, 3)
})

test(`a request cut short anywhere fails before its first partition (seed ${seed})`, () => {
  const random = seededRandom(seed)
  for (const version of versions) {
    const bytes = encoded(version, randomRequest(ApiKey.Produce, version, random))
    for (let end = 0; end < bytes.length; end++) {
      const cursor = new ProduceRequestCursor(new NameCache())
      assert.throws(() => cursor.decode(version, new Reader(bytes, 0, end)), DecodeError)
    }
  }
})

test('a request that announces more partitions than any client has is refused', () => {
  const bytes = encoded(3, request([{ name: 'a', partitionData: [] }]))
  bytes.writeInt32BE(producePartitionsMax + 1, bytes.length - 4)
  const cursor = new ProduceRequestCursor(new NameCache())
  assert.throws(() => cursor.decode(3, new Reader(bytes)), DecodeError)
})

test(`the writer writes what the layout says, in every version (seed ${seed})`, () => {
  const random = seededRandom(seed)
  for (const version of versions) {
    for (let round = 0; round < 50; round++) {
      const response = randomResponse(ApiKey.Produce, version, random)
      const writer = new Writer(2 ** 16)
      const produce = new ProduceResponseWriter(version, writer)
      produce.start(response.responses.length)
      for (const { name, partitionResponses } of response.responses) {
        produce.startTopic(name, partitionResponses.length)
        for (const result of partitionResponses) produce.partition(result)
        produce.endTopic()
      }
      produce.finish(response.throttleTimeMs)

      const expected = new Writer(2 ** 16)
      const untagged = {
        throttleTimeMs: response.throttleTimeMs,
        nodeEndpoints: [],
        responses: response.responses.map((topic) => ({
          name: topic.name,
          partitionResponses: topic.partitionResponses.map((result) => ({
            ...result,
            currentLeader: { leaderId: -1, leaderEpoch: -1 },
          })),
        })),
      }
      encodeResponse(ApiKey.Produce, version, untagged, expected)
      assert.deepEqual(writer.written(), expected.written())
    }
  }
})

test('a topic name seen before comes back as the same string, whatever shares its slot', () => {
  const names = new NameCache()
  const buffer = Buffer.from(Array.from({ length: 500 }, (_, at) => `t${at % 250}|`).join(''))
  const seen = new Map<string, number>()
  for (let start = 0; start < buffer.length;) {
    const end = buffer.indexOf('|', start)
    const name = names.find(buffer, start, end)
    assert.equal(name, buffer.toString('utf8', start, end))
    seen.set(name, (seen.get(name) ?? 0) + 1)
    start = end + 1
  }
  assert.equal(seen.size, 250)
})

function partition(index: number): { index: number; records: Buffer } {
  return { index, records: Buffer.from([index]) }
}

function request(topicData: readonly TopicProduceData[]): ProduceRequest {
  return { transactionalId: null, acks: -1, timeoutMs: 1, topicData }
}

function encoded(version: number, body: ProduceRequest): Buffer {
  const writer = new Writer(2 ** 16)
  encodeRequest(ApiKey.Produce, version, body, writer)
  return Buffer.from(writer.written())
}

function collect(cursor: ProduceRequestCursor, frame: Buffer): unknown[] {
  const partitions: unknown[] = []
  while (cursor.next()) {
    const { topic, topicPartitionCount, partitionIndex, recordsStart, recordsEnd } = cursor
    const records = recordsStart === -1 ? null : frame.subarray(recordsStart, recordsEnd)
    partitions.push([topic, topicPartitionCount, partitionIndex, records])
  }
  return partitions
}

function withPartitions({ topicData }: ProduceRequest): unknown[] {
  return topicData.flatMap(({ name, partitionData }) =>
    partitionData.map(({ index, records }) => [name, partitionData.length, index, records]),
  )
}
