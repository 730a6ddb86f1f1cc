import type { BatchHeader } from './batch-header.ts'
import { INDEX_ENTRY_BYTES, TIME_ENTRY_BYTES, type IndexEntries } from './index-entries.ts'

/** Kafka's index.interval.bytes: so many bytes of batches have an entry in the indexes. */
export const INDEX_INTERVAL_BYTES = 4096
/** Indexes name offsets by their distance from the segment's base, in 31 bits. */
const RELATIVE_OFFSET_MAX = 2 ** 31 - 1

export interface SegmentConfig {
  /** [segment.bytes] */
  readonly segmentBytes: number
  /** By the times of the records. [segment.ms] */
  readonly segmentMs: number
  /** Of one index. [segment.index.bytes] */
  readonly indexBytes: number
}

/** All that is to be known of a segment in order to go on with it; plain data. */
export interface SegmentState {
  readonly base: number
  readonly bytes: number
  readonly nextOffset: number
  /** When the first batch came. */
  readonly createdMs: number
  /** When the newest batch came. */
  readonly touchedMs: number
  /** Greatest time in the first batch; -1 if it has none. */
  readonly firstMs: number
  /** Greatest time of all; -1 if there is none. */
  readonly newestMs: number
  /** Last offset of the batch that has it. */
  readonly newestOffset: number
  readonly bytesSinceEntry: number
  readonly indexEntries: number
  readonly timeEntries: number
  /** Time in the newest entry of the time index; -1 if there is none. */
  readonly lastEntryMs: number
  readonly isClosed: boolean
}

/** Where entries for the indexes go. */
export interface SegmentEntries {
  readonly places: IndexEntries
  readonly times: IndexEntries
}

/**
 * What is known of one segment: a run of batches that lie in one file, and what its two indexes say. Which entries they get
 * follows from the batches alone, by Kafka's rules, so that an index can be made again as it was.
 * It touches no file. Invariant: offsets grow without a gap.
 */
export class Segment {
  readonly base: number
  bytes: number = 0
  nextOffset: number
  createdMs: number = 0
  touchedMs: number = 0
  firstMs: number = -1
  newestMs: number = -1
  newestOffset: number
  indexEntries: number = 0
  timeEntries: number = 0
  /** Nothing is added any more. */
  isClosed: boolean = false
  isRemoved: boolean = false
  /** What has reached its file, all of it; null before the first write. */
  written: SegmentState | null = null
  /** What a power cut leaves of it. */
  synced: SegmentState | null = null
  /** Whether its indexes are to be made again before they are next looked at. */
  hasBadIndex: boolean = false
  #bytesSinceEntry: number = 0
  #lastEntryMs: number = -1

  constructor(base: number) {
    this.base = base
    this.nextOffset = base
    this.newestOffset = base
  }

  static restore(state: SegmentState): Segment {
    const segment = new Segment(state.base)
    segment.bytes = state.bytes
    segment.nextOffset = state.nextOffset
    segment.createdMs = state.createdMs
    segment.touchedMs = state.touchedMs
    segment.firstMs = state.firstMs
    segment.newestMs = state.newestMs
    segment.newestOffset = state.newestOffset
    segment.indexEntries = state.indexEntries
    segment.timeEntries = state.timeEntries
    segment.#bytesSinceEntry = state.bytesSinceEntry
    segment.#lastEntryMs = state.lastEntryMs
    segment.isClosed = state.isClosed
    segment.written = state
    segment.synced = state
    return segment
  }

  /** By what its age is told: the records' own times where they have any. */
  get ageMs(): number {
    return this.newestMs >= 0 ? this.newestMs : this.touchedMs
  }

  /** Whether the batch belongs into a new segment. */
  isFullFor(batch: BatchHeader, config: SegmentConfig, nowMs: number): boolean {
    if (this.bytes === 0) return false
    const waitedMs = this.firstMs >= 0 ? batch.maxTimestamp - this.firstMs : nowMs - this.createdMs
    return (
      this.bytes + batch.bytes > config.segmentBytes ||
      waitedMs > config.segmentMs ||
      (this.indexEntries + 1) * INDEX_ENTRY_BYTES > config.indexBytes ||
      // One entry is kept for the segment's end.
      (this.timeEntries + 2) * TIME_ENTRY_BYTES > config.indexBytes ||
      batch.lastOffset - this.base > RELATIVE_OFFSET_MAX
    )
  }

  add(batch: BatchHeader, entries: SegmentEntries, nowMs: number): void {
    if (this.bytes === 0) {
      this.createdMs = nowMs
      this.firstMs = batch.maxTimestamp
    }
    this.touchedMs = nowMs
    if (batch.maxTimestamp > this.newestMs) {
      this.newestMs = batch.maxTimestamp
      this.newestOffset = batch.lastOffset
    }
    if (this.#bytesSinceEntry > INDEX_INTERVAL_BYTES) {
      entries.places.putPlace(batch.lastOffset - this.base, this.bytes)
      this.indexEntries++
      this.#addTime(entries)
      this.#bytesSinceEntry = 0
    }
    this.#bytesSinceEntry += batch.bytes
    this.bytes += batch.bytes
    this.nextOffset = batch.lastOffset + 1
  }

  /** Nothing is added any more; the time index ends with the greatest time of all. */
  close(entries: SegmentEntries): void {
    this.isClosed = true
    this.#addTime(entries)
  }

  #addTime({ times }: SegmentEntries): void {
    if (this.newestMs <= this.#lastEntryMs) return
    times.putTime(this.newestMs, this.newestOffset - this.base)
    this.#lastEntryMs = this.newestMs
    this.timeEntries++
  }

  /** What a snapshot would have of it now. */
  state(): SegmentState {
    return {
      base: this.base,
      bytes: this.bytes,
      nextOffset: this.nextOffset,
      createdMs: this.createdMs,
      touchedMs: this.touchedMs,
      firstMs: this.firstMs,
      newestMs: this.newestMs,
      newestOffset: this.newestOffset,
      bytesSinceEntry: this.#bytesSinceEntry,
      indexEntries: this.indexEntries,
      timeEntries: this.timeEntries,
      lastEntryMs: this.#lastEntryMs,
      isClosed: this.isClosed,
    }
  }
}
