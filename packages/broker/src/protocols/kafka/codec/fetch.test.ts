import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, Reader } from '../../../base/reader.ts'
import { Writer } from '../../../base/writer.ts'
import { ApiKey } from './api-keys.ts'
import {
  fetchEndBytes,
  fetchHeadBytes,
  fetchPartitionHeadBytes,
  fetchTopicHeadBytes,
  putFetchEnd,
  putFetchHead,
  putFetchPartitionHead,
  putFetchTopicHead,
} from './fetch-response.ts'
import { FetchRequestTable } from './fetch.ts'
import { encodeRequest, encodeResponse } from './message-codec.ts'
import type { FetchRequest, FetchResponse, PartitionData } from './messages/log.ts'
import { NameCache } from './name-cache.ts'
import { randomRequest, randomResponse } from './testing/random-message.ts'
import { seededRandom } from './testing/random.ts'

const seed = Number(process.env['POLYMQ_TEST_SEED'] ?? Date.now() % 2 ** 31)
const versions = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]

test(`the table holds what the layout says, in every version (seed ${seed})`, () => {
  const random = seededRandom(seed)
  const table = new FetchRequestTable(new NameCache())
  for (const version of versions) {
    for (let round = 0; round < 50; round++) {
      const request = randomRequest(ApiKey.Fetch, version, random)
      const reader = new Reader(encoded(version, request))
      table.decode(version, reader)
      assert.equal(reader.remaining, 0)
      assert.deepEqual(headOf(table), headOf(request))
      assert.deepEqual(partitionsOf(table), flatPartitions(request))
    }
  }
})

test('a request of many topics and partitions makes the table grow', () => {
  const partitions = Array.from({ length: 100 }, (_, partition) => ({
    partition,
    currentLeaderEpoch: -1,
    fetchOffset: partition * 2 ** 40,
    lastFetchedEpoch: -1,
    logStartOffset: -1,
    partitionMaxBytes: 1,
    replicaDirectoryId: Buffer.alloc(16),
  }))
  const topics = Array.from({ length: 100 }, (_, at) => ({
    topic: '',
    topicId: Buffer.alloc(16, at),
    partitions,
  }))
  const table = new FetchRequestTable(new NameCache())
  table.decode(13, new Reader(encoded(13, { topics })))
  assert.equal(table.partitionCount, 10_000)
  assert.equal(table.fetchOffset[9_999], 99 * 2 ** 40)
  assert.deepEqual(table.topicId(table.topicIndex[9_999] ?? 0), Buffer.alloc(16, 99))
})

test(`a request cut short anywhere is a decode error (seed ${seed})`, () => {
  const random = seededRandom(seed)
  const table = new FetchRequestTable(new NameCache())
  for (const version of versions) {
    const bytes = encoded(version, randomRequest(ApiKey.Fetch, version, random))
    for (let end = 0; end < bytes.length; end++) {
      assert.throws(() => table.decode(version, new Reader(bytes, 0, end)), DecodeError)
    }
  }
})

test('a count of partitions that the bytes cannot hold is refused before the table grows', () => {
  const bytes = encoded(4, { topics: [{ topic: 'a', topicId: Buffer.alloc(16), partitions: [] }] })
  bytes.writeInt32BE(2 ** 31 - 1, bytes.length - 4)
  const table = new FetchRequestTable(new NameCache())
  assert.throws(() => table.decode(4, new Reader(bytes)), DecodeError)
  assert.equal(table.partition.length, 8)
})

test(`the pieces of an answer are what the layout says, in every version (seed ${seed})`, () => {
  const random = seededRandom(seed)
  for (const version of versions) {
    for (let round = 0; round < 50; round++) {
      const response = untagged(randomResponse(ApiKey.Fetch, version, random))
      const expected = new Writer(2 ** 16)
      encodeResponse(ApiKey.Fetch, version, response, expected)
      assert.deepEqual(inPieces(version, response), expected.written())
    }
  }
})

function encoded(version: number, body: Partial<FetchRequest>): Buffer {
  const writer = new Writer(2 ** 20)
  encodeRequest(ApiKey.Fetch, version, body, writer)
  return Buffer.from(writer.written())
}

type Head = Omit<FetchRequest, 'clusterId' | 'replicaState' | 'topics' | 'forgottenTopicsData'>

function headOf(request: Head): Head {
  const { replicaId, maxWaitMs, minBytes, maxBytes, isolationLevel } = request
  const { sessionId, sessionEpoch, rackId } = request
  return {
    replicaId,
    maxWaitMs,
    minBytes,
    maxBytes,
    isolationLevel,
    sessionId,
    sessionEpoch,
    rackId,
  }
}

function partitionsOf(table: FetchRequestTable): unknown[] {
  return Array.from({ length: table.partitionCount }, (_, index) => {
    const topic = table.topicIndex[index] ?? -1
    return [
      table.topicNames[topic],
      Buffer.from(table.topicId(topic)),
      table.partition[index],
      table.currentLeaderEpoch[index],
      table.fetchOffset[index],
      table.lastFetchedEpoch[index],
      table.partitionMaxBytes[index],
    ]
  })
}

function flatPartitions({ topics }: FetchRequest): unknown[] {
  return topics.flatMap(({ topic, topicId, partitions }) =>
    partitions.map((each) => [
      topic,
      topicId,
      each.partition,
      each.currentLeaderEpoch,
      each.fetchOffset,
      each.lastFetchedEpoch,
      each.partitionMaxBytes,
    ]),
  )
}

/** What only an answer about other brokers carries, which the pieces never do. */
function untagged(response: FetchResponse): FetchResponse {
  const partition = (each: PartitionData): PartitionData => ({
    ...each,
    divergingEpoch: { epoch: -1, endOffset: -1 },
    currentLeader: { leaderId: -1, leaderEpoch: -1 },
    snapshotId: { endOffset: -1, epoch: -1 },
    preferredReadReplica: -1,
    records: each.records ?? Buffer.alloc(0),
  })
  const responses = response.responses.map((topic) => ({
    ...topic,
    partitions: topic.partitions.map(partition),
  }))
  return { ...response, responses, nodeEndpoints: [] }
}

function inPieces(version: number, response: FetchResponse): Buffer {
  const pieces: Buffer[] = []
  const piece = (bytes: number, put: (buffer: Buffer) => number): void => {
    const buffer = Buffer.alloc(bytes + 3)
    assert.equal(put(buffer), bytes + 3)
    pieces.push(buffer.subarray(3))
  }
  const end = (): void => {
    piece(fetchEndBytes(version), (buffer) => putFetchEnd(buffer, 3, version))
  }
  const head = { ...response, topicCount: response.responses.length }
  piece(fetchHeadBytes(version, head), (buffer) => putFetchHead(buffer, 3, version, head))
  for (const { topic, topicId, partitions } of response.responses) {
    const topicHead = { topic, topicId, partitionCount: partitions.length }
    piece(fetchTopicHeadBytes(version, topicHead), (buffer) =>
      putFetchTopicHead(buffer, 3, version, topicHead),
    )
    for (const each of partitions) {
      const records = each.records ?? Buffer.alloc(0)
      const partitionHead = { ...each, recordsBytes: records.length }
      piece(fetchPartitionHeadBytes(version, partitionHead), (buffer) =>
        putFetchPartitionHead(buffer, 3, version, partitionHead),
      )
      pieces.push(records)
      end()
    }
    end()
  }
  end()
  return Buffer.concat(pieces)
}
