import { Ring } from '../base/ring.ts'
import { Safety } from './commits.ts'

/**
 * What was promised to one peer, who is told in one order: confirms of a channel, answers of a connection.
 *
 * A promise is a number up to which things are promised, the turn in which it was made, and how safe they
 * have to be. Things that need the disk and things that do not may follow each other; none is told before those ahead of it.
 * Invariant: `upTo` and turns never fall; there are at most three promises a turn, and not two in a row that need no more
 * than a turn's end.
 */
export class Promises {
  readonly #promises = new Ring<MadePromise>(4)
  #last: MadePromise | null = null
  #spare: MadePromise | null = null
  /** Turns whose promises of each safety have become true. */
  #ended: number = 0
  #written: number = 0
  #synced: number = 0

  get isEmpty(): boolean {
    return this.#last === null
  }

  /** Promises all up to `upTo`. True if `whenSafe` has to be asked, with this safety: once a turn and safety is enough. */
  make(turn: number, safety: Safety, upTo: number): boolean {
    const last = this.#last
    if (last !== null) {
      if (last.turn === turn && safety <= last.safety) {
        // What is ahead of it in this turn is not true any sooner.
        last.upTo = upTo
        return false
      }
      if (safety === Safety.turn && last.safety === Safety.turn) {
        // Both stand behind something that waits for the disk, which may take any number of turns.
        last.turn = turn
        last.upTo = upTo
        return true
      }
    }
    const promise = this.#spare ?? { turn: 0, safety: Safety.turn, upTo: 0 }
    this.#spare = null
    promise.turn = turn
    promise.safety = safety
    promise.upTo = upTo
    this.#promises.push(promise)
    this.#last = promise
    return true
  }

  /** Takes note of a commit. Returns up to where all is now true and was not before, or -1 if nothing came of it. */
  keep(turn: number, safety: Safety): number {
    // What is synced is written, and what is written belongs to a turn that has ended.
    if (turn > this.#ended) this.#ended = turn
    if (safety >= Safety.written && turn > this.#written) this.#written = turn
    if (safety === Safety.synced && turn > this.#synced) this.#synced = turn
    let upTo = -1
    for (;;) {
      const promise = this.#promises.peek()
      if (promise === undefined || promise.turn > this.#mark(promise.safety)) return upTo
      upTo = promise.upTo
      this.#promises.shift()
      this.#spare = promise
      if (this.#last === promise) this.#last = null
    }
  }

  clear(): void {
    this.#promises.clear()
    this.#last = null
  }

  #mark(safety: Safety): number {
    if (safety === Safety.turn) return this.#ended
    return safety === Safety.written ? this.#written : this.#synced
  }
}

interface MadePromise {
  turn: number
  safety: Safety
  upTo: number
}
