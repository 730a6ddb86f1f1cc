import { crc32c } from '../../base/crc32c.ts'

/**
 * The header of Kafka's RecordBatch v2 (magic 2), in which streams keep their records. A batch is
 * stored and sent exactly as its producer built it; only what lies outside the checksum is written
 * here, and with log-append time two fields inside it. The records themselves: record-cursor.ts;
 * checking a producer's batch: record-batch-check.ts; building one: record-batch-writer.ts.
 *
 *    0  baseOffset            int64     the log's, 0 from a producer
 *    8  length                int32     of all that follows
 *   12  partitionLeaderEpoch  int32     the log's, -1 from a producer
 *   16  magic                 int8      2
 *   17  crc                   uint32    CRC-32C of all that follows
 *   21  attributes            int16     0-2 compression, 3 log-append time, 4 transactional, 5 control
 *   23  lastOffsetDelta       int32     of the last record; count - 1 until compaction
 *   27  baseTimestamp         int64     that record deltas are added to
 *   35  maxTimestamp          int64     greatest of the records', or the log-append time
 *   43  producerId            int64     -1: not idempotent
 *   51  producerEpoch         int16
 *   53  baseSequence          int32     of the first record
 *   57  recordCount           int32
 *   61  records               compressed as one piece, if at all
 *
 * The functions take a buffer and where in it the batch begins, and allocate nothing. Times and ids
 * beyond 2^53 come out rounded; offsets are ours and never get there.
 */
export const batchHeaderBytes = 61
/** What `length` does not count. */
export const batchOverheadBytes = 12
export const batchMagic = 2

export const Compression = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
export type Compression = (typeof Compression)[keyof typeof Compression]

const lengthAt = 8
const leaderEpochAt = 12
const magicAt = 16
const crcAt = 17
/** The checksum runs from here to the batch's end. */
const attributesAt = 21
const lastOffsetDeltaAt = 23
const baseTimestampAt = 27
const maxTimestampAt = 35
const producerIdAt = 43
const producerEpochAt = 51
const baseSequenceAt = 53
const recordCountAt = 57

const compressionMask = 0b0000_0111
const logAppendTimeBit = 0b0000_1000
const transactionalBit = 0b0001_0000
const controlBit = 0b0010_0000

export function readBaseOffset(buffer: Buffer, at: number): number {
  return readInt64(buffer, at)
}

/** The size of the whole batch, its overhead included. Unchecked: it is what the header claims. */
export function readBatchBytes(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + lengthAt) + batchOverheadBytes
}

export function readLeaderEpoch(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + leaderEpochAt)
}

export function readMagic(buffer: Buffer, at: number): number {
  return buffer.readInt8(at + magicAt)
}

export function readCrc(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at + crcAt)
}

/** 0 to 4 are known; see Compression. */
export function readCompression(buffer: Buffer, at: number): number {
  return readAttributes(buffer, at) & compressionMask
}

export function isLogAppendTime(buffer: Buffer, at: number): boolean {
  return (readAttributes(buffer, at) & logAppendTimeBit) !== 0
}

export function isTransactional(buffer: Buffer, at: number): boolean {
  return (readAttributes(buffer, at) & transactionalBit) !== 0
}

export function isControl(buffer: Buffer, at: number): boolean {
  return (readAttributes(buffer, at) & controlBit) !== 0
}

export function readLastOffsetDelta(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + lastOffsetDeltaAt)
}

/** The offset of the batch's last record, once the log has assigned the base offset. */
export function readLastOffset(buffer: Buffer, at: number): number {
  return readBaseOffset(buffer, at) + readLastOffsetDelta(buffer, at)
}

export function readBaseTimestamp(buffer: Buffer, at: number): number {
  return readInt64(buffer, at + baseTimestampAt)
}

export function readMaxTimestamp(buffer: Buffer, at: number): number {
  return readInt64(buffer, at + maxTimestampAt)
}

export function readProducerId(buffer: Buffer, at: number): number {
  return readInt64(buffer, at + producerIdAt)
}

export function readProducerEpoch(buffer: Buffer, at: number): number {
  return buffer.readInt16BE(at + producerEpochAt)
}

export function readBaseSequence(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + baseSequenceAt)
}

export function readRecordCount(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + recordCountAt)
}

/** The checksum that the batch of `bytes` bytes should carry. */
export function computeCrc(buffer: Buffer, at: number, bytes: number): number {
  return crc32c(buffer, at + attributesAt, at + bytes)
}

/** Gives a batch its place in the log. Outside the checksum, so nothing else changes. */
export function assignOffset(
  buffer: Buffer,
  at: number,
  baseOffset: number,
  leaderEpoch: number,
): void {
  writeInt64(buffer, at, baseOffset)
  buffer.writeInt32BE(leaderEpoch, at + leaderEpochAt)
}

/** Stamps a batch with the log's time instead of its producer's and renews the checksum. */
export function assignLogAppendTime(buffer: Buffer, at: number, now: number): void {
  buffer.writeInt16BE(readAttributes(buffer, at) | logAppendTimeBit, at + attributesAt)
  writeInt64(buffer, at + maxTimestampAt, now)
  writeCrc(buffer, at)
}

export interface BatchHeader {
  readonly baseOffset: number
  readonly bytes: number
  readonly leaderEpoch: number
  readonly isTransactional: boolean
  readonly lastOffsetDelta: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

/** Writes the header before records that are already in place, uncompressed, and checksums both. */
export function writeBatchHeader(buffer: Buffer, at: number, header: BatchHeader): void {
  writeInt64(buffer, at, header.baseOffset)
  buffer.writeInt32BE(header.bytes - batchOverheadBytes, at + lengthAt)
  buffer.writeInt32BE(header.leaderEpoch, at + leaderEpochAt)
  buffer.writeInt8(batchMagic, at + magicAt)
  buffer.writeInt16BE(header.isTransactional ? transactionalBit : 0, at + attributesAt)
  buffer.writeInt32BE(header.lastOffsetDelta, at + lastOffsetDeltaAt)
  writeInt64(buffer, at + baseTimestampAt, header.baseTimestamp)
  writeInt64(buffer, at + maxTimestampAt, header.maxTimestamp)
  writeInt64(buffer, at + producerIdAt, header.producerId)
  buffer.writeInt16BE(header.producerEpoch, at + producerEpochAt)
  buffer.writeInt32BE(header.baseSequence, at + baseSequenceAt)
  buffer.writeInt32BE(header.recordCount, at + recordCountAt)
  writeCrc(buffer, at)
}

function readAttributes(buffer: Buffer, at: number): number {
  return buffer.readInt16BE(at + attributesAt)
}

function writeCrc(buffer: Buffer, at: number): void {
  buffer.writeUInt32BE(computeCrc(buffer, at, readBatchBytes(buffer, at)), at + crcAt)
}

function readInt64(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4)
}

function writeInt64(buffer: Buffer, at: number, value: number): void {
  buffer.writeInt32BE(Math.floor(value / 2 ** 32), at)
  buffer.writeUInt32BE(value >>> 0, at + 4)
}
