import type { Task } from '../../base/turn.ts'
import { BLOCK_SIZE } from '../ackset/ack-set.ts'
import type { Queue } from './queue.ts'

const RELEASES_PER_RUN = 8192

/** Gives the memory of purged messages back, piece by piece. */
export class Removal implements Task {
  queued: boolean = false
  readonly #queue: Queue
  readonly #numbers: number[]
  #next: number
  readonly #end: number

  constructor(queue: Queue, numbers: number[], start: number, end: number) {
    this.#queue = queue
    this.#numbers = numbers
    this.#next = start
    this.#end = end
  }

  run(): boolean {
    for (let i = 0; i < RELEASES_PER_RUN; i++) {
      if (this.#queue.deleted) return false
      const number = this.#numbers.pop()
      if (number !== undefined) this.#queue.releasePurged(number)
      else if (this.#next < this.#end) this.#queue.releasePurged(this.#next++)
      else return false
    }
    return true
  }
}

/** Gives the memory of a deleted queue back, a few blocks at a time. */
export class Deletion implements Task {
  queued: boolean = false
  readonly #queue: Queue

  constructor(queue: Queue) {
    this.#queue = queue
  }

  run(): boolean {
    for (let i = 0; i < RELEASES_PER_RUN / BLOCK_SIZE; i++)
      if (!this.#queue.releaseBlock()) return false
    return true
  }
}
