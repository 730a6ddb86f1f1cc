import type { BatchPlace, RawPage } from '../../storage/segments/batch-reader.ts'
import { IndexBlock, type BatchCursor } from './batch-index.ts'
import {
  batchHeaderBytes,
  batchMagic,
  computeCrc,
  readBaseOffset,
  readBatchBytes,
  readCrc,
  readLastOffset,
  readLeaderEpoch,
  readMagic,
  readMaxTimestamp,
} from './record-batch.ts'

/** Where in a file a batch is not what was written, and how that shows. */
export interface BrokenBatch {
  readonly file: string
  readonly at: number
  readonly reason: string
}

/**
 * Whole batches of one partition that were read back from a file, with an index of their own; their positions
 * are places in `buffer`. Invariant: they are sound, and follow each other without a gap.
 */
export class BatchPage {
  readonly from: number
  /** The offset behind the last one. */
  readonly to: number
  readonly buffer: Buffer
  readonly raw: RawPage
  /** Where the batch behind the last one begins, if it is in the same file. */
  readonly next: BatchPlace
  /** Whether its reader came from the page before it. */
  readonly isSequential: boolean
  /** Nobody has looked at it yet, although somebody asked. */
  isAwaited: boolean = false
  loadedMs: number = 0
  readonly #batches: IndexBlock

  constructor(raw: RawPage, batches: IndexBlock, extent: PageExtent) {
    this.raw = raw
    this.buffer = raw.bytes
    this.from = extent.from
    this.to = extent.to
    this.next = { base: raw.place.base, at: raw.place.at + extent.bytes }
    this.isSequential = extent.isSequential
    this.#batches = batches
  }

  /** All of the memory that it takes. */
  get bytes(): number {
    return this.raw.memory.length + this.#batches.bytes
  }

  has(offset: number): boolean {
    return offset >= this.from && offset < this.to
  }

  /** Puts the cursor at the batch that has the offset, which is in the page. */
  seek(cursor: BatchCursor, offset: number): void {
    this.#batches.seek(cursor, offset)
  }
}

interface PageExtent {
  readonly from: number
  readonly to: number
  readonly bytes: number
  readonly isSequential: boolean
}

export interface ExpectedPage {
  readonly isSequential: boolean
  /** Of the partition: no batch has a later one. */
  readonly leaderEpoch: number
}

/** Checks what was read. The first batch is whole; the last one may be cut off and is left out then. */
export function checkPage(
  raw: RawPage,
  { isSequential, leaderEpoch }: ExpectedPage,
): BatchPage | BrokenBatch {
  const { bytes } = raw
  const from = readBaseOffset(bytes, 0)
  let epoch = 0
  let at = 0
  let count = 0
  let to = from
  while (at + batchHeaderBytes <= bytes.length) {
    const size = readBatchBytes(bytes, at)
    const isCutOff = size >= batchHeaderBytes && at + size > bytes.length && count > 0
    if (isCutOff) break
    const expected = { at, size, offset: to, epochs: [epoch, leaderEpoch] as const }
    const reason = problemAt(bytes, expected)
    if (reason !== null) return { file: raw.file, at: raw.place.at + at, reason }
    epoch = readLeaderEpoch(bytes, at)
    to = readLastOffset(bytes, at) + 1
    at += size
    count++
  }
  // What follows tells whether the last one is what it says; else only those behind it do.
  const next = at + 8 <= bytes.length ? readBaseOffset(bytes, at) : raw.endOffset
  if (next !== null && next !== to) {
    return { file: raw.file, at: raw.place.at, reason: `the batch with offset ${to} is not there` }
  }
  return new BatchPage(raw, listBatches(bytes, count), { from, to, bytes: at, isSequential })
}

function problemAt(
  bytes: Buffer,
  {
    at,
    size,
    offset,
    epochs: [least, most],
  }: {
    readonly at: number
    readonly size: number
    readonly offset: number
    readonly epochs: readonly [least: number, most: number]
  },
): string | null {
  if (readMagic(bytes, at) !== batchMagic || size < batchHeaderBytes || at + size > bytes.length) {
    return 'no record batch is here'
  }
  if (readBaseOffset(bytes, at) !== offset) return `the batch with offset ${offset} is not here`
  if (readLastOffset(bytes, at) < offset) return 'the batch has no records'
  // Outside the checksum, as the offset is.
  const epoch = readLeaderEpoch(bytes, at)
  if (epoch < least || epoch > most) return `a batch cannot be of epoch ${epoch} here`
  const isSound = readCrc(bytes, at) === computeCrc(bytes, at, size)
  return isSound ? null : 'the checksum of a record batch is wrong'
}

function listBatches(bytes: Buffer, count: number): IndexBlock {
  const batches = new IndexBlock(count)
  const entry = { baseOffset: 0, position: 0, timestamp: 0, bytes: 0 }
  let at = 0
  for (let left = count; left > 0; left--) {
    entry.baseOffset = readBaseOffset(bytes, at)
    entry.position = at
    entry.timestamp = readMaxTimestamp(bytes, at)
    entry.bytes = readBatchBytes(bytes, at)
    batches.append(entry)
    at += entry.bytes
  }
  return batches
}
