import {
  batchHeaderBytes,
  batchMagic,
  computeCrc,
  readBaseOffset,
  readBatchBytes,
  readCrc,
  readLastOffset,
  readMagic,
} from '../../core/stream/record-batch.ts'
import { DiskError, type Disk } from '../../storage/disk.ts'
import type { SegmentState } from '../../storage/segments/segment.ts'

/** Batches are read in pieces of this size, one larger batch apart. */
const PIECE_BYTES = 1_048_576
/** No batch is larger, whatever a header says: the journal, through which each has come, takes less. */
const BATCH_BYTES_MAX = 2 ** 27

/** A part of a segment that is not what was written: bytes [at, end) with offsets [from, to). */
export interface SegmentFinding {
  readonly at: number
  readonly end: number
  readonly from: number
  readonly to: number
  readonly reason: string
}

/** Reads all batches of a segment, as far as it is known to be safe, and shows what of it is damaged. */
export async function checkSegment(
  disk: Disk,
  file: string,
  segment: SegmentState,
  found: (finding: SegmentFinding) => void,
): Promise<void> {
  await new SegmentCheck(disk, file, segment, found).run()
}

/** A batch that stands where one was looked for. */
interface FoundBatch {
  readonly base: number
  readonly last: number
  readonly bytes: number
}

class SegmentCheck {
  readonly #disk: Disk
  readonly #file: string
  readonly #segment: SegmentState
  readonly #found: (finding: SegmentFinding) => void
  #buffer: Buffer = Buffer.from(new SharedArrayBuffer(PIECE_BYTES))
  /** What of the file is in the buffer. */
  #from: number = 0
  #to: number = 0

  constructor(
    disk: Disk,
    file: string,
    segment: SegmentState,
    found: (finding: SegmentFinding) => void,
  ) {
    this.#disk = disk
    this.#file = file
    this.#segment = segment
    this.#found = found
  }

  async run(): Promise<void> {
    const { bytes, base, nextOffset } = this.#segment
    let at = 0
    let offset = base
    try {
      while (at < bytes) {
        const batch = await this.#batchAt(at, offset)
        if (typeof batch !== 'string') {
          at += batch.bytes
          offset = batch.last + 1
          continue
        }
        const next = await this.#findBehind(at, offset)
        this.#found({ at, end: next.at, from: offset, to: next.offset, reason: batch })
        at = next.at
        offset = next.offset
      }
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      const reason = `it cannot be read (${error.code})`
      this.#found({ at, end: bytes, from: offset, to: nextOffset, reason })
    }
  }

  /** The sound batch at `at` that begins with `offset`; else what is wrong, in words. */
  async #batchAt(at: number, offset: number): Promise<FoundBatch | string> {
    const { bytes, nextOffset } = this.#segment
    if (!(await this.#need(at, Math.min(batchHeaderBytes, bytes - at)))) return SHORT
    const start = at - this.#from
    if (!this.#isHeader(start, bytes - at)) return 'no record batch is here'
    const size = readBatchBytes(this.#buffer, start)
    if (!(await this.#need(at, size))) return SHORT
    const batch = this.#batch(at - this.#from, size)
    if (batch === null) return 'the checksum of a record batch is wrong'
    const isNext = batch.base === offset && batch.last >= offset && batch.last < nextOffset
    return isNext ? batch : `the batch with offset ${offset} is not here`
  }

  /** Where the next sound batch begins, and with which offset; the segment's end if there is none. */
  async #findBehind(at: number, offset: number): Promise<{ at: number; offset: number }> {
    const { bytes, nextOffset } = this.#segment
    for (let next = at + 1; next + batchHeaderBytes <= bytes; next++) {
      if (!(await this.#needSome(next, batchHeaderBytes))) break
      const start = next - this.#from
      if (!this.#isHeader(start, bytes - next)) continue
      const base = readBaseOffset(this.#buffer, start)
      if (base <= offset || base >= nextOffset) continue
      const size = readBatchBytes(this.#buffer, start)
      if (!(await this.#need(next, size))) continue
      if (this.#batch(next - this.#from, size) !== null) return { at: next, offset: base }
    }
    return { at: bytes, offset: nextOffset }
  }

  /** Whether what begins at `start` of the buffer can be a batch within so many bytes. */
  #isHeader(start: number, bytesMax: number): boolean {
    if (this.#buffer[start + MAGIC_AT] !== batchMagic || bytesMax < batchHeaderBytes) return false
    const size = readBatchBytes(this.#buffer, start)
    const isPossible = size >= batchHeaderBytes && size <= Math.min(bytesMax, BATCH_BYTES_MAX)
    return isPossible && readMagic(this.#buffer, start) === batchMagic
  }

  /** Null if its checksum is wrong. */
  #batch(start: number, bytes: number): FoundBatch | null {
    if (readCrc(this.#buffer, start) !== computeCrc(this.#buffer, start, bytes)) return null
    const base = readBaseOffset(this.#buffer, start)
    return { base, last: readLastOffset(this.#buffer, start), bytes }
  }

  /** Without a promise where the bytes are there: it is asked for each byte. */
  #needSome(at: number, bytes: number): boolean | Promise<boolean> {
    return (at >= this.#from && at + bytes <= this.#to) || this.#need(at, bytes)
  }

  /** Has the bytes in the buffer; false if the file ends before. */
  async #need(at: number, bytes: number): Promise<boolean> {
    if (at >= this.#from && at + bytes <= this.#to) return true
    const wanted = Math.min(Math.max(bytes, PIECE_BYTES), this.#segment.bytes - at)
    if (wanted > this.#buffer.length) this.#buffer = Buffer.from(new SharedArrayBuffer(wanted))
    const target = this.#buffer.subarray(0, wanted)
    this.#from = at
    this.#to = at
    this.#to += await this.#disk.read(this.#file, [{ at, bytes: wanted }], target)
    return at + bytes <= this.#to
  }
}

const MAGIC_AT = 16
const SHORT = 'the file ends here, too early'
