import { DiskError } from '../disk.ts'
import { StoreDamage } from '../store-damage.ts'
import { BATCH_HEADER_BYTES, BatchHeader } from './batch-header.ts'
import { segmentFile, SegmentPart } from './segment-file.ts'
import type { SegmentLog } from './segment-log.ts'
import type { Segment } from './segment.ts'
import { LARGE_BYTES } from './shared-memory.ts'

/** Bytes of batches that are read at a time, one larger batch apart. */
export const PAGE_BYTES: number = LARGE_BYTES
/** No batch is larger, whatever a header says: the journal, through which each has come, takes less. */
const BATCH_BYTES_MAX = 2 ** 27
/** Others, as EMFILE, say nothing about the file. */
const DAMAGE_CODES: ReadonlySet<string> = new Set(['EIO', 'ENOENT', 'EISDIR'])

/** Where in the files a batch begins, as told with the page before it. */
export interface BatchPlace {
  readonly base: number
  readonly at: number
}

/** Bytes of a .log: first the batch that was asked for, whole, then what follows it, the last one perhaps cut off. */
export interface RawPage {
  /** To be given back with release(). */
  readonly memory: Buffer
  readonly bytes: Buffer
  readonly file: string
  /** Of the first batch. */
  readonly place: BatchPlace
  /** The offset behind the last batch, if the bytes end where the file does; else null. */
  readonly endOffset: number | null
}

/** What was asked for is no longer kept. */
export class GoneError extends Error {
  override readonly name = 'GoneError'
}

/** Reads the batches of segments, piece by piece, and says what in them makes no sense. It finds nothing by itself. */
export class BatchReader {
  readonly header: BatchHeader = new BatchHeader()
  readonly #log: SegmentLog

  constructor(log: SegmentLog) {
    this.#log = log
  }

  /** As much of the .log from `at` on as has been written, up to `wanted`. */
  async read(segment: Segment, at: number, wanted: number): Promise<RawPage> {
    const { disk, memory } = this.#log.context
    const file = segmentFile(this.#log.folder, segment.base, SegmentPart.log)
    const { bytes: end = 0, nextOffset = 0 } = segment.written ?? {}
    const count = Math.min(wanted, end - at)
    if (at < 0 || count <= 0) throw this.damage(segment, at, 'the batches end here, too early')
    const lent = memory.take(count)
    const target = lent.subarray(0, count)
    try {
      const got = await disk.read(file, [{ at, bytes: count }], target)
      if (got < count) throw this.damage(segment, at + got, 'the file is shorter than it was')
    } catch (error) {
      memory.give(lent)
      throw this.#explain(error, segment, at)
    }
    const place = { base: segment.base, at }
    const endOffset = at + count === end ? nextOffset : null
    return { memory: lent, bytes: target, file, place, endOffset }
  }

  release(page: RawPage): void {
    this.#log.context.memory.give(page.memory)
  }

  /** Loads `header` with the batch at `from` of the page; throws, and releases the page, if none is there that could be on the way to `offset`. */
  load(segment: Segment, page: RawPage, { from, offset }: { from: number; offset: number }): void {
    const reason = this.#problemAt(segment, page, { from, offset })
    if (reason === null) return
    this.release(page)
    throw this.damage(segment, page.place.at + from, reason)
  }

  #problemAt(
    segment: Segment,
    { bytes, place }: RawPage,
    { from, offset }: { from: number; offset: number },
  ): string | null {
    const { header } = this
    if (from + BATCH_HEADER_BYTES > bytes.length) return 'the file ends within a batch'
    const isBatch = header.read(bytes, from) && header.bytes <= BATCH_BYTES_MAX
    if (!isBatch) return 'no record batch begins here'
    const end = segment.written?.bytes ?? 0
    if (place.at + from + header.bytes > end) return 'the batch reaches beyond what was written'
    return header.baseOffset > offset ? `the batch with offset ${offset} is not there` : null
  }

  /** Calls `visit` with each header of the first `end` bytes. */
  async walk(segment: Segment, end: number, visit: (header: BatchHeader) => void): Promise<void> {
    const { header } = this
    let offset = segment.base
    for (let at = 0; at < end;) {
      const page = await this.read(segment, at, Math.min(PAGE_BYTES, end - at))
      let from = 0
      while (from + BATCH_HEADER_BYTES <= page.bytes.length || from === 0) {
        this.load(segment, page, { from, offset })
        visit(header)
        offset = header.lastOffset + 1
        from += header.bytes
      }
      this.release(page)
      at += from
    }
  }

  damage(segment: Segment, at: number, reason: string): Error {
    if (segment.isRemoved) return new GoneError('the segment has been removed')
    const file = segmentFile(this.#log.folder, segment.base, SegmentPart.log)
    return new StoreDamage({ file, at, reason })
  }

  /** What the system said of a read, in the words of those who wait for it. */
  #explain(error: unknown, segment: Segment, at: number): unknown {
    if (!(error instanceof DiskError)) return error
    if (!segment.isRemoved && !DAMAGE_CODES.has(error.code)) return error
    return this.damage(segment, at, `it cannot be read (${error.code})`)
  }
}
