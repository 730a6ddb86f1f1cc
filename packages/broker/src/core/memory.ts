/**
 * How much of the machine's memory the messages of one broker take, against its limit.
 * Publishers wait while it is `full`; whatever frees memory is never held up.
 */
export class Memory {
  readonly limitBytes: number
  readonly #resumeBytes: number
  /** What queues keep beside the log, bytes. */
  indexBytes: number = 0
  full: boolean = false

  constructor(limitBytes: number, resumeRatio: number) {
    this.limitBytes = limitBytes
    this.#resumeBytes = limitBytes * resumeRatio
  }

  /** Takes a new reading of the log; true if `full` changed. */
  update(logBytes: number): boolean {
    const used = logBytes + this.indexBytes
    const full = this.full ? used > this.#resumeBytes : used >= this.limitBytes
    if (full === this.full) return false
    this.full = full
    return true
  }
}
