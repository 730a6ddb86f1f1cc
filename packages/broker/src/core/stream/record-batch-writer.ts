import { assert } from '../../base/assert.ts'
import { Writer } from '../../base/writer.ts'
import { batchHeaderBytes, writeBatchHeader } from './record-batch.ts'
import type { RecordHeader } from './record-cursor.ts'

export interface BatchRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  /** Milliseconds; -1 for none. */
  readonly timestamp: number
  readonly headers: readonly RecordHeader[]
}

/** The most that a record adds to a batch. */
export function recordBytesMax(record: BatchRecord): number {
  const fields =
    nullableBytes(record.key) + nullableBytes(record.value) + headersBytes(record.headers)
  return fields + RECORD_OVERHEAD_BYTES
}

/** Attributes, and the longest lengths and deltas that there are. */
const RECORD_OVERHEAD_BYTES = 21

/** What tells an idempotent producer's batches apart; -1 all of them where there is none. */
export interface BatchProducer {
  readonly id: number
  readonly epoch: number
  readonly baseSequence: number
  readonly isTransactional: boolean
}

const noProducer: BatchProducer = { id: -1, epoch: -1, baseSequence: -1, isTransactional: false }

/**
 * Builds an uncompressed batch record by record: append(), then finish(), then reset() for the
 * next one. The base offset is 0 until the log assigns one.
 */
export class RecordBatchWriter {
  recordCount: number = 0
  #writer: Writer
  #baseTimestamp: number = -1
  #maxTimestamp: number = -1

  constructor(bytes: number = 1024) {
    this.#writer = new Writer(bytes)
    this.#writer.skip(batchHeaderBytes)
  }

  /** The size of the batch so far. */
  get bytes(): number {
    return this.#writer.position
  }

  /** Of the memory that it holds on to. */
  get capacity(): number {
    return this.#writer.buffer.length
  }

  append(record: BatchRecord): void {
    if (this.recordCount === 0) this.#baseTimestamp = record.timestamp
    this.#maxTimestamp = Math.max(this.#maxTimestamp, record.timestamp)
    const timestampDelta = record.timestamp - this.#baseTimestamp
    const bytes =
      1 +
      varintBytes(timestampDelta) +
      varintBytes(this.recordCount) +
      nullableBytes(record.key) +
      nullableBytes(record.value) +
      headersBytes(record.headers)
    let at = this.#writer.skip(varintBytes(bytes) + bytes)
    const buffer = this.#writer.buffer
    at = putVarint(buffer, at, bytes)
    buffer[at++] = 0
    at = putVarint(buffer, at, timestampDelta)
    at = putVarint(buffer, at, this.recordCount)
    at = putNullable(buffer, at, record.key)
    at = putNullable(buffer, at, record.value)
    putHeaders(buffer, at, record.headers)
    this.recordCount++
  }

  /** Completes the header. The batch is a view, overwritten by the next one built here. */
  finish(producer: BatchProducer = noProducer): Buffer {
    assert(this.recordCount > 0, 'a batch has at least one record')
    writeBatchHeader(this.#writer.buffer, 0, {
      baseOffset: 0,
      bytes: this.#writer.position,
      leaderEpoch: -1,
      isTransactional: producer.isTransactional,
      lastOffsetDelta: this.recordCount - 1,
      baseTimestamp: this.#baseTimestamp,
      maxTimestamp: this.#maxTimestamp,
      producerId: producer.id,
      producerEpoch: producer.epoch,
      baseSequence: producer.baseSequence,
      recordCount: this.recordCount,
    })
    return this.#writer.written()
  }

  /** Starts an empty batch in the same memory. */
  reset(): void {
    this.recordCount = 0
    this.#baseTimestamp = -1
    this.#maxTimestamp = -1
    this.#writer.position = batchHeaderBytes
  }
}

export function headersBytes(headers: readonly RecordHeader[]): number {
  let bytes = varintBytes(headers.length)
  for (const { key, value } of headers) {
    const keyBytes = Buffer.byteLength(key)
    bytes += varintBytes(keyBytes) + keyBytes + nullableBytes(value)
  }
  return bytes
}

/** Their count, then each of them. */
export function putHeaders(buffer: Buffer, start: number, headers: readonly RecordHeader[]): void {
  let at = putVarint(buffer, start, headers.length)
  for (const { key, value } of headers) {
    at = putVarint(buffer, at, Buffer.byteLength(key))
    at += buffer.write(key, at)
    at = putNullable(buffer, at, value)
  }
}

export function nullableBytes(value: Uint8Array | null): number {
  return value === null ? 1 : varintBytes(value.length) + value.length
}

/** Returns the position after it. */
export function putNullable(buffer: Buffer, start: number, value: Uint8Array | null): number {
  if (value === null) return putVarint(buffer, start, -1)
  const at = putVarint(buffer, start, value.length)
  buffer.set(value, at)
  return at + value.length
}

/** Zigzag, so that small negative numbers stay short too. */
function zigzag(value: number): number {
  return value >= 0 ? value * 2 : value * -2 - 1
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let bits = zigzag(value); bits >= 0x80; bits = Math.floor(bits / 0x80)) bytes++
  return bytes
}

/** Returns the position after the number. */
function putVarint(buffer: Buffer, start: number, value: number): number {
  let at = start
  let bits = zigzag(value)
  while (bits >= 0x80) {
    buffer[at++] = (bits % 0x80) | 0x80
    bits = Math.floor(bits / 0x80)
  }
  buffer[at++] = bits
  return at
}
