import { StoreDamage } from '../store-damage.ts'
import { BATCH_HEADER_BYTES } from './batch-header.ts'
import {
  BatchReader,
  GoneError,
  PAGE_BYTES,
  type BatchPlace,
  type RawPage,
} from './batch-reader.ts'
import { readTimeKey } from './index-entries.ts'
import { SegmentIndexes } from './segment-indexes.ts'
import type { SegmentLog } from './segment-log.ts'
import { INDEX_INTERVAL_BYTES, type Segment } from './segment.ts'

/** Enough to see a batch that an index has led to. */
const CHECK_BYTES = 16_384

/**
 * Reads the segments of a partition back, by offset or by time. It looks at headers only as far as it must in order to find its
 * way; whether the batches are sound is for the caller to check.
 *
 * Rejects with StoreDamage where bytes are not there or make no sense, with DiskError where the system has no means to
 * read just now, and with GoneError where the segment has been removed meanwhile.
 */
export class SegmentReader {
  readonly #log: SegmentLog
  readonly #batches: BatchReader
  readonly #indexes: SegmentIndexes

  constructor(log: SegmentLog) {
    this.#log = log
    this.#batches = new BatchReader(log)
    this.#indexes = new SegmentIndexes(log, this.#batches)
  }

  /** Reads from the batch on that has the record with this offset, which is in a file; `hint`: where it begins, if known. */
  async readPage(offset: number, hint: BatchPlace | null): Promise<RawPage> {
    const segment = this.#log.find(offset)
    if (segment === undefined) throw new GoneError(`no segment has offset ${offset} any more`)
    if (hint?.base === segment.base) return this.#readFrom(segment, hint.at, { offset })
    return this.#readNear(segment, { offset })
  }

  release(page: RawPage): void {
    this.#batches.release(page)
  }

  async #readNear(segment: Segment, wanted: WantedBatch): Promise<RawPage> {
    const at = await this.#lookUp(segment, wanted.offset)
    try {
      return await this.#readFrom(segment, at, wanted)
    } catch (error) {
      if (!(error instanceof StoreDamage) || at === 0) throw error
      // The index may be what is wrong. If the batches are, walking through all of them will say so.
      await this.#indexes.rebuild(segment, 'it leads to no batch')
      return this.#readFrom(segment, await this.#lookUp(segment, wanted.offset), wanted)
    }
  }

  /** The position of a batch that begins at or before the one that has `offset`, and near it. */
  async #lookUp(segment: Segment, offset: number): Promise<number> {
    if (offset === segment.base) return 0
    const entry = await this.#indexes.findPlace(segment, offset)
    return entry === null ? 0 : entry.readInt32BE(4)
  }

  /**
   * Where from `offset` on to begin looking for a record of this time or later: an offset, before which no such record is;
   * -1 if no segment has one.
   */
  async seekTime(offset: number, timestamp: number): Promise<number> {
    for (const segment of this.#log.segments) {
      if (segment.nextOffset <= offset || segment.newestMs < timestamp) continue
      return Math.max(await this.#startOf(segment, timestamp), offset)
    }
    return -1
  }

  async #startOf(segment: Segment, timestamp: number): Promise<number> {
    let offset = await this.#startByIndex(segment, timestamp)
    if (offset !== null) return offset
    await this.#indexes.rebuild(segment, 'an entry of the index by time is wrong')
    offset = await this.#startByIndex(segment, timestamp)
    if (offset !== null) return offset
    throw this.#batches.damage(segment, 0, 'its index by time cannot be made again')
  }

  /** Null if what the index says is not so: with a wrong time it would lead past records. */
  async #startByIndex(segment: Segment, timestamp: number): Promise<number | null> {
    const entry = await this.#indexes.findTime(segment, timestamp)
    if (entry === null) return segment.base
    const offset = segment.base + entry.readInt32BE(8)
    if (offset < segment.base || offset >= (segment.written?.nextOffset ?? 0)) return null
    const page = await this.#readNear(segment, { offset, bytes: CHECK_BYTES })
    const { header } = this.#batches
    header.read(page.bytes, 0)
    this.release(page)
    const isSo = header.lastOffset === offset && header.maxTimestamp === readTimeKey(entry, 0)
    return isSo ? offset : null
  }

  /** `at`: where a batch begins from which the one that has `offset` is reached. */
  async #readFrom(
    segment: Segment,
    at: number,
    { offset, bytes = PAGE_BYTES }: WantedBatch,
  ): Promise<RawPage> {
    const { header } = this.#batches
    let position = at
    let wanted = bytes
    for (;;) {
      const page = await this.#batches.read(segment, position, wanted)
      const from = this.#walk(segment, page, { start: at, offset })
      const isThere =
        from + BATCH_HEADER_BYTES <= page.bytes.length && header.read(page.bytes, from)
      if (isThere && header.lastOffset >= offset && from + header.bytes <= page.bytes.length) {
        const place = { base: segment.base, at: position + from }
        return { ...page, bytes: page.bytes.subarray(from), place }
      }
      this.release(page)
      // Not yet come to it; or there, but it is not whole.
      if (from === 0) wanted = Math.max(wanted, header.bytes)
      position += from
    }
  }

  /**
   * Where in the page the batch begins that has the offset, or that reaches beyond the page's end. `start` is what an index has led to:
   * a batch further on than the indexes' interval has an entry of its own, and to walk past it means that the index lacks it.
   */
  #walk(
    segment: Segment,
    page: RawPage,
    { start, offset }: { start: number; offset: number },
  ): number {
    const { header } = this.#batches
    const { bytes, place } = page
    let from = 0
    for (;;) {
      if (from + BATCH_HEADER_BYTES > bytes.length && from > 0) return from
      this.#batches.load(segment, page, { from, offset })
      if (header.lastOffset >= offset || from + header.bytes > bytes.length) return from
      if (place.at + from - start > INDEX_INTERVAL_BYTES) segment.hasBadIndex = true
      from += header.bytes
    }
  }
}

interface WantedBatch {
  readonly offset: number
  /** How much is to be read, if the batch is not larger. */
  readonly bytes?: number
}
