/** A rule that a history breaks. */
export interface Violation {
  /** C1 to C10 as in README.md; C0: the run itself went wrong. */
  readonly check: string
  /** A few words, the same for all violations of the rule, by which they are counted. */
  readonly rule: string
  /** When, in nanoseconds since the run began. */
  readonly t: number
  readonly text: string
}

/** Milliseconds of a history's time. */
export const MS = 1_000_000

/** `1.234 s`, as the time of a history is shown to people. */
export function seconds(t: number): string {
  return `${(t / 1e9).toFixed(3)} s`
}
