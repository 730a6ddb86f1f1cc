/**
 * Messages of one queue that lie side by side in a keep file, in the order of their numbers: a chunk of it.
 * Not every number between first and last need be there.
 */
export class KeptRun {
  readonly file: number
  /** Where the chunk begins in the file, and how long it is. */
  readonly at: number
  readonly bytes: number
  /** Bytes of payloads that several queues share: they lie elsewhere in the file. */
  readonly sharedBytes: number
  readonly first: number
  readonly last: number
  readonly count: number
  /** Of those, how many are still wanted. */
  live: number

  constructor(run: Omit<KeptRun, 'live'>) {
    this.file = run.file
    this.at = run.at
    this.bytes = run.bytes
    this.sharedBytes = run.sharedBytes
    this.first = run.first
    this.last = run.last
    this.count = run.count
    this.live = run.count
  }
}

/** The runs of one queue by number. Invariant: they are in order and do not overlap. */
export class KeptRuns {
  #runs: KeptRun[] = []
  /** Of all of them. */
  live: number = 0

  get size(): number {
    return this.#runs.length
  }

  values(): readonly KeptRun[] {
    return this.#runs
  }

  has(run: KeptRun): boolean {
    return this.#runs[this.#after(run.first) - 1] === run
  }

  /** The run whose span holds the number; undefined if there is none. */
  find(sequence: number): KeptRun | undefined {
    const run = this.#runs[this.#after(sequence) - 1]
    return run !== undefined && sequence <= run.last ? run : undefined
  }

  /** The first run with a number of `sequence` or more. */
  findFrom(sequence: number): KeptRun | undefined {
    const at = this.#after(sequence)
    const before = this.#runs[at - 1]
    return before !== undefined && sequence <= before.last ? before : this.#runs[at]
  }

  add(run: KeptRun): void {
    const at = this.#after(run.first)
    if (at === this.#runs.length) this.#runs.push(run)
    else this.#runs.splice(at, 0, run)
    this.live += run.live
  }

  remove(run: KeptRun): void {
    const at = this.#after(run.first) - 1
    if (this.#runs[at] !== run) return
    // Nearly always the first one: it was consumed.
    if (at === 0) this.#runs.shift()
    else this.#runs.splice(at, 1)
    this.live -= run.live
  }

  /** One of the run's messages is wanted no more; true if it was the last one, and the run is gone. */
  settle(run: KeptRun): boolean {
    run.live--
    this.live--
    if (run.live > 0) return false
    this.remove(run)
    return true
  }

  /** Index of the first run that begins after the number. */
  #after(sequence: number): number {
    let low = 0
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#runs[middle] as KeptRun).first <= sequence) low = middle + 1
      else high = middle
    }
    return low
  }
}
