import type { Clock } from '../base/clock.ts'

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #nowMs: number

  constructor(nowMs: number = 1000) {
    this.#nowMs = nowMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs
  }

  advance(ms: number): void {
    this.#nowMs += ms
  }
}
