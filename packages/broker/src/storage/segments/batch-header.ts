/*
 * What a segment must know of the record batches in it; core/stream/record-batch.ts has the whole layout.
 *
 *    0  baseOffset int64 | 8  length int32, of all that follows | 16  magic int8
 *   23  lastOffsetDelta int32 | 35  maxTimestamp int64
 */
export const BATCH_HEADER_BYTES = 61
/** What `length` does not count. */
const OVERHEAD_BYTES = 12
const MAGIC = 2

const lengthAt = 8
const magicAt = 16
const lastOffsetDeltaAt = 23
const maxTimestampAt = 35

/** One object for all batches of a walk, its fields overwritten by each read. */
export class BatchHeader {
  baseOffset: number = 0
  lastOffset: number = 0
  /** Of the whole batch. */
  bytes: number = 0
  /** Of its newest record, ms; -1 if it has none. */
  maxTimestamp: number = -1

  /** Reads the header at `at`, which must be there as a whole; false if no batch begins like that. */
  read(buffer: Buffer, at: number): boolean {
    this.baseOffset = readInt64(buffer, at)
    this.bytes = buffer.readInt32BE(at + lengthAt) + OVERHEAD_BYTES
    this.lastOffset = this.baseOffset + buffer.readInt32BE(at + lastOffsetDeltaAt)
    this.maxTimestamp = readInt64(buffer, at + maxTimestampAt)
    if (buffer[at + magicAt] !== MAGIC || this.bytes < BATCH_HEADER_BYTES) return false
    return this.baseOffset >= 0 && this.lastOffset >= this.baseOffset
  }
}

function readInt64(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4)
}
