import type { Task } from '../../base/turn.ts'
import { limits } from '../limits.ts'

/** Takes what was in a deleted virtual host apart, a few things at a time, and says when nothing is left. */
export class VirtualHostRemoval implements Task {
  queued: boolean = false
  readonly #left: Iterator<void>
  readonly #done: () => void

  /** Each step of `contents` removes one thing. */
  constructor(contents: Iterator<void>, done: () => void) {
    this.#left = contents
    this.#done = done
  }

  run(): boolean {
    for (let left: number = limits.removalsPerRun; left > 0; left--) {
      if (this.#left.next().done !== true) continue
      this.#done()
      return false
    }
    return true
  }
}
