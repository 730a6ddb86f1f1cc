import { DecodeError } from '../../../base/reader.ts'
import type { Reader } from '../../../base/reader.ts'
import { ApiKey, isFlexible } from './api-keys.ts'
import type { NameCache } from './name-cache.ts'
import { expectPresent, readLength, readStringBytes, skipTags } from './primitives.ts'

/** Kafka has no such bound; no client comes near it. */
export const fetchPartitionsMax = 100_000

/** The version from which topics go by id instead of by name. */
const topicIdsFrom = 13

/**
 * A Fetch request, 4 to 17, as flat arrays, decoded into again and again. It holds no view of the
 * frame, since a fetch may wait long after the frame is gone. Partition `index` of 0 to
 * partitionCount - 1 is in request order, which clients rotate and answers must keep.
 *
 * What only brokers say to each other (follower state, cluster id, log start) and what sessions would
 * forget is skipped. The layout is in schemas/log.ts; a test holds both against each other.
 */
export class FetchRequestTable {
  /** -1 for a consumer; from version 15 on always. */
  replicaId: number = -1
  maxWaitMs: number = 0
  minBytes: number = 0
  maxBytes: number = 0
  isolationLevel: number = 0
  sessionId: number = 0
  /** -1: no session wanted. */
  sessionEpoch: number = -1
  rackId: string = ''

  topicCount: number = 0
  /** By topic; '' from version 13 on. */
  topicNames: string[] = []
  /** By topic, 16 bytes each; zeros before version 13. */
  topicIds: Buffer = Buffer.alloc(16 * 8)

  partitionCount: number = 0
  /** All by partition; `topicIndex` leads to the arrays by topic. */
  topicIndex: Int32Array = new Int32Array(8)
  partition: Int32Array = new Int32Array(8)
  fetchOffset: Float64Array = new Float64Array(8)
  /** -1: not to be checked. */
  currentLeaderEpoch: Int32Array = new Int32Array(8)
  lastFetchedEpoch: Int32Array = new Int32Array(8)
  partitionMaxBytes: Int32Array = new Int32Array(8)

  readonly #names: NameCache

  constructor(names: NameCache) {
    this.#names = names
  }

  decode(version: number, reader: Reader): this {
    const flexible = isFlexible(ApiKey.Fetch, version)
    this.replicaId = version < 15 ? reader.int32() : -1
    this.maxWaitMs = reader.int32()
    this.minBytes = reader.int32()
    this.maxBytes = reader.int32()
    this.isolationLevel = reader.int8()
    this.sessionId = version >= 7 ? reader.int32() : 0
    this.sessionEpoch = version >= 7 ? reader.int32() : -1
    this.#decodeTopics(version, flexible, reader)
    if (version >= 7) this.#skipForgotten(version, flexible, reader)
    this.rackId = version >= 11 ? this.#name(flexible, reader) : ''
    if (flexible) skipTags(reader)
    return this
  }

  /** A topic's 16 bytes as a view of this table. */
  topicId(topicIndex: number): Buffer {
    return this.topicIds.subarray(topicIndex * 16, topicIndex * 16 + 16)
  }

  #decodeTopics(version: number, flexible: boolean, reader: Reader): void {
    this.partitionCount = 0
    this.topicCount = 0
    this.topicNames.length = 0
    const topics = expectCount(reader, readLength(reader, flexible))
    while (this.topicCount < topics) {
      this.#decodeTopicKey(version, flexible, reader)
      const partitions = expectCount(reader, readLength(reader, flexible))
      this.#reservePartitions(this.partitionCount + partitions)
      for (let left = partitions; left > 0; left--) {
        this.#decodePartition(version, reader)
        if (flexible) skipTags(reader)
      }
      if (flexible) skipTags(reader)
      this.topicCount++
    }
  }

  #decodeTopicKey(version: number, flexible: boolean, reader: Reader): void {
    const at = this.topicCount * 16
    if (at === this.topicIds.length) this.topicIds = Buffer.concat([this.topicIds, this.topicIds])
    if (version < topicIdsFrom) {
      this.topicNames.push(this.#name(flexible, reader))
      this.topicIds.fill(0, at, at + 16)
    } else {
      this.topicNames.push('')
      const from = reader.skip(16)
      reader.buffer.copy(this.topicIds, at, from, from + 16)
    }
  }

  #decodePartition(version: number, reader: Reader): void {
    const index = this.partitionCount++
    this.topicIndex[index] = this.topicCount
    this.partition[index] = reader.int32()
    this.currentLeaderEpoch[index] = version >= 9 ? reader.int32() : -1
    this.fetchOffset[index] = reader.int64()
    this.lastFetchedEpoch[index] = version >= 12 ? reader.int32() : -1
    // The log start offset, which only a follower knows.
    if (version >= 5) reader.skip(8)
    this.partitionMaxBytes[index] = reader.int32()
  }

  /** Partitions to drop from a fetch session: there are no sessions. */
  #skipForgotten(version: number, flexible: boolean, reader: Reader): void {
    for (let left = expectCount(reader, readLength(reader, flexible)); left > 0; left--) {
      const nameBytes = version >= topicIdsFrom ? 16 : readStringBytes(reader, flexible)
      reader.skip(expectPresent(reader, nameBytes))
      reader.skip(expectCount(reader, readLength(reader, flexible)) * 4)
      if (flexible) skipTags(reader)
    }
  }

  #name(flexible: boolean, reader: Reader): string {
    const start = reader.skip(expectPresent(reader, readStringBytes(reader, flexible)))
    return this.#names.find(reader.buffer, start, reader.position)
  }

  #reservePartitions(count: number): void {
    if (count > fetchPartitionsMax) throw new DecodeError(`${count} partitions in one fetch`)
    if (count <= this.partition.length) return
    const capacity = Math.max(count, this.partition.length * 2)
    this.topicIndex = grown(this.topicIndex, new Int32Array(capacity))
    this.partition = grown(this.partition, new Int32Array(capacity))
    this.fetchOffset = grown(this.fetchOffset, new Float64Array(capacity))
    this.currentLeaderEpoch = grown(this.currentLeaderEpoch, new Int32Array(capacity))
    this.lastFetchedEpoch = grown(this.lastFetchedEpoch, new Int32Array(capacity))
    this.partitionMaxBytes = grown(this.partitionMaxBytes, new Int32Array(capacity))
  }
}

/** Held against the bytes left before anything grows; every element takes four bytes or more. */
function expectCount(reader: Reader, count: number): number {
  expectPresent(reader, count)
  if (count > fetchPartitionsMax || count * 4 > reader.remaining) throw tooMany(reader)
  return count
}

function tooMany(reader: Reader): DecodeError {
  return new DecodeError(`too many elements announced before ${reader.position}`)
}

function grown<Numbers extends Int32Array | Float64Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from)
  return to
}
