import { ApiKey } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { RecordBatchWriter } from '../../packages/broker/src/core/stream/record-batch-writer.ts'
import {
  batchHeaderBytes,
  computeCrc,
  readBaseOffset,
  readBatchBytes,
} from '../../packages/broker/src/core/stream/record-batch.ts'
import { RecordCursor } from '../../packages/broker/src/core/stream/record-cursor.ts'
import type { PartitionData } from '../../packages/broker/src/protocols/kafka/codec/messages/log.ts'
import type { WireClient } from './wire-client.ts'

export interface BatchOptions {
  readonly timestamp?: number
  readonly producerId?: number
  readonly epoch?: number
  readonly baseSequence?: number
}

/** An uncompressed batch with these values; the timestamps of its records are one apart. */
export function batchOf(values: readonly string[], options: BatchOptions = {}): Buffer {
  const writer = new RecordBatchWriter()
  const { timestamp = Date.now(), producerId = -1, epoch = -1, baseSequence = -1 } = options
  for (const [index, value] of values.entries()) {
    const record = { key: null, value: Buffer.from(value), headers: [] }
    writer.append({ ...record, timestamp: timestamp + index })
  }
  const producer = { id: producerId, epoch, baseSequence, isTransactional: false }
  return Buffer.from(writer.finish(producer))
}

/** Renews the checksum of a batch whose bytes were changed. */
export function sealBatch(batch: Buffer): Buffer {
  batch.writeUInt32BE(computeCrc(batch, 0, batch.length), 17)
  return batch
}

export interface ReadRecord {
  readonly offset: number
  readonly value: string
}

/** All records of a Fetch answer's uncompressed batches. */
export function recordsOf({ records }: Pick<PartitionData, 'records'>): ReadRecord[] {
  const bytes = records ?? Buffer.alloc(0)
  const found: ReadRecord[] = []
  for (let at = 0; at < bytes.length; at += readBatchBytes(bytes, at)) {
    const cursor = new RecordCursor(bytes, at + batchHeaderBytes, at + readBatchBytes(bytes, at))
    while (cursor.next()) {
      const value = cursor.value()?.toString() ?? ''
      found.push({ offset: readBaseOffset(bytes, at) + cursor.offsetDelta, value })
    }
  }
  return found
}

export interface ProduceOptions {
  readonly topic: string
  readonly partition?: number
  readonly acks?: number
  readonly version?: number
  readonly timeoutMs?: number
}

/** The body of a Produce with one batch. */
export function produceBody(
  batch: Buffer,
  { topic, partition = 0, acks = -1, timeoutMs = 5000 }: ProduceOptions,
): {
  transactionalId: null
  acks: number
  timeoutMs: number
  topicData: { name: string; partitionData: { index: number; records: Buffer }[] }[]
} {
  const topicData = [{ name: topic, partitionData: [{ index: partition, records: batch }] }]
  return { transactionalId: null, acks, timeoutMs, topicData }
}

/** Produces one batch and returns the answer for its partition. */
export async function produce(
  client: WireClient,
  batch: Buffer,
  options: ProduceOptions,
): Promise<{
  errorCode: number
  baseOffset: number
  logStartOffset: number
  errorMessage: string | null
}> {
  const answer = await client.request(
    ApiKey.Produce,
    options.version ?? 9,
    produceBody(batch, options),
  )
  const partition = answer.responses[0]?.partitionResponses[0]
  if (partition === undefined) throw new Error('no partition in the answer')
  return partition
}

export interface FetchOptions {
  readonly topic: string
  readonly partition?: number
  readonly offset: number
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly partitionMaxBytes?: number
  readonly epoch?: number
}

/** The body of a Fetch, up to version 12, of one partition. */
export function fetchBody(options: FetchOptions): object {
  const { maxWaitMs = 0, minBytes = 1, maxBytes = 2 ** 30 } = options
  const partition = {
    partition: options.partition ?? 0,
    currentLeaderEpoch: options.epoch ?? -1,
    fetchOffset: options.offset,
    lastFetchedEpoch: -1,
    logStartOffset: -1,
    partitionMaxBytes: options.partitionMaxBytes ?? 2 ** 20,
    replicaDirectoryId: Buffer.alloc(16),
  }
  const topics = [{ topic: options.topic, topicId: Buffer.alloc(16), partitions: [partition] }]
  return { maxWaitMs, minBytes, maxBytes, topics }
}

/** Fetches from one partition and returns what came of it. */
export async function fetchFrom(client: WireClient, options: FetchOptions): Promise<PartitionData> {
  const answer = await client.request(ApiKey.Fetch, 11, fetchBody(options))
  const partition = answer.responses[0]?.partitions[0]
  if (partition === undefined) throw new Error('no partition in the answer')
  return partition
}

/** Has the broker create a topic with one partition, by asking for it. */
export async function createTopic(client: WireClient, topic: string): Promise<void> {
  const topics = [{ name: topic, topicId: Buffer.alloc(16) }]
  const answer = await client.request(ApiKey.Metadata, 9, { topics, allowAutoTopicCreation: true })
  if (answer.topics[0]?.errorCode !== 0) throw new Error(`topic ${topic} was not created`)
}
