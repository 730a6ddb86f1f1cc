/*
 * The two indexes of a segment, in Kafka's format: big-endian, no header, entries of one size that grow.
 *
 *   .index       relative offset int32 | position in the .log int32
 *   .timeindex   timestamp int64 | relative offset int32
 *
 * The first says where the batch begins whose last record has that offset. The second says that nothing up to the place of
 * its making is younger than the timestamp, which the batch has that ends with that offset.
 */
export const INDEX_ENTRY_BYTES = 8
export const TIME_ENTRY_BYTES = 12

/** Entries that wait to be written. */
export class IndexEntries {
  bytes: number = 0
  #buffer: Buffer = Buffer.alloc(0)

  /** What was put in since clear(); a view. */
  get written(): Buffer {
    return this.#buffer.subarray(0, this.bytes)
  }

  putPlace(relativeOffset: number, position: number): void {
    const at = this.#grow(INDEX_ENTRY_BYTES)
    this.#buffer.writeInt32BE(relativeOffset, at)
    this.#buffer.writeInt32BE(position, at + 4)
  }

  putTime(timestamp: number, relativeOffset: number): void {
    const at = this.#grow(TIME_ENTRY_BYTES)
    this.#buffer.writeInt32BE(Math.floor(timestamp / 2 ** 32), at)
    this.#buffer.writeUInt32BE(timestamp >>> 0, at + 4)
    this.#buffer.writeInt32BE(relativeOffset, at + 8)
  }

  #grow(bytes: number): number {
    const at = this.bytes
    this.bytes += bytes
    if (this.bytes > this.#buffer.length) {
      const grown = Buffer.alloc(Math.max(256, 2 * this.bytes))
      this.#buffer.copy(grown, 0, 0, at)
      this.#buffer = grown
    }
    return at
  }
}

/** The key by which an index is searched: the offset of a place, the timestamp of a time. */
export type ReadKey = (buffer: Buffer, at: number) => number

export const readPlaceKey: ReadKey = (buffer, at) => buffer.readInt32BE(at)

export const readTimeKey: ReadKey = (buffer, at) =>
  buffer.readInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4)

/** Largest piece of an index that is looked through in memory. */
const BLOCK_BYTES = 32_768

export interface IndexSearch {
  readonly entries: number
  readonly entryBytes: number
  readonly key: ReadKey
  /** The entries [first, first + count), all of them; null if the file does not have them. */
  read(first: number, count: number): Promise<Buffer | null>
}

/** The bytes of the last entry whose key is at most `wanted`; 'none' if there is none, null if the file is short. */
export async function searchIndex(
  search: IndexSearch,
  wanted: number,
): Promise<Buffer | 'none' | null> {
  const { entries, entryBytes, key } = search
  const blockEntries = Math.floor(BLOCK_BYTES / entryBytes)
  let low = 0
  let high = entries
  // Invariant: entries before `low` are at most what is wanted, those from `high` on are greater.
  while (high - low > blockEntries) {
    const middle = Math.floor((low + high - blockEntries) / 2)
    const block = await search.read(middle, blockEntries)
    if (block === null) return null
    if (key(block, 0) > wanted) high = middle
    else if (key(block, (blockEntries - 1) * entryBytes) <= wanted) low = middle + blockEntries
    else return lastAtMost(block, search, wanted)
  }
  // The entry before `low` may be the one.
  const first = Math.max(0, low - 1)
  if (high === first) return 'none'
  const block = await search.read(first, high - first)
  return block === null ? null : lastAtMost(block, search, wanted)
}

function lastAtMost(
  block: Buffer,
  { entryBytes, key }: IndexSearch,
  wanted: number,
): Buffer | 'none' {
  let low = 0
  let high = Math.floor(block.length / entryBytes)
  while (low < high) {
    const middle = (low + high) >> 1
    if (key(block, middle * entryBytes) <= wanted) low = middle + 1
    else high = middle
  }
  return low === 0 ? 'none' : block.subarray((low - 1) * entryBytes, low * entryBytes)
}
