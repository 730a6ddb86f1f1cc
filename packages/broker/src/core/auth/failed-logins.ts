import { authLimits } from './limits.ts'
import { sourceOf } from './source-address.ts'

/** Failures that one source may have at once before it waits longer, and how fast that refills. */
const burst = 10
const refillMs = 1_000
/** Kafka's connection.failed.authentication.delay.ms; it slows a guesser with one connection. */
const delayMinMs = 100
/** Below the patience of every client, so that it still reads why it was refused. */
const delayMaxMs = 3_000

/**
 * How long the answer to a failed login is held back: a token bucket for each source. It delays and
 * never locks out: whoever could lock a user out by guessing wrong would do so on purpose.
 * Invariant: at most throttledSourcesMax sources are remembered; further ones share one bucket.
 */
export class FailedLogins {
  /**
   * For each source the time at which its bucket is full again, in the order of the last failure.
   * That one number is the bucket: so far beyond `now`, so many tokens are missing.
   */
  readonly #fullAtMs: Map<string, number> = new Map()

  get sources(): number {
    return this.#fullAtMs.size
  }

  /** Notes a failed login and returns how many milliseconds to wait before answering it. */
  delayMs(failure: { readonly address: string; readonly nowMs: number }): number {
    const { nowMs } = failure
    const source = this.#roomFor(sourceOf(failure.address), nowMs)
    const capacityMs = burst * refillMs
    const fullAtMs = Math.max(this.#fullAtMs.get(source) ?? 0, nowMs) + refillMs
    const overdrawnMs = fullAtMs - nowMs - capacityMs
    // Debt beyond the longest delay would punish for ever, and others behind the same address.
    this.#fullAtMs.delete(source)
    this.#fullAtMs.set(source, Math.min(fullAtMs, nowMs + capacityMs + delayMaxMs))
    return Math.min(Math.max(overdrawnMs, delayMinMs), delayMaxMs)
  }

  /** The key to keep a source under: itself, or the shared one when the table is full. */
  #roomFor(source: string, nowMs: number): string {
    if (this.#fullAtMs.has(source)) return source
    // Whoever failed longest ago is first, and most likely to have a full bucket again.
    for (const [oldest, fullAtMs] of this.#fullAtMs) {
      if (fullAtMs > nowMs) break
      this.#fullAtMs.delete(oldest)
    }
    return this.#fullAtMs.size < authLimits.throttledSourcesMax - 1 ? source : 'others'
  }
}
