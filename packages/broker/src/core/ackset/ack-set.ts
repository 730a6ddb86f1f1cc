/** Numbers in one block. */
export const BLOCK_SIZE: number = 1024
const BLOCK_MASK = BLOCK_SIZE - 1

const OUT = 1
const RETURNED = 2

/**
 * Which numbers of a sequence are out or have come back, and how often each did.
 *
 * It neither chooses the next number nor knows what settling means: its owner does, and knows that below the next number
 * to hand out all that is neither out nor back is settled. Blocks of typed arrays, because a Map of objects costs ten times
 * as much a message and a window from the lowest open number grows without bound behind one that is stuck.
 * Invariant: a block is kept only while a number of it is open (out or back), but for the one that was taken from last.
 */
export class AckSet {
  /** Numbers that are out. */
  out: number = 0
  readonly #blocks = new Map<number, AckBlock>()
  /** The block found last: acks and deliveries of a while are in the same one. */
  #last: AckBlock | null = null
  /** The block taken from last: it empties again and again. */
  #current: AckBlock | null = null
  #spare: AckBlock | null = null

  /** To out. */
  take(sequence: number): void {
    const block = this.#open(sequence)
    const index = sequence & BLOCK_MASK
    if (block.states[index] === 0) block.open++
    block.states[index] = OUT
    this.out++
  }

  isOut(sequence: number): boolean {
    const block = this.#find(sequence)
    return block !== null && block.states[sequence & BLOCK_MASK] === OUT
  }

  /** Whether the number is out or has come back. */
  isOpen(sequence: number): boolean {
    const block = this.#find(sequence)
    return block !== null && block.states[sequence & BLOCK_MASK] !== 0
  }

  /** The number is done with, whether it was open or never taken. */
  settle(sequence: number): void {
    const block = this.#find(sequence)
    if (block === null) return
    const index = sequence & BLOCK_MASK
    const state = block.states[index]
    if (state === 0) return
    if (state === OUT) this.out--
    block.states[index] = 0
    if (block.returns !== null) block.returns[index] = 0
    if (--block.open === 0 && block !== this.#current) this.#free(block)
  }

  /** Out to back, and one more time that it came back; returns how often it has. */
  putBack(sequence: number): number {
    const block = this.#open(sequence)
    const index = sequence & BLOCK_MASK
    if (block.states[index] === OUT) this.out--
    else if (block.states[index] === 0) block.open++
    block.states[index] = RETURNED
    block.returns ??= new Uint16Array(BLOCK_SIZE)
    const count = Math.min(0xffff, (block.returns[index] as number) + 1)
    block.returns[index] = count
    return count
  }

  /** As though the number had come back `count` times: for what is read from the disk. */
  restore(sequence: number, count: number): void {
    this.putBack(sequence)
    const { returns } = this.#open(sequence)
    if (returns !== null) returns[sequence & BLOCK_MASK] = Math.min(0xffff, count)
  }

  /** How often the number came back. */
  returns(sequence: number): number {
    return this.#find(sequence)?.returns?.[sequence & BLOCK_MASK] ?? 0
  }

  /** Calls `visit` for each open number, in no order. */
  forEachOpen(visit: (sequence: number, returns: number) => void): void {
    for (const block of this.#blocks.values()) {
      if (block.open === 0) continue
      const start = block.number * BLOCK_SIZE
      for (let i = 0; i < BLOCK_SIZE; i++) {
        if (block.states[i] !== 0) visit(start + i, block.returns?.[i] ?? 0)
      }
    }
  }

  /** Memory, bytes. */
  get bytes(): number {
    return this.#blocks.size * BLOCK_SIZE
  }

  #find(sequence: number): AckBlock | null {
    const number = Math.floor(sequence / BLOCK_SIZE)
    if (this.#last !== null && this.#last.number === number) return this.#last
    const block = this.#blocks.get(number)
    if (block === undefined) return null
    this.#last = block
    return block
  }

  #open(sequence: number): AckBlock {
    const found = this.#find(sequence)
    if (found !== null) return found
    const block = this.#spare ?? new AckBlock()
    this.#spare = null
    block.number = Math.floor(sequence / BLOCK_SIZE)
    this.#blocks.set(block.number, block)
    this.#last = block
    const former = this.#current
    this.#current = block
    if (former !== null && former.open === 0) this.#free(former)
    return block
  }

  /** Nothing in it is open, so all of it but counts of long ago is zero. */
  #free(block: AckBlock): void {
    this.#blocks.delete(block.number)
    if (this.#last === block) this.#last = null
    block.returns = null
    block.number = -1
    this.#spare = block
  }
}

class AckBlock {
  number: number = -1
  /** How many of its numbers are out or back. */
  open: number = 0
  readonly states: Uint8Array = new Uint8Array(BLOCK_SIZE)
  returns: Uint16Array | null = null
}
