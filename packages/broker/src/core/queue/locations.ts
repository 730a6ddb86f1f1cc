import type { Memory } from '../memory.ts'
import { BLOCK_SIZE } from '../ackset/ack-set.ts'

const BLOCK_MASK = BLOCK_SIZE - 1

/** Where the records of 1,024 messages are. */
export class LocationBlock {
  number: number = -1
  /** Messages of this block that are somewhere. */
  left: number = 0
  /** By the number's low bits; -1 for what is settled, or kept in a file. */
  readonly positions: Float64Array
  /** Bytes that the record takes in the journal; of no length in a queue that survives nothing. */
  readonly bytes: Int32Array

  constructor(positions: Float64Array, bytes: Int32Array) {
    this.positions = positions
    this.bytes = bytes
  }
}

const NO_BLOCK = new LocationBlock(new Float64Array(0), new Int32Array(0))

/**
 * The positions of a queue's messages in the logs, by sequence number: typed arrays in blocks of 1,024, a block freed when
 * none of its messages is in a log any more. Invariant: `left` of a block counts its positions that are not -1.
 */
export class Locations {
  readonly #blocks = new Map<number, LocationBlock>()
  readonly #memory: Memory
  readonly #hasBytes: boolean
  #readBlock: LocationBlock = NO_BLOCK
  #tailBlock: LocationBlock = NO_BLOCK
  #isTailFull: boolean = false
  #spare: LocationBlock | null = null

  constructor(memory: Memory, { hasBytes }: { readonly hasBytes: boolean }) {
    this.#memory = memory
    this.#hasBytes = hasBytes
  }

  /** Sequence numbers only grow. */
  append(sequence: number, position: number): void {
    const number = Math.floor(sequence / BLOCK_SIZE)
    if (this.#tailBlock.number !== number) this.#openTail(number)
    const block = this.#tailBlock
    const index = sequence & BLOCK_MASK
    block.positions[index] = position
    block.left++
    this.#isTailFull = index === BLOCK_MASK
  }

  /** As append, of a record of `bytes` in the journal. */
  appendJournaled(sequence: number, position: number, bytes: number): void {
    this.append(sequence, position)
    this.#tailBlock.bytes[sequence & BLOCK_MASK] = bytes
  }

  /** Its position; -1 if it is in no log. */
  find(sequence: number): number {
    const block = this.#find(Math.floor(sequence / BLOCK_SIZE))
    return block === null ? -1 : (block.positions[sequence & BLOCK_MASK] as number)
  }

  /** Bytes that its record takes in the journal. */
  bytesOf(sequence: number): number {
    return this.#find(Math.floor(sequence / BLOCK_SIZE))?.bytes[sequence & BLOCK_MASK] ?? 0
  }

  /** Forgets where it is. */
  remove(sequence: number): void {
    const block = this.#find(Math.floor(sequence / BLOCK_SIZE))
    if (block === null) return
    const index = sequence & BLOCK_MASK
    if (block.positions[index] === -1) return
    block.positions[index] = -1
    if (--block.left === 0 && (block !== this.#tailBlock || this.#isTailFull)) this.#close(block)
  }

  /** The blocks in the order of their numbers. Blocks may be freed while they are looked through. */
  blocks(): IterableIterator<LocationBlock> {
    return this.#blocks.values()
  }

  get isEmpty(): boolean {
    for (const block of this.#blocks.values()) if (block.left > 0) return false
    return true
  }

  /** Takes the first block out; null if there is none. */
  shift(): LocationBlock | null {
    const first = this.#blocks.values().next()
    if (first.done === true) return null
    const block = first.value
    this.#blocks.delete(block.number)
    this.#memory.indexBytes -= bytesOf(block)
    if (this.#readBlock === block) this.#readBlock = NO_BLOCK
    if (this.#tailBlock === block) this.#tailBlock = NO_BLOCK
    return block
  }

  #find(number: number): LocationBlock | null {
    if (this.#readBlock.number === number) return this.#readBlock
    const block = this.#blocks.get(number)
    if (block === undefined) return null
    this.#readBlock = block
    return block
  }

  #openTail(number: number): void {
    const former = this.#tailBlock
    const block = this.#spare ?? this.#newBlock()
    this.#spare = null
    block.number = number
    block.left = 0
    this.#blocks.set(number, block)
    this.#tailBlock = block
    this.#memory.indexBytes += bytesOf(block)
    if (former.number !== -1 && former.left === 0) this.#close(former)
  }

  #newBlock(): LocationBlock {
    const positions = new Float64Array(BLOCK_SIZE).fill(-1)
    return new LocationBlock(positions, new Int32Array(this.#hasBytes ? BLOCK_SIZE : 0))
  }

  /** All its positions are -1 by now, so it may be used again as it is. */
  #close(block: LocationBlock): void {
    this.#blocks.delete(block.number)
    this.#memory.indexBytes -= bytesOf(block)
    block.number = -1
    if (this.#readBlock === block) this.#readBlock = NO_BLOCK
    if (this.#tailBlock === block) this.#tailBlock = NO_BLOCK
    this.#spare = block
  }
}

function bytesOf(block: LocationBlock): number {
  return block.positions.byteLength + block.bytes.byteLength
}
