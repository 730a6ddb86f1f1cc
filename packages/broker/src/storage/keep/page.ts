/** Messages of one queue that were read back from the disk: side by side in one piece of shared memory. */
export class Page {
  readonly buffer: Buffer
  readonly words: Int32Array
  readonly view: DataView
  readonly count: number
  /** In order. */
  readonly sequences: Float64Array
  /** Where each payload lies; on a boundary of 8. */
  readonly offsets: Int32Array
  readonly lengths: Int32Array
  /** What it covers: a number between that is not among `sequences` is no message of the queue any more. */
  readonly first: number
  readonly last: number
  #cursor: number = 0

  constructor(memory: PageMemory, entries: PageEntries) {
    this.buffer = memory.buffer
    this.words = memory.words
    this.view = memory.view
    this.count = entries.sequences.length
    this.sequences = entries.sequences
    this.offsets = entries.offsets
    this.lengths = entries.lengths
    this.first = entries.first
    this.last = entries.last
  }

  /** All of the memory that it holds. */
  get bytes(): number {
    return this.buffer.length
  }

  covers(sequence: number): boolean {
    return sequence >= this.first && sequence <= this.last
  }

  /** Its index; -1 if it is not there. Asked in order it looks at one number. */
  indexOf(sequence: number): number {
    if (this.sequences[this.#cursor] === sequence) return this.#cursor
    if (this.sequences[this.#cursor + 1] === sequence) return ++this.#cursor
    let low = 0
    let high = this.count - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const found = this.sequences[middle] as number
      if (found === sequence) return (this.#cursor = middle)
      if (found < sequence) low = middle + 1
      else high = middle - 1
    }
    return -1
  }
}

export interface PageEntries {
  readonly sequences: Float64Array
  readonly offsets: Int32Array
  readonly lengths: Int32Array
  readonly first: number
  readonly last: number
}

/** Copying in words may reach this far past the last payload. */
const SLACK_BYTES = 8

/** Shared, so that the thread that reads fills it without a copy. */
export class PageMemory {
  readonly buffer: Buffer
  readonly words: Int32Array
  readonly view: DataView

  constructor(bytes: number) {
    const memory = new SharedArrayBuffer(((bytes + 7) & ~7) + SLACK_BYTES)
    this.buffer = Buffer.from(memory)
    this.words = new Int32Array(memory)
    this.view = new DataView(memory)
  }
}
