import type { Checksum, Disk } from '../disk.ts'
import { setUint64 } from '../journal/batch.ts'
import {
  CHUNK_HEADER_BYTES,
  ENTRY_HEADER_BYTES,
  entryBytes,
  EntryKind,
  keepFile,
  REFERENCE_BYTES,
  sealChunk,
} from './chunk.ts'
import type { KeepFile } from './keep-files.ts'

/** Where messages of a queue have gone. */
export interface WrittenRun {
  readonly file: number
  readonly at: number
  readonly bytes: number
  readonly sharedBytes: number
  readonly first: number
  readonly last: number
  readonly count: number
}

/** A payload that several queues have, in the file once. */
export interface SharedPlace {
  readonly offset: number
  readonly bytes: number
  readonly crc: number
}

export interface ChunkLimits {
  readonly bytesMax: number
  readonly messagesMax: number
}

/** Chunks are gathered to writes of about this size. */
const BUFFER_BYTES = 524_288

/**
 * Writes the chunks of one keep file, one after the other. The file is as safe as its caller syncs it.
 * Entries are put into the chunk that is open; whoever wants a chunk of another queue ends this one first.
 */
export class KeepWriter {
  readonly file: KeepFile
  readonly #disk: Disk
  readonly #store: number
  readonly #checksum: Checksum
  readonly #limits: ChunkLimits
  /** Of the usual size; a large message has one of its own for a while. */
  readonly #usual: Buffer
  #buffer: Buffer
  #view: DataView
  /** End of what is in the buffer, and where its first byte goes in the file. */
  #used: number = 0
  #base: number = 0
  #chunk: OpenChunk | null = null

  constructor(
    file: KeepFile,
    options: {
      readonly disk: Disk
      readonly store: number
      readonly checksum: Checksum
      readonly limits: ChunkLimits
    },
    buffer: Buffer = newChunkBuffer(),
  ) {
    this.file = file
    this.#usual = buffer
    this.#buffer = buffer
    this.#disk = options.disk
    this.#store = options.store
    this.#checksum = options.checksum
    this.#limits = options.limits
    this.#view = viewOf(this.#buffer)
  }

  /** Whether another message of so many bytes, shared ones included, is to go into a new chunk. */
  isFull(bytes: number): boolean {
    const chunk = this.#chunk
    if (chunk === null || chunk.count === 0) return false
    const total = this.#used - chunk.start + chunk.sharedBytes + bytes
    return total > this.#limits.bytesMax || chunk.count >= this.#limits.messagesMax
  }

  /** Whether the buffer is to be flushed before another chunk begins. */
  get isLoaded(): boolean {
    return this.#used + this.#limits.bytesMax > BUFFER_BYTES
  }

  /** Begins a chunk; the one before it must have ended. */
  begin(queue: number): void {
    this.#chunk = { queue, start: this.#used, count: 0, first: 0, last: 0, sharedBytes: 0 }
    this.#used += CHUNK_HEADER_BYTES
  }

  /** Copies a payload [start, end) of `source` into the open chunk. Returns where it lies in the file. */
  add(sequence: number, source: Uint8Array, start: number, end: number): number {
    const length = end - start
    this.#room(entryBytes(length))
    const at = this.#entry(sequence, length, EntryKind.payload)
    this.#buffer.set(source.subarray(start, end), at)
    return this.#base + at
  }

  addReference(sequence: number, place: SharedPlace): void {
    this.#room(entryBytes(REFERENCE_BYTES))
    const at = this.#entry(sequence, REFERENCE_BYTES, EntryKind.reference)
    setUint64(this.#view, at, place.offset)
    this.#view.setUint32(at + 8, place.bytes, true)
    this.#view.setUint32(at + 12, place.crc, true)
    ;(this.#chunk as OpenChunk).sharedBytes += (place.bytes + 7) & ~7
  }

  /** Ends the open chunk and says what it is; null if nothing was put into it. */
  end(): WrittenRun | null {
    const chunk = this.#chunk
    this.#chunk = null
    if (chunk === null) return null
    if (chunk.count === 0) {
      this.#used = chunk.start
      return null
    }
    const { queue, start, count, first, last, sharedBytes } = chunk
    const at = this.#base + start
    const bytes = this.#used - start
    const header = { queue, count, bytes, store: this.#store, file: this.file.id, at }
    sealChunk(this.#buffer, start, header, this.#checksum)
    this.file.bytes = at + bytes
    return { file: this.file.id, at, bytes, sharedBytes, first, last, count }
  }

  /** Hands what is in the buffer to the disk. No chunk may be open. */
  async flush(): Promise<void> {
    if (this.#used === 0) return
    await this.#disk.write(keepFile(this.file.id), this.#base, [
      this.#buffer.subarray(0, this.#used),
    ])
    this.#base += this.#used
    this.#used = 0
    if (this.#buffer === this.#usual) return
    this.#buffer = this.#usual
    this.#view = viewOf(this.#buffer)
  }

  #entry(sequence: number, length: number, kind: EntryKind): number {
    const chunk = this.#chunk as OpenChunk
    const at = this.#used
    this.#view.setUint32(at, length, true)
    this.#view.setUint32(at + 4, kind, true)
    setUint64(this.#view, at + 8, sequence)
    const bytes = entryBytes(length)
    this.#buffer.fill(0, at + ENTRY_HEADER_BYTES + length, at + bytes)
    this.#used += bytes
    if (chunk.count === 0) chunk.first = sequence
    chunk.last = sequence
    chunk.count++
    return at + ENTRY_HEADER_BYTES
  }

  /** A large message, or one more of a long list, may need a buffer of its own size. */
  #room(bytes: number): void {
    if (this.#used + bytes <= this.#buffer.length) return
    const grown = Buffer.from(
      new SharedArrayBuffer(Math.max(this.#buffer.length * 2, this.#used + bytes)),
    )
    this.#buffer.copy(grown, 0, 0, this.#used)
    this.#buffer = grown
    this.#view = viewOf(grown)
  }
}

interface OpenChunk {
  readonly queue: number
  readonly start: number
  count: number
  first: number
  last: number
  sharedBytes: number
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
}

/** What a writer gathers its chunks in; one after the other may use the same. */
export function newChunkBuffer(): Buffer {
  return Buffer.from(new SharedArrayBuffer(BUFFER_BYTES))
}
