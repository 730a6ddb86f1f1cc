import { limits } from './limits.ts'

/**
 * Ids for idempotent producers: none is ever given twice, whatever happens to the broker.
 *
 * They are given out of blocks that were written down before; what a crash leaves of a block is never given.
 */
export class ProducerIds {
  #next: number
  /** From here on no id was promised to the journal as taken. */
  #reservedUpTo: number
  readonly #reserved: () => void

  /** `reserved` is called when `reservedUpTo` has changed. */
  constructor(first: number, reserved: () => void) {
    this.#next = first
    this.#reservedUpTo = first
    this.#reserved = reserved
  }

  get reservedUpTo(): number {
    return this.#reservedUpTo
  }

  next(): number {
    if (this.#next === this.#reservedUpTo) {
      this.#reservedUpTo += limits.producerIdsPerBlock
      this.#reserved()
    }
    return this.#next++
  }

  /** All below may have been given by an earlier broker on the same data. Called before any is given. */
  restore(reservedUpTo: number): void {
    this.#next = reservedUpTo
    this.#reservedUpTo = reservedUpTo
  }
}
