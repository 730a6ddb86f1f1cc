import type { CaseResult } from './run-case.ts'

/** Counts and prints: a line a case, and at the end what was skipped and the sums. */
export class Report {
  #passed: number = 0
  #failed: number = 0
  #skipped: number = 0
  readonly #reasons = new Map<string, number>()
  readonly #print: (line: string) => void

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  get hasFailures(): boolean {
    return this.#failed > 0
  }

  suite(name: string): void {
    this.#print(`\n${name}`)
  }

  add({ name, durationMs, failure }: CaseResult): void {
    const seconds = (durationMs / 1000).toFixed(1)
    if (failure === null) {
      this.#passed += 1
      this.#print(`  ok      ${name} (${seconds} s)`)
      return
    }
    this.#failed += 1
    this.#print(`  FAILED  ${name} (${seconds} s)`)
    for (const line of failure.split('\n')) this.#print(`          ${line}`)
  }

  skip(count: number, why: string): void {
    this.#skipped += count
    this.#reasons.set(why, (this.#reasons.get(why) ?? 0) + count)
  }

  /** The last line is the sums and nothing else. */
  close(): void {
    this.#print('')
    for (const [why, count] of this.#reasons) this.#print(`${count} skipped: ${why}`)
    this.#print(`${this.#passed} passed, ${this.#failed} failed, ${this.#skipped} skipped`)
  }
}
