/**
 * How much of the machine's memory the messages of one broker take, against its limit. That it is `full` is one of the
 * reasons for which publishers wait: see alarms.ts.
 */
export class Memory {
  readonly limitBytes: number
  readonly #resumeBytes: number
  /** What queues keep beside the log, bytes. */
  indexBytes: number = 0
  /** Parts of messages that heads keep until the rest has come, bytes. */
  gatheredBytes: number = 0
  full: boolean = false

  constructor(limitBytes: number, resumeRatio: number) {
    this.limitBytes = limitBytes
    this.#resumeBytes = limitBytes * resumeRatio
  }

  /** Whether memory would be full without any message too: then nobody's consuming frees it. */
  get isFullOfGathered(): boolean {
    return this.gatheredBytes > this.#resumeBytes
  }

  /** Takes a new reading of the log; true if `full` changed. */
  update(logBytes: number): boolean {
    const used = logBytes + this.indexBytes + this.gatheredBytes
    const full = this.full ? used > this.#resumeBytes : used >= this.limitBytes
    if (full === this.full) return false
    this.full = full
    return true
  }
}
