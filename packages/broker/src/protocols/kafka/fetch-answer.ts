import type { Broker } from '../../core/broker.ts'
import type { Connection } from '../../base/net/connection.ts'
import { BatchCursor } from '../../core/stream/batch-index.ts'
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

/**
 * Writes what a FetchPlan chose, a bounded piece at a time: heads as they come, record bytes copied
 * from the log into the socket's output. Its size goes out first, so the plan must not change, nor a
 * batch go, until it is done.
 */
export class FetchAnswer {
  readonly #table: FetchRequestTable
  readonly #plan: FetchPlan
  readonly #log: Broker['messages']
  #version: number = 0
  #correlationId: number = 0
  #errorCode: KafkaError = 0
  #hasBegun: boolean = false
  /** The topic whose head is to be written when its first partition is reached. */
  #topic: number = 0
  #partition: number = 0
  /** Partitions of the topic that are still to come. */
  #partitionsLeft: number = 0
  /** Batches of the partition that are still to come; -1 before its head. */
  #batchesLeft: number = -1
  /** Bytes of the current batch that are out. */
  #copied: number = 0
  readonly #cursor = new BatchCursor()
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

  constructor(table: FetchRequestTable, plan: FetchPlan, log: Broker['messages']) {
    this.#table = table
    this.#plan = plan
    this.#log = log
  }

  start({ version, correlationId, errorCode }: FetchAnswerStart): void {
    this.#version = version
    this.#correlationId = correlationId
    this.#errorCode = errorCode
    this.#hasBegun = false
    this.#topic = -1
    this.#partition = 0
    this.#partitionsLeft = 0
    this.#batchesLeft = -1
    this.#copied = 0
  }

  /** Writes until the answer is complete (true), the piece is long enough, or the socket is full. */
  write(connection: Connection): boolean {
    let left: number = kafkaLimits.fetchBytesPerRun
    if (!this.#hasBegun) this.#writeHead(connection)
    while (this.#partition < this.#table.partitionCount) {
      if (left <= 0 || connection.congested) return false
      if (this.#batchesLeft === -1) left -= this.#writePartitionHead(connection)
      left -= this.#writeBatches(connection, left)
      if (this.#batchesLeft === 0) this.#endPartition(connection)
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
    this.#batchesLeft = entry.batches
    if (entry.batches > 0) this.#cursor.set(entry.cursor)
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
    let written = 0
    while (this.#batchesLeft > 0 && written < bytesMax) {
      this.#log.locate(this.#cursor.position)
      const { buffer, offset, length } = this.#log
      const at = connection.room(1)
      const { out } = connection
      const bytes = Math.min(out.length - at, length - this.#copied)
      const from = offset + this.#copied
      buffer.copy(out, at, from, from + bytes)
      connection.outEnd = at + bytes
      written += bytes
      this.#copied += bytes
      if (this.#copied < length) continue
      this.#copied = 0
      this.#batchesLeft--
      this.#cursor.next()
    }
    return written
  }

  #endPartition(connection: Connection): void {
    this.#writeEnd(connection)
    this.#batchesLeft = -1
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
