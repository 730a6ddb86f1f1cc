import { IndexEntries, INDEX_ENTRY_BYTES, TIME_ENTRY_BYTES } from './index-entries.ts'
import type { Segment, SegmentEntries } from './segment.ts'
import { LARGE_BYTES, type SharedMemory } from './shared-memory.ts'

/** Smaller batches are gathered by a copy: a piece costs about as much as copying so many bytes. */
const PIECE_BYTES_MIN = 8192

/**
 * What is to be added to the files of one segment by one write: batches as pieces, small ones copied side by side into
 * memory of its own, large ones where they are. Their bytes must stay there until the write is done.
 */
export class SegmentWrite implements SegmentEntries {
  readonly segment: Segment
  /** Where in the .log it begins. */
  readonly at: number
  readonly places: IndexEntries = new IndexEntries()
  readonly placesAt: number
  readonly times: IndexEntries = new IndexEntries()
  readonly timesAt: number
  readonly pieces: Uint8Array[] = []
  bytes: number = 0
  readonly #memory: SharedMemory
  readonly #lent: Buffer[] = []
  #gathering: Buffer | null = null
  /** The part of `#gathering` that is in no piece yet. */
  #from: number = 0
  #end: number = 0

  constructor(segment: Segment, memory: SharedMemory) {
    this.segment = segment
    this.#memory = memory
    this.at = segment.bytes
    this.placesAt = segment.indexEntries * INDEX_ENTRY_BYTES
    this.timesAt = segment.timeEntries * TIME_ENTRY_BYTES
  }

  /** Adds the batch [start, end) behind the others. */
  add(buffer: Buffer, start: number, end: number): void {
    const bytes = end - start
    this.bytes += bytes
    if (bytes >= PIECE_BYTES_MIN) {
      this.#endPiece()
      this.pieces.push(buffer.subarray(start, end))
      return
    }
    if (this.#gathering === null || this.#end + bytes > this.#gathering.length) this.#lend(bytes)
    buffer.copy(this.#gathering as Buffer, this.#end, start, end)
    this.#end += bytes
  }

  /** All batches are added. */
  finish(): void {
    this.#endPiece()
  }

  /** Copies what lies in memory of others, so that they may use it again before the write is done. */
  own(): void {
    this.#endPiece()
    const own = new Set(this.#lent.map(({ buffer }) => buffer))
    for (const [index, piece] of this.pieces.entries()) {
      if (!own.has(piece.buffer)) this.pieces[index] = Buffer.from(piece)
    }
  }

  /** The bytes are in the file: memory that was lent goes back. */
  release(): void {
    for (const memory of this.#lent) this.#memory.give(memory)
    this.#lent.length = 0
    this.#gathering = null
  }

  #lend(bytes: number): void {
    this.#endPiece()
    // The first one is small: most partitions have little to write at a time.
    const memory = this.#memory.take(this.#lent.length === 0 ? bytes : LARGE_BYTES)
    this.#lent.push(memory)
    this.#gathering = memory
    this.#from = 0
    this.#end = 0
  }

  #endPiece(): void {
    if (this.#gathering === null || this.#end === this.#from) return
    this.pieces.push(this.#gathering.subarray(this.#from, this.#end))
    this.#from = this.#end
  }
}
