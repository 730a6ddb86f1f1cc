/** Numbers in one block; a block is freed when all of them are settled. */
export const BLOCK_SIZE: number = 1024
const BLOCK_MASK = BLOCK_SIZE - 1

const OUT = 1
const SETTLED = 2

/**
 * Which numbers of a sequence are out or settled, and how often each came back.
 *
 * It neither chooses the next number nor knows what settling means: its owner does. Blocks of typed
 * arrays, because a Map of objects costs ten times as much a message and a window from the lowest
 * open number grows without bound behind one that is stuck.
 * Invariant: a number is ready, out, or settled; settled is for ever.
 */
export class AckSet {
  /** Numbers that are out. */
  out: number = 0
  readonly #blocks = new Map<number, AckBlock>()
  #last: AckBlock | null = null
  #spare: AckBlock | null = null

  /** Ready to out. */
  take(sequence: number): void {
    const block = this.#block(sequence)
    block.states[sequence & BLOCK_MASK] = OUT
    this.out++
  }

  isOut(sequence: number): boolean {
    const block = this.#find(sequence)
    return block !== null && block.states[sequence & BLOCK_MASK] === OUT
  }

  /** Out or ready to settled. True if that was the last of its block: the owner frees what it keeps for the block. */
  settle(sequence: number): boolean {
    const block = this.#block(sequence)
    const index = sequence & BLOCK_MASK
    if (block.states[index] === OUT) this.out--
    block.states[index] = SETTLED
    if (++block.settled < BLOCK_SIZE) return false
    this.#free(block)
    return true
  }

  /** Out to ready, and one more time that it came back. */
  putBack(sequence: number): void {
    const block = this.#block(sequence)
    const index = sequence & BLOCK_MASK
    block.states[index] = 0
    this.out--
    block.returns ??= new Uint16Array(BLOCK_SIZE)
    const count = block.returns[index] as number
    if (count < 0xffff) block.returns[index] = count + 1
  }

  /** How often the number came back. */
  returns(sequence: number): number {
    return this.#find(sequence)?.returns?.[sequence & BLOCK_MASK] ?? 0
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

  #block(sequence: number): AckBlock {
    const found = this.#find(sequence)
    if (found !== null) return found
    const block = this.#spare ?? new AckBlock()
    this.#spare = null
    block.number = Math.floor(sequence / BLOCK_SIZE)
    this.#blocks.set(block.number, block)
    this.#last = block
    return block
  }

  #free(block: AckBlock): void {
    this.#blocks.delete(block.number)
    if (this.#last === block) this.#last = null
    block.states.fill(0)
    block.returns = null
    block.settled = 0
    block.number = -1
    this.#spare = block
  }
}

class AckBlock {
  number: number = -1
  settled: number = 0
  readonly states: Uint8Array = new Uint8Array(BLOCK_SIZE)
  returns: Uint16Array | null = null
}
