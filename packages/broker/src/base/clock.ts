/** Where time comes from; tests bring one that they move by hand. */
export interface Clock {
  /** Milliseconds that only grow; for deadlines and budgets. */
  nowMs(): number
  /** Milliseconds since 1970, for timestamps that others see. */
  wallMs(): number
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
}
