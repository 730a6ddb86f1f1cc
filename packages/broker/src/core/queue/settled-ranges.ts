/**
 * Numbers that were settled since they were last written down, as ranges: a consumer that acknowledges in order makes
 * one of a thousand. Out of order each costs a pair of numbers until they are sorted and joined.
 */
export class SettledRanges {
  /** First and end of each range, side by side. */
  #pairs: Float64Array = new Float64Array(16)
  #used: number = 0
  /** How many numbers there are. */
  count: number = 0

  get isEmpty(): boolean {
    return this.#used === 0
  }

  add(sequence: number): void {
    this.addRange(sequence, sequence + 1)
  }

  /** [first, end); no number may be added twice. */
  addRange(first: number, end: number): void {
    if (end <= first) return
    this.count += end - first
    const used = this.#used
    if (used > 0 && this.#pairs[used - 1] === first) {
      this.#pairs[used - 1] = end
      return
    }
    if (used === this.#pairs.length) this.#grow()
    this.#pairs[used] = first
    this.#pairs[used + 1] = end
    this.#used = used + 2
  }

  /** Empties it and returns first and end of each range, in order, joined where they touch. */
  drain(): Float64Array {
    const pairs = this.#pairs.slice(0, this.#used)
    this.#used = 0
    this.count = 0
    if (this.#pairs.length > KEPT_NUMBERS) this.#pairs = new Float64Array(16)
    return isSorted(pairs) ? pairs : join(pairs)
  }

  #grow(): void {
    const grown = new Float64Array(this.#pairs.length * 2)
    grown.set(this.#pairs)
    this.#pairs = grown
  }
}

/** What one busy moment made of it is not kept for ever. */
const KEPT_NUMBERS = 8192

function isSorted(pairs: Float64Array): boolean {
  for (let i = 2; i < pairs.length; i += 2) {
    if ((pairs[i] as number) <= (pairs[i - 1] as number)) return false
  }
  return true
}

/** The ranges do not overlap, so that the n-th first and the n-th end belong together also when each list is sorted by itself. */
function join(pairs: Float64Array): Float64Array {
  const count = pairs.length / 2
  const firsts = new Float64Array(count)
  const ends = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    firsts[i] = pairs[2 * i] as number
    ends[i] = pairs[2 * i + 1] as number
  }
  firsts.sort()
  ends.sort()
  let used = 0
  for (let i = 0; i < count; i++) {
    if (used > 0 && pairs[used - 1] === firsts[i]) {
      pairs[used - 1] = ends[i] as number
      continue
    }
    pairs[used++] = firsts[i] as number
    pairs[used++] = ends[i] as number
  }
  return pairs.subarray(0, used)
}
