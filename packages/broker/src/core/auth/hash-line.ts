import { authLimits } from './limits.ts'
import type { DeriveKey, ScryptCost } from './credential.ts'

/** One hash that waits or runs. */
interface HashJob {
  readonly password: string
  readonly salt: Buffer
  readonly cost: ScryptCost
  readonly done: (key: Buffer | null) => void
}

/**
 * The line before the scrypt function: a few hashes run, a bounded number waits, the rest is
 * refused, so that a storm of logins takes neither all memory nor all of libuv's pool.
 * Invariant: running <= hashesRunningMax, and nobody waits while a place is free.
 */
export class HashLine {
  readonly #derive: DeriveKey
  #waiting: HashJob[] = []
  #running: number = 0

  constructor(derive: DeriveKey) {
    this.#derive = derive
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Takes a job, or returns false when the line is full; `done` is then never called. */
  push(job: HashJob): boolean {
    if (this.#running < authLimits.hashesRunningMax) this.#start(job)
    else if (this.#waiting.length < authLimits.hashesWaitingMax) this.#waiting.push(job)
    else return false
    return true
  }

  #start(job: HashJob): void {
    this.#running++
    this.#derive(job, (key) => {
      this.#running--
      // shift() over at most 256 places is nothing beside a hash.
      const next = this.#waiting.shift()
      if (next !== undefined) this.#start(next)
      job.done(key)
    })
  }
}
