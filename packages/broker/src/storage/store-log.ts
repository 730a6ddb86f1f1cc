import type { Journal } from './journal/journal.ts'
import type { MemoryLog } from './memory-log.ts'
import type { RecordLog } from './message-log.ts'

/**
 * The logs of a broker with a data directory behind one face: what need not survive goes to the memory log, whose positions begin at
 * `base` here; positions below it are the journal's. What the journal has is let go of by nobody: it is written over when it is past.
 */
export class StoreLog implements RecordLog {
  buffer: Buffer
  words: Int32Array
  view: DataView
  offset: number = 0
  length: number = 0
  readonly #memory: MemoryLog
  readonly #journal: Journal
  readonly #base: number

  constructor(memory: MemoryLog, journal: Journal, base: number) {
    this.#memory = memory
    this.#journal = journal
    this.#base = base
    this.buffer = memory.buffer
    this.words = memory.words
    this.view = memory.view
  }

  get bytes(): number {
    return this.#memory.bytes
  }

  get bytesMax(): number {
    return this.#memory.bytesMax
  }

  set bytesMax(bytes: number) {
    this.#memory.bytesMax = bytes
  }

  reserve(length: number): number {
    const position = this.#memory.reserve(length)
    this.#show(this.#memory)
    return this.#base + position
  }

  hold(position: number, holders: number): void {
    if (position >= this.#base) this.#memory.hold(position - this.#base, holders)
  }

  locate(position: number): void {
    if (position >= this.#base) {
      this.#memory.locate(position - this.#base)
      this.#show(this.#memory)
    } else {
      this.#journal.locate(position)
      this.#show(this.#journal)
    }
  }

  release(position: number): void {
    if (position >= this.#base) this.#memory.release(position - this.#base)
  }

  /** Compared before it is stored: storing a reference costs more than a look. */
  #show(log: MemoryLog | Journal): void {
    if (this.buffer !== log.buffer) {
      this.buffer = log.buffer
      this.words = log.words
      this.view = log.view
    }
    this.offset = log.offset
    this.length = log.length
  }
}
