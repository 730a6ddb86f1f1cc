/** Sizes in which memory is lent. */
const SMALL_BYTES = 65_536
export const LARGE_BYTES = 1_048_576
/** Of each size, what is kept for the next who asks. */
const SMALL_KEPT = 64
const LARGE_KEPT = 40

/**
 * Memory that both threads see: what is written is gathered in it, what is read arrives in it, without another
 * copy. It is lent and given back, because the garbage collector does not count it and so would be late.
 * What was not given back is no leak: the collector finds it in the end.
 */
export class SharedMemory {
  readonly #small: Buffer[] = []
  readonly #large: Buffer[] = []

  /** At least `bytes` of memory, with whatever was left in it. */
  take(bytes: number): Buffer {
    if (bytes <= SMALL_BYTES) return this.#small.pop() ?? newMemory(SMALL_BYTES)
    if (bytes <= LARGE_BYTES) return this.#large.pop() ?? newMemory(LARGE_BYTES)
    return newMemory(bytes)
  }

  give(memory: Buffer): void {
    if (memory.length === SMALL_BYTES && this.#small.length < SMALL_KEPT) this.#small.push(memory)
    if (memory.length === LARGE_BYTES && this.#large.length < LARGE_KEPT) this.#large.push(memory)
  }
}

function newMemory(bytes: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(bytes))
}
