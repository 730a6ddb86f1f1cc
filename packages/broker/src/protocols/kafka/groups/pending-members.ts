import { Timer, type Timers } from '../../../base/timers.ts'

/**
 * Member ids that were given out and not yet joined with. They are taken back after a session's
 * time, so that clients that ask for an id and vanish leave nothing behind. [KIP-394]
 */
export class PendingMembers {
  readonly #timers: Timers
  readonly #expired: () => void
  readonly #byId = new Map<string, Timer>()

  /** `expired` is called after an id was taken back. */
  constructor(timers: Timers, expired: () => void) {
    this.#timers = timers
    this.#expired = expired
  }

  get size(): number {
    return this.#byId.size
  }

  has(id: string): boolean {
    return this.#byId.has(id)
  }

  add(id: string, timeoutMs: number): void {
    const timer = new Timer(() => {
      this.#byId.delete(id)
      this.#expired()
    })
    this.#byId.set(id, timer)
    this.#timers.set(timer, timeoutMs)
  }

  /** It is pending no longer; false if it was not. */
  take(id: string): boolean {
    const timer = this.#byId.get(id)
    if (timer === undefined) return false
    this.#timers.clear(timer)
    return this.#byId.delete(id)
  }

  clear(): void {
    for (const timer of this.#byId.values()) this.#timers.clear(timer)
    this.#byId.clear()
  }
}
