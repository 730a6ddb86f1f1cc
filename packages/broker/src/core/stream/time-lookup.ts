import type { RecordLog } from '../../storage/message-log.ts'
import { limits } from '../limits.ts'
import { BatchCursor } from './batch-index.ts'
import type { Partition } from './partition.ts'
import {
  Compression,
  batchHeaderBytes,
  isLogAppendTime,
  readBaseTimestamp,
  readCompression,
  readMaxTimestamp,
} from './record-batch.ts'
import { RecordCursor } from './record-cursor.ts'

export interface RecordTime {
  readonly offset: number
  readonly timestamp: number
}

/**
 * Undoes a batch's compression (Compression in record-batch.ts); null if the bytes are broken, the
 * codec is not at hand, or more than `bytesMax` would come out.
 */
export type Decompress = (codec: number, bytes: Buffer, bytesMax: number) => Buffer | null

export interface LookupOptions {
  readonly log: RecordLog
  readonly decompress: Decompress | null
  /** What all batches of one search may become together. */
  readonly decompressedBytesMax: number
}

/**
 * The first record below the high watermark that is as young as `timestamp`, or null. A compressed
 * batch that cannot be undone, or for which no budget is left, is answered with its first record: too early rather than too late.
 */
export function findByTime(
  partition: Partition,
  timestamp: number,
  options: LookupOptions,
): RecordTime | null {
  const cursor = new BatchCursor()
  const budget = { bytes: options.decompressedBytesMax }
  let more = partition.batches.seekTime(cursor, timestamp)
  let left = limits.timeLookupBatchesMax
  while (more && cursor.baseOffset < partition.highWatermark) {
    if (cursor.timestamp >= timestamp) {
      const found = findInBatch(cursor, timestamp, { ...options, budget })
      if (found !== null) return found
      // The headers promise what the records do not keep: nobody may make us read them all.
      if (--left === 0) return { offset: cursor.baseOffset, timestamp }
    }
    more = cursor.next()
  }
  return null
}

/** The first record of those with the greatest timestamp, or null if there is none. [KIP-734] */
export function findYoungest(partition: Partition, options: LookupOptions): RecordTime | null {
  return findByTime(partition, partition.batches.timestampMax, options)
}

function findInBatch(
  cursor: BatchCursor,
  timestamp: number,
  options: LookupOptions & { readonly budget: { bytes: number } },
): RecordTime | null {
  const { log, budget } = options
  log.locate(cursor.position)
  const { buffer, offset: at, length } = log
  const { baseOffset } = cursor
  if (readMaxTimestamp(buffer, at) < timestamp) return null
  if (isLogAppendTime(buffer, at)) {
    return { offset: baseOffset, timestamp: readMaxTimestamp(buffer, at) }
  }
  const baseTimestamp = readBaseTimestamp(buffer, at)
  if (baseTimestamp >= timestamp) return { offset: baseOffset, timestamp: baseTimestamp }
  const codec = readCompression(buffer, at)
  if (codec === Compression.none) {
    const records = new RecordCursor(buffer, at + batchHeaderBytes, at + length)
    return findInRecords(records, { baseOffset, baseTimestamp, timestamp })
  }
  const packed = buffer.subarray(at + batchHeaderBytes, at + length)
  const bytes = options.decompress?.(codec, packed, budget.bytes) ?? null
  if (bytes === null) return { offset: baseOffset, timestamp: baseTimestamp }
  budget.bytes -= bytes.length
  const records = new RecordCursor(bytes, 0, bytes.length)
  return findInRecords(records, { baseOffset, baseTimestamp, timestamp })
}

function findInRecords(
  records: RecordCursor,
  {
    baseOffset,
    baseTimestamp,
    timestamp,
  }: { baseOffset: number; baseTimestamp: number; timestamp: number },
): RecordTime | null {
  while (records.next()) {
    const time = baseTimestamp + records.timestampDelta
    if (time >= timestamp) return { offset: baseOffset + records.offsetDelta, timestamp: time }
  }
  return null
}
