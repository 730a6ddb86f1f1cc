import { assert } from '../../base/assert.ts'
import type { Memory } from '../memory.ts'

/** Entries of a partition's first block: ten thousand partitions with a batch each must stay cheap. */
const FIRST_ENTRIES = 16
const ENTRIES = 256
const ENTRY_BYTES = 28

/** What is known of some batches that follow each other, in typed arrays: 28 bytes a batch. */
export class IndexBlock {
  readonly baseOffsets: Float64Array
  readonly positions: Float64Array
  readonly timestamps: Float64Array
  readonly sizes: Int32Array
  next: IndexBlock | null = null
  /** First entry that was not removed. */
  start: number = 0
  end: number = 0
  /** Greatest timestamp of its batches, so that a search by time skips whole blocks. */
  timestampMax: number = -1

  constructor(entries: number) {
    this.baseOffsets = new Float64Array(entries)
    this.positions = new Float64Array(entries)
    this.timestamps = new Float64Array(entries)
    this.sizes = new Int32Array(entries)
  }

  get full(): boolean {
    return this.end === this.sizes.length
  }

  get bytes(): number {
    return this.sizes.length * ENTRY_BYTES
  }

  append(batch: IndexEntry): void {
    const entry = this.end++
    this.baseOffsets[entry] = batch.baseOffset
    this.positions[entry] = batch.position
    this.timestamps[entry] = batch.timestamp
    this.sizes[entry] = batch.bytes
    if (batch.timestamp > this.timestampMax) this.timestampMax = batch.timestamp
  }

  /** Puts the cursor at the last batch that begins at or before `offset`, which is not before the first one. */
  seek(cursor: BatchCursor, offset: number): void {
    let low = this.start
    let high = this.end - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.baseOffsets[middle] as number) <= offset) low = middle
      else high = middle - 1
    }
    cursor.block = this
    cursor.entry = low
  }
}

/** A place in an index. Valid until its batch is removed. */
export class BatchCursor {
  block: IndexBlock | null = null
  entry: number = 0

  get baseOffset(): number {
    return this.#block.baseOffsets[this.entry] as number
  }

  /** Where the log has the batch. */
  get position(): number {
    return this.#block.positions[this.entry] as number
  }

  /** Of its newest record. */
  get timestamp(): number {
    return this.#block.timestamps[this.entry] as number
  }

  get bytes(): number {
    return this.#block.sizes[this.entry] as number
  }

  /** Moves to the next batch; false, and at none, behind the last one. */
  next(): boolean {
    this.entry++
    if (this.entry < this.#block.end) return true
    this.block = this.#block.next
    this.entry = this.block === null ? 0 : this.block.start
    return this.block !== null
  }

  set(other: BatchCursor): void {
    this.block = other.block
    this.entry = other.entry
  }

  get #block(): IndexBlock {
    assert(this.block !== null, 'the cursor is at no batch')
    return this.block
  }
}

/**
 * Where the batches of one partition are: appended at the end, removed at the start, found by offset
 * or time. It knows nothing of the bytes. Invariant: base offsets grow, no block in the list is empty.
 */
export class BatchIndex {
  count: number = 0
  readonly #memory: Memory
  #blocks: IndexBlock[] = []
  /** First block in use; those before it are cut off now and then, not one by one. */
  #first: number = 0

  constructor(memory: Memory) {
    this.#memory = memory
  }

  append(batch: IndexEntry): void {
    let block = this.#blocks[this.#blocks.length - 1]
    if (block === undefined || block.full) block = this.#open()
    block.append(batch)
    this.count++
  }

  /** Puts the cursor at the first batch; false if there is none. */
  first(cursor: BatchCursor): boolean {
    const block = this.#blocks[this.#first]
    cursor.block = block ?? null
    cursor.entry = block?.start ?? 0
    return block !== undefined
  }

  /** Puts the cursor at the last batch; false if there is none. */
  last(cursor: BatchCursor): boolean {
    const block =
      this.#first < this.#blocks.length ? this.#blocks[this.#blocks.length - 1] : undefined
    cursor.block = block ?? null
    cursor.entry = block === undefined ? 0 : block.end - 1
    return block !== undefined
  }

  /** Puts the cursor at the last batch that begins at or before `offset`; false if there is none. */
  seek(cursor: BatchCursor, offset: number): boolean {
    // Readers are at the end nearly always.
    if (this.last(cursor) && cursor.baseOffset <= offset) return true
    let low = this.#first
    let high = this.#blocks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      const block = this.#blocks[middle] as IndexBlock
      if ((block.baseOffsets[block.start] as number) <= offset) low = middle
      else high = middle - 1
    }
    const block = this.#blocks[low]
    if (block === undefined || (block.baseOffsets[block.start] as number) > offset) return false
    block.seek(cursor, offset)
    return true
  }

  /** Puts the cursor at the first batch with a record of `timestamp` or later; false if there is none. */
  seekTime(cursor: BatchCursor, timestamp: number): boolean {
    for (let i = this.#first; i < this.#blocks.length; i++) {
      const block = this.#blocks[i] as IndexBlock
      if (block.timestampMax < timestamp) continue
      for (let entry = block.start; entry < block.end; entry++) {
        if ((block.timestamps[entry] as number) < timestamp) continue
        cursor.block = block
        cursor.entry = entry
        return true
      }
    }
    return false
  }

  /** The greatest timestamp of all; -1 without batches. */
  get timestampMax(): number {
    let max = -1
    for (let i = this.#first; i < this.#blocks.length; i++) {
      max = Math.max(max, (this.#blocks[i] as IndexBlock).timestampMax)
    }
    return max
  }

  /** Removes the first batch. */
  shift(): void {
    const block = this.#blocks[this.#first]
    assert(block !== undefined, 'an empty index has no first batch')
    block.start++
    this.count--
    if (block.start < block.end) return
    this.#memory.indexBytes -= block.bytes
    this.#first++
    if (this.#first < 64 && this.#first < this.#blocks.length) return
    this.#blocks = this.#blocks.slice(this.#first)
    this.#first = 0
  }

  #open(): IndexBlock {
    const last = this.#blocks[this.#blocks.length - 1]
    const block = new IndexBlock(last === undefined ? FIRST_ENTRIES : ENTRIES)
    this.#memory.indexBytes += block.bytes
    if (last !== undefined) last.next = block
    this.#blocks.push(block)
    return block
  }
}

export interface IndexEntry {
  readonly baseOffset: number
  readonly position: number
  readonly timestamp: number
  readonly bytes: number
}
