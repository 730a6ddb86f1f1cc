import type { Checksum, Disk, FilePiece, JournalShape } from '../disk.ts'
import { DiskError, slotFile } from '../disk.ts'
import { alignUp, getUint64 } from '../journal/batch.ts'
import { RECORD_HEADER_BYTES, recordCheck, stampOf, TARGET_BYTES } from '../journal/record.ts'
import { StoreDamage } from '../store-damage.ts'
import { CHUNK_HEADER_BYTES, ENTRY_HEADER_BYTES, EntryKind, keepFile, readChunk } from './chunk.ts'
import { Page, PageMemory } from './page.ts'

/** Memory of the usual size is used again and again; so much of it is kept. */
const POOL_BYTES = 320 * 1024
const POOL_COUNT = 52
/** Shared payloads are read in one go where at most so much between them is not wanted. */
const SPREAD_MAX = 2

export interface PageReaderOptions {
  readonly disk: Disk
  readonly shape: JournalShape
  readonly store: number
  readonly checksum: Checksum
}

/** A chunk of a keep file. */
export interface KeptPlace {
  readonly file: number
  readonly at: number
  readonly bytes: number
  readonly first: number
  readonly last: number
}

/** Records of one queue in the journal, in the order of their numbers. */
export interface JournalPlaces {
  readonly sequences: Float64Array
  readonly positions: Float64Array
  /** Of each record in the journal. */
  readonly bytes: Int32Array
}

/** A record that is not at its place: by now it is elsewhere, or else it is damaged. Who asked for it knows. */
export interface Misplaced {
  readonly sequence: number
  readonly position: number
  readonly damage: StoreDamage
}

/**
 * Reads messages back that have left memory: from the slots of the journal, or from a keep file once they are kept.
 * Rejects with StoreDamage for bytes that are not what was written or cannot be read, with DiskError if there are no means to read just now.
 */
export class PageReader {
  readonly #options: PageReaderOptions
  readonly #pool: PageMemory[] = []

  constructor(options: PageReaderOptions) {
    this.#options = options
  }

  /** Whoever holds a page no longer gives its memory back. */
  recycle({ buffer, words, view }: Page): void {
    this.#giveBack({ buffer, words, view })
  }

  #giveBack(memory: PageMemory): void {
    const bytes = memory.buffer.length
    if (bytes < POOL_BYTES || bytes >= 2 * POOL_BYTES || this.#pool.length >= POOL_COUNT) return
    this.#pool.push(memory)
  }

  /** The slot may have been written over meanwhile: by then the messages are elsewhere. */
  async readJournal(places: JournalPlaces): Promise<Page | Misplaced> {
    const { sequences, positions, bytes } = places
    const total = bytes.reduce((sum, each) => sum + each, 0)
    const memory = this.#take(total)
    await this.#readSlots(places, memory.buffer)
    const count = sequences.length
    const offsets = new Int32Array(count)
    const lengths = new Int32Array(count)
    for (let i = 0, at = 0; i < count; at += bytes[i] as number, i++) {
      const word = at >> 2
      const position = positions[i] as number
      if (!isRecord(memory.words, word, position, bytes[i] as number)) {
        this.#giveBack(memory)
        return this.#misplaced(sequences[i] as number, position)
      }
      const targetBytes = ((memory.words[word + 1] as number) >>> 8) * TARGET_BYTES
      offsets[i] = at + RECORD_HEADER_BYTES + targetBytes
      lengths[i] = (memory.words[word] as number) - targetBytes
    }
    const [first, last] = [sequences[0] as number, sequences[count - 1] as number]
    return new Page(memory, { sequences, offsets, lengths, first, last })
  }

  #misplaced(sequence: number, position: number): Misplaced {
    const { slotBytes, slots } = this.#options.shape
    const file = slotFile(Math.floor(position / slotBytes) % slots)
    const reason = 'a record is not what was written'
    return {
      sequence,
      position,
      damage: new StoreDamage({ file, at: position % slotBytes, reason }),
    }
  }

  /** Each slot is a file; within one, records that lie side by side are one piece. */
  async #readSlots({ positions, bytes }: JournalPlaces, target: Buffer): Promise<void> {
    const { slotBytes, slots } = this.#options.shape
    let at = 0
    for (let i = 0; i < positions.length;) {
      const slot = Math.floor((positions[i] as number) / slotBytes)
      const pieces: { at: number; bytes: number }[] = []
      let total = 0
      for (; i < positions.length; i++) {
        const position = positions[i] as number
        if (Math.floor(position / slotBytes) !== slot) break
        const from = position - slot * slotBytes
        const length = bytes[i] as number
        const last = pieces[pieces.length - 1]
        if (last !== undefined && last.at + last.bytes === from) last.bytes += length
        else pieces.push({ at: from, bytes: length })
        total += length
      }
      await this.#read(slotFile(slot % slots), pieces, target.subarray(at, at + total))
      at += total
    }
  }

  async readKept(place: KeptPlace): Promise<Page> {
    const { store, checksum } = this.#options
    const file = keepFile(place.file)
    let memory = this.#take(place.bytes)
    const target = memory.buffer.subarray(0, place.bytes)
    const got = await this.#read(file, [{ at: place.at, bytes: place.bytes }], target)
    const expected = { store, file: place.file, at: place.at }
    const header = readChunk(memory.buffer.subarray(0, got), 0, expected, checksum)
    if (typeof header === 'string') throw new StoreDamage({ file, at: place.at, reason: header })
    const sequences = new Float64Array(header.count)
    const offsets = new Int32Array(header.count)
    const lengths = new Int32Array(header.count)
    const shared: SharedPayload[] = []
    let at = CHUNK_HEADER_BYTES
    for (let i = 0; i < header.count; i++) {
      const length = memory.view.getUint32(at, true)
      sequences[i] = getUint64(memory.view, at + 8)
      offsets[i] = at + ENTRY_HEADER_BYTES
      lengths[i] = length
      if (memory.view.getUint32(at + 4, true) === EntryKind.reference) {
        shared.push(readReference(memory.view, at + ENTRY_HEADER_BYTES, i))
      }
      at += (ENTRY_HEADER_BYTES + length + 7) & ~7
    }
    if (shared.length > 0) {
      memory = await this.#addShared(memory, { at, file, shared, offsets, lengths })
    }
    const { first, last } = place
    return new Page(memory, { sequences, offsets, lengths, first, last })
  }

  /** Reads the payloads that the entries refer to behind them, and points the entries there. */
  async #addShared(
    memory: PageMemory,
    page: {
      readonly at: number
      readonly file: string
      readonly shared: readonly SharedPayload[]
      readonly offsets: Int32Array
      readonly lengths: Int32Array
    },
  ): Promise<PageMemory> {
    const { pieces, places, total } = planShared(page.shared, page.at)
    const grown = page.at + total <= memory.buffer.length ? memory : this.#take(page.at + total)
    if (grown !== memory) memory.buffer.copy(grown.buffer, 0, 0, page.at)
    const target = grown.buffer.subarray(page.at, page.at + total)
    await this.#read(page.file, pieces, target)
    for (const [i, { index, bytes, crc, offset }] of page.shared.entries()) {
      const at = places[i] as number
      if (this.#options.checksum(grown.buffer.subarray(at, at + bytes)) !== crc) {
        const reason = 'the checksum of a shared payload is wrong'
        throw new StoreDamage({ file: page.file, at: offset, reason })
      }
      page.offsets[index] = at
      page.lengths[index] = bytes
    }
    return grown
  }

  /** What the system cannot read is as good as damaged. */
  async #read(file: string, pieces: readonly FilePiece[], target: Buffer): Promise<number> {
    try {
      return await this.#options.disk.read(file, pieces, target)
    } catch (error) {
      if (!(error instanceof DiskError) || !DAMAGE_CODES.has(error.code)) throw error
      const reason = `it cannot be read (${error.code})`
      throw new StoreDamage({ file, at: pieces[0]?.at ?? 0, reason })
    }
  }

  #take(bytes: number): PageMemory {
    // Much less takes no more than it needs: of many queues with little each, many pages fit the budget.
    if (bytes > POOL_BYTES || bytes < POOL_BYTES / 4) return new PageMemory(bytes)
    return this.#pool.pop() ?? new PageMemory(POOL_BYTES)
  }
}

/** Others, as EMFILE, say nothing about the file. */
const DAMAGE_CODES: ReadonlySet<string> = new Set(['EIO', 'ENOENT', 'EISDIR'])

/** Whether the words at `word` are the header of the record of so many bytes that was written at a position. */
function isRecord(words: Int32Array, word: number, position: number, bytes: number): boolean {
  const length = (words[word] as number) >>> 0
  const targetBytes = ((words[word + 1] as number) >>> 8) * TARGET_BYTES
  return (
    words[word + 2] === stampOf(position) &&
    targetBytes <= length &&
    RECORD_HEADER_BYTES + alignUp(length, 8) === bytes &&
    words[word + 3] === recordCheck(words, word)
  )
}

interface SharedPayload {
  /** Of the entry. */
  readonly index: number
  /** In the file. */
  readonly offset: number
  readonly bytes: number
  readonly crc: number
}

function readReference(view: DataView, at: number, index: number): SharedPayload {
  const offset = getUint64(view, at)
  return { index, offset, bytes: view.getUint32(at + 8, true), crc: view.getUint32(at + 12, true) }
}

/** Queues that share payloads share most of them, so that one piece from the first to the last has little that is not wanted. */
function planShared(
  shared: readonly SharedPayload[],
  start: number,
): { pieces: FilePiece[]; places: number[]; total: number } {
  const wanted = shared.reduce((sum, { bytes }) => sum + ((bytes + 7) & ~7), 0)
  const from = Math.min(...shared.map(({ offset }) => offset))
  const end = Math.max(...shared.map(({ offset, bytes }) => offset + ((bytes + 7) & ~7)))
  if (end - from <= wanted * SPREAD_MAX) {
    const places = shared.map(({ offset }) => start + offset - from)
    return { pieces: [{ at: from, bytes: end - from }], places, total: end - from }
  }
  const pieces: FilePiece[] = []
  const places: number[] = []
  let at = start
  for (const { offset, bytes } of shared) {
    places.push(at)
    pieces.push({ at: offset, bytes: (bytes + 7) & ~7 })
    at += (bytes + 7) & ~7
  }
  return { pieces, places, total: at - start }
}
