import { assert } from '../../base/assert.ts'

const BLOCK_SIZE = 1024
const BLOCK_MASK = BLOCK_SIZE - 1
const CLOSED = -1

/**
 * What a channel has delivered and not heard of again: delivery tag to (queue, number, consumer).
 *
 * Blocks of typed arrays by tag, freed when all their tags are closed, so that one message that is never
 * acknowledged costs a block and not everything delivered after it. Tags grow; those of no-ack
 * deliveries are never in here. Invariant: `count` is the number of open tags.
 */
export class Unacked {
  count: number = 0
  /** What `close` has found. */
  queue: number = 0
  sequence: number = 0
  consumer: number = 0
  readonly #blocks = new Map<number, UnackedBlock>()
  #last: UnackedBlock | null = null
  #spare: UnackedBlock | null = null
  /** No open tag is below this one. */
  #floor: number = 1

  add(tag: number, queue: number, sequence: number, consumer: number): void {
    const number = Math.floor(tag / BLOCK_SIZE)
    const block = this.#find(number) ?? this.#open(number)
    const index = tag & BLOCK_MASK
    block.queues[index] = queue
    block.sequences[index] = sequence
    block.consumers[index] = consumer
    block.open++
    if (this.count === 0) this.#floor = tag
    this.count++
  }

  has(tag: number): boolean {
    const block = this.#find(Math.floor(tag / BLOCK_SIZE))
    return block !== null && block.sequences[tag & BLOCK_MASK] !== CLOSED
  }

  /** Closes an open tag and sets `queue`, `sequence` and `consumer` to what it stood for. */
  close(tag: number): void {
    const number = Math.floor(tag / BLOCK_SIZE)
    const block = this.#find(number)
    assert(block !== null, 'a tag that is closed was open')
    const index = tag & BLOCK_MASK
    this.queue = block.queues[index] as number
    this.sequence = block.sequences[index] as number
    this.consumer = block.consumers[index] as number
    block.sequences[index] = CLOSED
    this.count--
    if (--block.open === 0) this.#free(number, block)
  }

  /** The lowest open tag up to and including `max`; 0 if there is none. */
  first(max: number): number {
    if (this.count === 0) return 0
    let tag = this.#floor
    while (tag <= max) {
      const block = this.#find(Math.floor(tag / BLOCK_SIZE))
      if (block !== null && block.sequences[tag & BLOCK_MASK] !== CLOSED) break
      tag = block === null ? tag - (tag & BLOCK_MASK) + BLOCK_SIZE : tag + 1
    }
    this.#floor = tag
    return tag <= max ? tag : 0
  }

  #find(number: number): UnackedBlock | null {
    if (this.#last !== null && this.#last.number === number) return this.#last
    const block = this.#blocks.get(number)
    if (block === undefined) return null
    this.#last = block
    return block
  }

  #open(number: number): UnackedBlock {
    const block = this.#spare ?? new UnackedBlock()
    this.#spare = null
    block.number = number
    this.#blocks.set(number, block)
    this.#last = block
    return block
  }

  #free(number: number, block: UnackedBlock): void {
    this.#blocks.delete(number)
    if (this.#last === block) this.#last = null
    block.number = -1
    this.#spare = block
  }
}

/** Every sequence of a block without open tags is CLOSED, so a spare one is ready for use. */
class UnackedBlock {
  number: number = -1
  open: number = 0
  readonly queues: Float64Array = new Float64Array(BLOCK_SIZE)
  readonly sequences: Float64Array = new Float64Array(BLOCK_SIZE).fill(CLOSED)
  readonly consumers: Float64Array = new Float64Array(BLOCK_SIZE)
}
