import {
  Compression,
  batchHeaderBytes,
  batchMagic,
  computeCrc,
  isControl,
  readBaseOffset,
  readBaseSequence,
  readBatchBytes,
  readCompression,
  readCrc,
  readLastOffsetDelta,
  readMagic,
  readMaxTimestamp,
  readProducerId,
  readRecordCount,
} from './record-batch.ts'
import { RecordCursor } from './record-cursor.ts'

/** Why a producer's batch was refused. Each head maps these to its own codes. */
export const BatchError = {
  /** The length or the checksum is wrong: bytes were lost on the way. */
  corrupt: 'corrupt',
  /** Arrived as sent, but is not one well-formed batch that a client may send. */
  invalidRecord: 'invalid-record',
  tooLarge: 'too-large',
  /** Further in the future than the topic allows. */
  invalidTimestamp: 'invalid-timestamp',
} as const
export type BatchError = (typeof BatchError)[keyof typeof BatchError]

export interface BatchLimits {
  /** Kafka's max.message.bytes: of the batch as sent, header included. */
  readonly batchBytesMax: number
  /** now + message.timestamp.after.max.ms; Infinity where the log stamps batches itself. */
  readonly timestampMax: number
}

/**
 * Whether [start, end) is exactly one batch that a client may append; null when it is. The rules
 * and their order are Kafka's (LogValidator), except that bytes after the batch are refused where
 * Kafka cuts them off. The records of a compressed batch are not looked at.
 */
export function validateBatch(
  buffer: Buffer,
  start: number,
  end: number,
  limits: BatchLimits,
): BatchError | null {
  if (start === end) return BatchError.invalidRecord
  if (end - start < batchHeaderBytes) return BatchError.corrupt
  if (readMagic(buffer, start) !== batchMagic) return BatchError.invalidRecord
  const bytes = readBatchBytes(buffer, start)
  if (bytes < batchHeaderBytes || bytes > end - start) return BatchError.corrupt
  if (bytes > limits.batchBytesMax) return BatchError.tooLarge
  if (readCrc(buffer, start) !== computeCrc(buffer, start, bytes)) return BatchError.corrupt
  if (bytes !== end - start) return BatchError.invalidRecord
  if (!isHeaderValid(buffer, start)) return BatchError.invalidRecord
  if (readMaxTimestamp(buffer, start) > limits.timestampMax) return BatchError.invalidTimestamp
  if (readCompression(buffer, start) !== Compression.none) return null
  const count = readRecordCount(buffer, start)
  return areRecordsValid(buffer, start + batchHeaderBytes, end, count)
    ? null
    : BatchError.invalidRecord
}

function isHeaderValid(buffer: Buffer, at: number): boolean {
  const count = readRecordCount(buffer, at)
  return (
    readBaseOffset(buffer, at) === 0 &&
    count > 0 &&
    count === readLastOffsetDelta(buffer, at) + 1 &&
    !isControl(buffer, at) &&
    readCompression(buffer, at) <= Compression.zstd &&
    (readProducerId(buffer, at) < 0 || readBaseSequence(buffer, at) >= 0)
  )
}

/** Whether [start, end) holds exactly `count` whole records with the offset deltas 0, 1, 2 … */
export function areRecordsValid(
  buffer: Buffer,
  start: number,
  end: number,
  count: number,
): boolean {
  const cursor = new RecordCursor(buffer, start, end)
  let seen = 0
  while (cursor.next()) {
    if (cursor.offsetDelta !== seen) return false
    seen++
  }
  return seen === count && !cursor.isBroken
}
