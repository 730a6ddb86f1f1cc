import type { Connection } from '../../base/net/connection.ts'
import type { PageLoad } from '../../core/stream/batch-pages.ts'
import type { Partition } from '../../core/stream/partition.ts'
import { ReadPlace, Seek } from '../../core/stream/read-place.ts'
import { readLastOffset } from '../../core/stream/record-batch.ts'
import { ApiKey } from './codec/api-keys.ts'
import {
  fetchEndBytes,
  fetchHeadBytes,
  fetchPartitionHeadBytes,
  fetchTopicHeadBytes,
  putFetchEnd,
  putFetchHead,
  putFetchPartitionHead,
  putFetchTopicHead,
  type FetchPartitionHead,
  type FetchTopicHead,
} from './codec/fetch-response.ts'
import type { FetchRequestTable } from './codec/fetch.ts'
import type { AbortedTransaction } from './codec/messages/log.ts'
import { responseHeaderBytes } from './codec/request-header.ts'
import type { KafkaError } from './errors.ts'
import type { FetchPlan, PlannedPartition } from './fetch-plan.ts'
import { kafkaLimits } from './limits.ts'

const readCommitted = 1
const noTransactions: readonly AbortedTransaction[] = []

export interface FetchAnswerStart {
  readonly version: number
  readonly correlationId: number
  /** Of the whole request. */
  readonly errorCode: KafkaError
}

/** Of a batch whose size is in the answer already. */
export class BatchGoneError extends Error {
  override readonly name = 'BatchGoneError'
}

/**
 * Writes what a FetchPlan chose, a bounded piece at a time: heads as they come, record bytes copied
 * from the log into the socket's output. Its size goes out first, so the plan must not change, nor a
 * batch go, until it is done. Each piece looks anew where its batches are: meanwhile they may have left memory, and
 * have to be read from the disk.
 */
export class FetchAnswer {
  readonly #table: FetchRequestTable
  readonly #plan: FetchPlan
  /** What the rest waits for: a batch is to be read from the disk first. */
  load: PageLoad | null = null
  #version: number = 0
  #correlationId: number = 0
  #errorCode: KafkaError = 0
  #hasBegun: boolean = false
  /** The topic whose head is to be written when its first partition is reached. */
  #topic: number = 0
  #partition: number = 0
  /** Partitions of the topic that are still to come. */
  #partitionsLeft: number = 0
  /** Bytes of the partition that are still to come; -1 before its head. */
  #bytesLeft: number = -1
  /** Of the batch that is being copied. */
  #offset: number = 0
  /** Bytes of it that are out. */
  #copied: number = 0
  readonly #place = new ReadPlace()
  readonly #topicHead: Mutable<FetchTopicHead> = {
    topic: '',
    topicId: Buffer.alloc(0),
    partitionCount: 0,
  }
  readonly #partitionHead: Mutable<FetchPartitionHead> = {
    partitionIndex: 0,
    errorCode: 0,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    abortedTransactions: null,
    recordsBytes: 0,
  }

  constructor(table: FetchRequestTable, plan: FetchPlan) {
    this.#table = table
    this.#plan = plan
  }

  start({ version, correlationId, errorCode }: FetchAnswerStart): void {
    this.#version = version
    this.#correlationId = correlationId
    this.#errorCode = errorCode
    this.#hasBegun = false
    this.#topic = -1
    this.#partition = 0
    this.#partitionsLeft = 0
    this.#bytesLeft = -1
    this.#copied = 0
    this.load = null
  }

  /**
   * Writes until the answer is complete (true), the piece is long enough, the socket is full, or something must be read first. Throws a
   * BatchGoneError if what was promised is no longer there.
   */
  write(connection: Connection): boolean {
    let left: number = kafkaLimits.fetchBytesPerRun
    this.load = null
    if (!this.#hasBegun) this.#writeHead(connection)
    while (this.#partition < this.#table.partitionCount) {
      if (left <= 0 || connection.congested) return false
      if (this.#bytesLeft === -1) left -= this.#writePartitionHead(connection)
      if (this.#bytesLeft > 0) left -= this.#writeBatches(connection, left)
      if (this.load !== null) return false
      if (this.#bytesLeft === 0) this.#endPartition(connection)
    }
    this.#writeEmptyTopics(connection, this.#table.topicCount)
    this.#writeEnd(connection)
    return true
  }

  #writeHead(connection: Connection): void {
    const { topicCount } = this.#table
    const version = this.#version
    const head = { throttleTimeMs: 0, errorCode: this.#errorCode, sessionId: 0, topicCount }
    const headerBytes = responseHeaderBytes(ApiKey.Fetch, version)
    let at = connection.room(4 + headerBytes + fetchHeadBytes(version, head))
    const { out } = connection
    at = out.writeInt32BE(this.#size(headerBytes + fetchHeadBytes(version, head)), at)
    at = out.writeInt32BE(this.#correlationId, at)
    if (headerBytes === 5) at = out.writeUInt8(0, at)
    connection.outEnd = putFetchHead(out, at, version, head)
    this.#hasBegun = true
  }

  /** Bytes of the whole answer behind its size. */
  #size(headBytes: number): number {
    const endBytes = fetchEndBytes(this.#version)
    const { topicCount, partitionCount } = this.#table
    let bytes = headBytes + this.#plan.bytes + endBytes * (topicCount + partitionCount + 1)
    for (let topic = 0; topic < topicCount; topic++) {
      bytes += fetchTopicHeadBytes(this.#version, this.#headOfTopic(topic))
    }
    for (let index = 0; index < partitionCount; index++) {
      bytes += fetchPartitionHeadBytes(this.#version, this.#headOfPartition(index))
    }
    return bytes
  }

  #headOfTopic(topic: number): FetchTopicHead {
    const head = this.#topicHead
    head.topic = this.#table.topicNames[topic] as string
    head.topicId = this.#table.topicId(topic)
    head.partitionCount = this.#plan.partitionCounts[topic] as number
    return head
  }

  #headOfPartition(index: number): FetchPartitionHead {
    const entry = this.#plan.entries[index] as PlannedPartition
    const head = this.#partitionHead
    const { partition } = entry
    head.partitionIndex = this.#table.partition[index] as number
    head.errorCode = entry.errorCode
    head.highWatermark = partition === null ? -1 : partition.highWatermark
    // Without transactions everything below the mark is stable.
    head.lastStableOffset = head.highWatermark
    head.logStartOffset = partition === null ? -1 : partition.logStart
    head.abortedTransactions = this.#table.isolationLevel === readCommitted ? noTransactions : null
    head.recordsBytes = entry.bytes
    return head
  }

  #writePartitionHead(connection: Connection): number {
    if (this.#partitionsLeft === 0) this.#startTopic(connection)
    const entry = this.#plan.entries[this.#partition] as PlannedPartition
    const head = this.#headOfPartition(this.#partition)
    const bytes = fetchPartitionHeadBytes(this.#version, head)
    const at = connection.room(bytes)
    connection.outEnd = putFetchPartitionHead(connection.out, at, this.#version, head)
    this.#bytesLeft = entry.bytes
    this.#offset = entry.baseOffset
    return bytes
  }

  #startTopic(connection: Connection): void {
    this.#writeEmptyTopics(connection, this.#table.topicIndex[this.#partition] as number)
    this.#writeTopicHead(connection)
  }

  /** Topics that were named without a partition get their head and end all the same. */
  #writeEmptyTopics(connection: Connection, until: number): void {
    while (this.#topic + 1 < until) {
      this.#writeTopicHead(connection)
      this.#writeEnd(connection)
    }
  }

  #writeTopicHead(connection: Connection): void {
    this.#topic++
    const head = this.#headOfTopic(this.#topic)
    const at = connection.room(fetchTopicHeadBytes(this.#version, head))
    connection.outEnd = putFetchTopicHead(connection.out, at, this.#version, head)
    this.#partitionsLeft = head.partitionCount
  }

  /** Copies up to about `bytesMax` of the partition's batches; returns how many bytes. */
  #writeBatches(connection: Connection, bytesMax: number): number {
    const { partition } = this.#plan.entries[this.#partition] as PlannedPartition
    const place = this.#place
    let written = 0
    let isPlaced = false
    while (this.#bytesLeft > 0 && written < bytesMax) {
      if (!isPlaced && !this.#seek(partition as Partition)) break
      place.locate()
      const { bytes: length } = place.cursor
      const at = connection.room(1)
      const { out } = connection
      const bytes = Math.min(out.length - at, length - this.#copied)
      const from = place.offset + this.#copied
      place.buffer.copy(out, at, from, from + bytes)
      connection.outEnd = at + bytes
      written += bytes
      this.#copied += bytes
      this.#bytesLeft -= bytes
      isPlaced = true
      if (this.#copied < length) continue
      this.#copied = 0
      this.#offset = readLastOffset(place.buffer, place.offset) + 1
      isPlaced = place.cursor.next()
    }
    place.clear()
    return written
  }

  /** False if the batch has to be read first. */
  #seek(partition: Partition): boolean {
    const found = partition.seek(this.#place, this.#offset)
    if (found === Seek.found) return true
    if (found === Seek.none) throw new BatchGoneError('records of a Fetch answer are gone')
    this.load = partition.load(this.#offset)
    return false
  }

  #endPartition(connection: Connection): void {
    this.#writeEnd(connection)
    this.#bytesLeft = -1
    this.#partition++
    this.#partitionsLeft--
    if (this.#partitionsLeft === 0) this.#writeEnd(connection)
  }

  #writeEnd(connection: Connection): void {
    const at = connection.room(fetchEndBytes(this.#version))
    connection.outEnd = putFetchEnd(connection.out, at, this.#version)
  }
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] }
