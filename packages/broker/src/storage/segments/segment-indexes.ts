import { DiskError } from '../disk.ts'
import { GoneError, type BatchReader } from './batch-reader.ts'
import {
  IndexEntries,
  INDEX_ENTRY_BYTES,
  readPlaceKey,
  readTimeKey,
  searchIndex,
  TIME_ENTRY_BYTES,
  type IndexSearch,
} from './index-entries.ts'
import { segmentFile, SegmentPart } from './segment-file.ts'
import type { SegmentLog } from './segment-log.ts'
import { Segment } from './segment.ts'

/**
 * What the two indexes of a segment say, and how they come back: whatever is wrong with one is no loss, for it is made again of the batches.
 * Whether an entry leads to where it says is for the caller to find out.
 */
export class SegmentIndexes {
  readonly #log: SegmentLog
  readonly #batches: BatchReader
  /** Those that are being made again. */
  readonly #rebuilds = new Map<Segment, Promise<void>>()

  constructor(log: SegmentLog, batches: BatchReader) {
    this.#log = log
    this.#batches = batches
  }

  /** The last entry for an offset that is at most this one; null if there is none. */
  findPlace(segment: Segment, offset: number): Promise<Buffer | null> {
    const entries = segment.written?.indexEntries ?? 0
    const search = { entries, entryBytes: INDEX_ENTRY_BYTES, key: readPlaceKey }
    return this.#search(segment, SegmentPart.index, { ...search, wanted: offset - segment.base })
  }

  /** The last entry for a time that is at most this one; null if there is none. */
  findTime(segment: Segment, timestamp: number): Promise<Buffer | null> {
    const entries = segment.written?.timeEntries ?? 0
    const search = { entries, entryBytes: TIME_ENTRY_BYTES, key: readTimeKey }
    return this.#search(segment, SegmentPart.timeIndex, { ...search, wanted: timestamp })
  }

  async #search(segment: Segment, part: SegmentPart, search: EntrySearch): Promise<Buffer | null> {
    if (search.entries === 0) return null
    if (segment.hasBadIndex) await this.rebuild(segment, 'it is not as it was left')
    let found = await this.#searchOnce(segment, part, search)
    if (found === null) {
      if (segment.isRemoved) throw new GoneError('the segment has been removed')
      await this.rebuild(segment, 'it is too short, or cannot be read')
      found = await this.#searchOnce(segment, part, search)
    }
    if (found === null) {
      throw this.#batches.damage(segment, 0, 'its indexes cannot be made again')
    }
    return found === 'none' ? null : found
  }

  async #searchOnce(
    segment: Segment,
    part: SegmentPart,
    { wanted, ...search }: EntrySearch,
  ): Promise<Buffer | 'none' | null> {
    const { disk, memory } = this.#log.context
    const file = segmentFile(this.#log.folder, segment.base, part)
    const lent: Buffer[] = []
    const read = async (first: number, count: number): Promise<Buffer | null> => {
      const bytes = count * search.entryBytes
      const block = memory.take(bytes)
      lent.push(block)
      const piece = { at: first * search.entryBytes, bytes }
      const got = await disk.read(file, [piece], block.subarray(0, bytes)).catch(nothingRead)
      return got < bytes ? null : block.subarray(0, bytes)
    }
    try {
      const found = await searchIndex({ ...search, read }, wanted)
      // The memory is lent to the next one who asks.
      return found instanceof Buffer ? Buffer.from(found) : found
    } finally {
      for (const block of lent) memory.give(block)
    }
  }

  /** Makes both again. It is not waited for until they are safe: if a power cut takes them, they are made once more. */
  rebuild(segment: Segment, reason: string): Promise<void> {
    let rebuild = this.#rebuilds.get(segment)
    if (rebuild === undefined) {
      const file = segmentFile(this.#log.folder, segment.base, SegmentPart.index)
      this.#log.context.logger.warn(`making the indexes of a segment again: ${reason}`, { file })
      rebuild = this.#make(segment).finally(() => this.#rebuilds.delete(segment))
      this.#rebuilds.set(segment, rebuild)
    }
    return rebuild
  }

  async #make(segment: Segment): Promise<void> {
    const { disk } = this.#log.context
    const { written } = segment
    if (written === null) return
    const entries = { places: new IndexEntries(), times: new IndexEntries() }
    const again = new Segment(segment.base)
    await this.#batches.walk(segment, written.bytes, (header) => again.add(header, entries, 0))
    const { indexEntries, timeEntries, isClosed } = written
    if (isClosed) again.close(entries)
    if (again.indexEntries !== indexEntries || again.timeEntries !== timeEntries) {
      const reason = 'the batches do not give the indexes that there were'
      throw this.#batches.damage(segment, 0, reason)
    }
    // Entries that were added meanwhile lie behind these.
    const name = (part: SegmentPart): string => segmentFile(this.#log.folder, segment.base, part)
    const { places, times } = entries
    await Promise.all([
      disk.write(name(SegmentPart.index), 0, [places.written]),
      disk.write(name(SegmentPart.timeIndex), 0, [times.written]),
    ])
    segment.hasBadIndex = false
  }
}

type EntrySearch = Omit<IndexSearch, 'read'> & { readonly wanted: number }

/** What is not there, or cannot be read, is made again; that the system has no means just now says nothing about it. */
function nothingRead(error: unknown): number {
  if (error instanceof DiskError && (error.code === 'ENOENT' || error.code === 'EIO')) return 0
  throw error
}
