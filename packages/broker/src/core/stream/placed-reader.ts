import type { Turn, Task } from '../../base/turn.ts'
import { limits } from '../limits.ts'
import { PartitionReader, type DecompressLater } from './partition-reader.ts'
import type { Partition } from './partition.ts'
import type { ReadRecord } from './read-record.ts'
import { offsetOf, type StreamPlace } from './stream-place.ts'
import type { TimeSearch } from './time-lookup.ts'

export interface PlacedReaderContext {
  readonly turn: Turn
  readonly decompress: DecompressLater
}

/**
 * Reads a partition from a place on that may have to be looked for first.
 *
 * `reader` is null until the place is known. Invariant: what peek() gives is at the place or behind it.
 */
export class PlacedReader implements Task {
  queued: boolean = false
  reader: PartitionReader | null = null
  /** Whether it stands in its consumer's line of those that may have records. */
  inLine: boolean = false
  readonly partition: Partition
  readonly #place: StreamPlace
  readonly #context: PlacedReaderContext
  readonly #wake: (reader: PlacedReader) => void
  #search: TimeSearch | null = null
  readonly #searchWaiter = { wake: (): void => this.#context.turn.schedule(this) }
  /** Records before these are passed over. */
  #offsetMin: number = 0
  #timestampMin: number = -Infinity
  #isClosed: boolean = false

  /** `wake` is called when peek() may have an answer that it did not have before. */
  constructor(
    partition: Partition,
    place: StreamPlace,
    context: PlacedReaderContext,
    wake: (reader: PlacedReader) => void,
  ) {
    this.partition = partition
    this.#place = place
    this.#context = context
    this.#wake = wake
    const found = offsetOf(place, partition)
    if (typeof found === 'number') this.#begin(found)
    else this.#search = found
  }

  #begin(offset: number): void {
    this.#search = null
    this.#offsetMin = offset
    this.reader = new PartitionReader(this.partition, {
      // Of a number that nothing has yet, what comes before it is waited for, and passed over.
      offset: Math.min(offset, this.partition.highWatermark),
      decompress: this.#context.decompress,
      decompressedBytesMax: limits.decompressedBatchBytesMax,
      wake: () => this.#wake(this),
    })
  }

  /** The next record. Null: there is none now, or none any more. */
  peek(): ReadRecord | null {
    if (this.#search !== null) {
      this.#context.turn.schedule(this)
      return null
    }
    const reader = this.reader as PartitionReader
    for (let left = limits.deliveriesPerRun; left > 0; left--) {
      const record = reader.peek()
      if (record === null || this.#isAtPlace(record)) return record
      reader.take()
    }
    // There is more to pass over, and others have their turn.
    this.#wake(this)
    return null
  }

  #isAtPlace({ offset, timestamp }: ReadRecord): boolean {
    if (offset < this.#offsetMin || timestamp < this.#timestampMin) return false
    // Only up to the first one: a younger record may be followed by an older one.
    this.#timestampMin = -Infinity
    return true
  }

  /** As its reader's. */
  get batches(): number {
    return this.reader?.batches ?? 0
  }

  /** Whether records are there that it cannot give yet: they are being read, opened or looked for. */
  get isLoading(): boolean {
    const { reader, partition } = this
    if (reader === null) return !this.#isClosed
    return reader.stopped === null && reader.offset < partition.highWatermark
  }

  /** Looks for its place. */
  run(): boolean {
    const search = this.#search
    if (search === null || this.#isClosed) return false
    if (search.step()) return true
    if (search.result === undefined) {
      search.wait(this.#searchWaiter)
      return false
    }
    const { result } = search
    if (result !== null && this.#place.at === 'time') this.#timestampMin = this.#place.timestampMs
    this.#begin(result?.offset ?? this.partition.highWatermark)
    this.#wake(this)
    return false
  }

  close(): void {
    this.#isClosed = true
    this.#search?.stopWaiting(this.#searchWaiter)
    this.#search = null
    this.reader?.close()
  }
}
