import type { SegmentsState } from '../../storage/segments/segment-log.ts'
import type { SegmentState } from '../../storage/segments/segment.ts'
import type { BrokenBatch } from './batch-page.ts'
import type { ProducerState, RememberedBatch } from './producers.ts'

/** What is to be known of a partition at the next start; plain data. */
export interface PartitionState {
  readonly id: number
  readonly leaderEpoch: number
  readonly logStart: number
  readonly hasZstd: boolean
  readonly segments: SegmentsState
  readonly producers: readonly ProducerState[]
  /** What the journal had of it was damaged, and is gone with the journal: it stays stopped. */
  readonly damage: BrokenBatch | null
}

/*
 * A partition in a snapshot. Numbers are big-endian; what may be beyond 32 bits is a float64.
 *
 *   version u32 = 1 · id u32 · flags u32 · leader epoch u32 · segments u32 · producers u32
 *   log start f64 · next offset f64 · bytes of the damage u32 · 0 u32
 *   per segment:   13 fields f64, as in SegmentState; the last one is 1 for a closed segment
 *   per producer:  id f64 · epoch i32 · batches u32
 *     per batch:   base sequence i32 · records i32 · base offset f64
 *   damage:        JSON of its file, place and reason
 *
 * Flags: 1 zstd · 2 the broker was not stopped in peace · 4 gone: only its files are left to be removed.
 */
const VERSION = 1
const HEADER_BYTES = 48
const SEGMENT_BYTES = 13 * 8
const PRODUCER_BYTES = 16
const BATCH_BYTES = 16
const Flag = { zstd: 1, unclean: 2, gone: 4 } as const

export interface PartitionEntry {
  readonly state: PartitionState
  /** What was handed to the system and not synced may be missing. */
  readonly isClean: boolean
}

export function encodePartition({ state, isClean }: PartitionEntry): Buffer {
  const { segments, producers } = state
  const batches = producers.reduce((sum, producer) => sum + producer.batches.length, 0)
  const damage = Buffer.from(state.damage === null ? '' : JSON.stringify(state.damage))
  const buffer = Buffer.alloc(
    HEADER_BYTES +
      segments.segments.length * SEGMENT_BYTES +
      producers.length * PRODUCER_BYTES +
      batches * BATCH_BYTES +
      damage.length,
  )
  const flags = (state.hasZstd ? Flag.zstd : 0) | (isClean ? 0 : Flag.unclean)
  let at = putWords(buffer, 0, [VERSION, state.id, flags, state.leaderEpoch])
  at = putWords(buffer, at, [segments.segments.length, producers.length])
  at = putNumbers(buffer, at, [state.logStart, segments.nextOffset])
  at = putWords(buffer, at, [damage.length, 0])
  for (const segment of segments.segments) at = putNumbers(buffer, at, fieldsOf(segment))
  for (const producer of producers) at = putProducer(buffer, at, producer)
  damage.copy(buffer, at)
  return buffer
}

/** Of a partition that was deleted while its files may still be there. */
export function encodeGone(id: number): Buffer {
  const buffer = Buffer.alloc(HEADER_BYTES)
  putWords(buffer, 0, [VERSION, id, Flag.gone])
  return buffer
}

export type DecodedPartition = PartitionEntry | { readonly goneId: number }

/** Throws a RangeError for what is no such entry. */
export function decodePartition(buffer: Buffer): DecodedPartition {
  if (buffer.readUInt32BE(0) !== VERSION) throw new RangeError('unknown version of a partition')
  const id = buffer.readUInt32BE(4)
  const flags = buffer.readUInt32BE(8)
  if ((flags & Flag.gone) !== 0) return { goneId: id }
  let at = HEADER_BYTES
  const segments: SegmentState[] = []
  for (let left = buffer.readUInt32BE(16); left > 0; left--, at += SEGMENT_BYTES) {
    segments.push(readSegment(buffer, at))
  }
  const producers: ProducerState[] = []
  for (let left = buffer.readUInt32BE(20); left > 0; left--) {
    const producer = readProducer(buffer, at)
    producers.push(producer)
    at += PRODUCER_BYTES + producer.batches.length * BATCH_BYTES
  }
  const state: PartitionState = {
    id,
    leaderEpoch: buffer.readUInt32BE(12),
    logStart: buffer.readDoubleBE(24),
    hasZstd: (flags & Flag.zstd) !== 0,
    segments: { segments, nextOffset: buffer.readDoubleBE(32) },
    producers,
    damage: readDamage(buffer.subarray(at, at + buffer.readUInt32BE(40))),
  }
  return { state, isClean: (flags & Flag.unclean) === 0 }
}

function readDamage(json: Buffer): BrokenBatch | null {
  return json.length === 0 ? null : (JSON.parse(json.toString()) as BrokenBatch)
}

function fieldsOf(segment: SegmentState): number[] {
  return [
    segment.base,
    segment.bytes,
    segment.nextOffset,
    segment.createdMs,
    segment.touchedMs,
    segment.firstMs,
    segment.newestMs,
    segment.newestOffset,
    segment.bytesSinceEntry,
    segment.indexEntries,
    segment.timeEntries,
    segment.lastEntryMs,
    segment.isClosed ? 1 : 0,
  ]
}

function readSegment(buffer: Buffer, at: number): SegmentState {
  const field = (index: number): number => buffer.readDoubleBE(at + 8 * index)
  return {
    base: field(0),
    bytes: field(1),
    nextOffset: field(2),
    createdMs: field(3),
    touchedMs: field(4),
    firstMs: field(5),
    newestMs: field(6),
    newestOffset: field(7),
    bytesSinceEntry: field(8),
    indexEntries: field(9),
    timeEntries: field(10),
    lastEntryMs: field(11),
    isClosed: field(12) === 1,
  }
}

function putProducer(buffer: Buffer, start: number, producer: ProducerState): number {
  let at = putNumbers(buffer, start, [producer.producerId])
  at = buffer.writeInt32BE(producer.epoch, at)
  at = buffer.writeUInt32BE(producer.batches.length, at)
  for (const { baseSequence, recordCount, baseOffset } of producer.batches) {
    at = buffer.writeInt32BE(baseSequence, at)
    at = buffer.writeInt32BE(recordCount, at)
    at = buffer.writeDoubleBE(baseOffset, at)
  }
  return at
}

function readProducer(buffer: Buffer, start: number): ProducerState {
  const batches: RememberedBatch[] = []
  let at = start + PRODUCER_BYTES
  for (let left = buffer.readUInt32BE(start + 12); left > 0; left--, at += BATCH_BYTES) {
    batches.push({
      baseSequence: buffer.readInt32BE(at),
      recordCount: buffer.readInt32BE(at + 4),
      baseOffset: buffer.readDoubleBE(at + 8),
    })
  }
  return { producerId: buffer.readDoubleBE(start), epoch: buffer.readInt32BE(start + 8), batches }
}

function putWords(buffer: Buffer, start: number, words: readonly number[]): number {
  let at = start
  for (const word of words) at = buffer.writeUInt32BE(word, at)
  return at
}

function putNumbers(buffer: Buffer, start: number, numbers: readonly number[]): number {
  let at = start
  for (const number of numbers) at = buffer.writeDoubleBE(number, at)
  return at
}
