import { limits } from '../limits.ts'
import { BatchCursor } from './batch-index.ts'
import type { PageLoad, PageWaiter } from './batch-pages.ts'
import type { Partition } from './partition.ts'
import { ReadPlace, Seek } from './read-place.ts'
import {
  Compression,
  batchHeaderBytes,
  isLogAppendTime,
  readBaseOffset,
  readBaseTimestamp,
  readCompression,
  readLastOffset,
  readMaxTimestamp,
} from './record-batch.ts'
import { RecordCursor } from './record-cursor.ts'

export interface RecordTime {
  readonly offset: number
  readonly timestamp: number
}

/**
 * Undoes a batch's compression (Compression in record-batch.ts); null if the bytes are broken, the
 * codec is not at hand, or more than `bytesMax` would come out.
 */
export type Decompress = (codec: number, bytes: Buffer, bytesMax: number) => Buffer | null

export interface LookupOptions {
  readonly decompress: Decompress | null
  /** What all batches of one search may become together. */
  readonly decompressedBytesMax: number
}

/**
 * The search for the first record below the high watermark that is as young as a time. A compressed
 * batch that cannot be undone, or for which no budget is left, is answered with its first record: too early rather than too late.
 *
 * step() goes on until there is a result or something has to be read from the disk; wait() tells when to go on. What is
 * in memory alone takes one step.
 */
export class TimeSearch {
  /** Null if there is no such record; undefined as long as that is not known. */
  result: RecordTime | null | undefined = undefined
  readonly #partition: Partition
  readonly #timestamp: number
  readonly #options: LookupOptions
  #budgetBytes: number
  #batchesLeft: number = limits.timeLookupBatchesMax
  #pagesLeft: number = limits.timeLookupPagesMax
  /** Records before it are too old. */
  #next: number
  /** The file in which `#next` has been found by its index of times; -1 for none. */
  #searched: number = -1
  #load: PageLoad | null = null
  #waiter: PageWaiter | null = null
  readonly #place = new ReadPlace()
  readonly #cursor = new BatchCursor()

  constructor(partition: Partition, timestamp: number, options: LookupOptions) {
    this.#partition = partition
    this.#timestamp = timestamp
    this.#options = options
    this.#budgetBytes = options.decompressedBytesMax
    this.#next = partition.logStart
  }

  /** Looks on; true if there is more to do right away, false when there is a result or it has to be waited for. */
  step(): boolean {
    const partition = this.#partition
    this.#load = null
    if (partition.deleted || partition.damaged !== null) return this.#end(null)
    this.#next = Math.max(this.#next, partition.logStart)
    if (this.#next >= partition.highWatermark) return this.#end(null)
    const isIndexed = partition.batches.first(this.#cursor)
    const indexedFrom = isIndexed ? this.#cursor.baseOffset : partition.logEnd
    return this.#next < indexedFrom ? this.#lookInFiles(indexedFrom) : this.#lookInIndex()
  }

  /** Has `wake` called once, when step() can go on. */
  wait(waiter: PageWaiter): void {
    if (this.#load === null) this.#waiter = waiter
    else this.#load.wait(waiter)
  }

  stopWaiting(waiter: PageWaiter): void {
    this.#waiter = null
    this.#load?.stopWaiting(waiter)
  }

  #end(result: RecordTime | null): false {
    this.result = result
    this.#place.clear()
    return false
  }

  /** Batches that the partition's index no longer has: a page at a time, from where the files' own indexes lead to. */
  #lookInFiles(indexedFrom: number): boolean {
    const { stored } = this.#partition
    const file = stored?.fileOf(this.#next) ?? -1
    if (stored !== null && file !== this.#searched) {
      stored.seekTime(this.#next, this.#timestamp).then(
        (offset) => this.#found(offset === -1 ? indexedFrom : Math.min(offset, indexedFrom)),
        (error: unknown) => this.#failed(error),
      )
      return false
    }
    if (!this.#seek()) return false
    const { cursor, page } = this.#place
    // What it leads to may be in memory by now, where the index of the partition has more to say.
    if (page === null) return this.#lookInIndex()
    do {
      if (cursor.timestamp < this.#timestamp) continue
      if (this.#lookInBatch()) return false
    } while (cursor.next())
    this.#next = page.to
    if (--this.#pagesLeft > 0) return true
    return this.#end({ offset: this.#next, timestamp: this.#timestamp })
  }

  #found(offset: number): void {
    this.#next = offset
    this.#searched = this.#partition.stored?.fileOf(offset) ?? -1
    this.#wake()
  }

  #failed(error: unknown): void {
    this.#partition.stored?.readFailed(error)
    this.#end(null)
    this.#wake()
  }

  #wake(): void {
    const waiter = this.#waiter
    this.#waiter = null
    waiter?.wake()
  }

  /** Puts the place at the batch that has `#next`; false if it has to be read first, or is gone. */
  #seek(): boolean {
    const found = this.#partition.seek(this.#place, this.#next)
    if (found === Seek.found) return true
    if (found === Seek.none) return this.#end(null)
    this.#load = this.#partition.load(this.#next)
    return false
  }

  /** Batches that the partition's index has: it says which are young enough. */
  #lookInIndex(): boolean {
    const { batches, highWatermark } = this.#partition
    const cursor = this.#cursor
    const from = batches.seek(cursor, this.#next) ? cursor.baseOffset : this.#next
    let more = batches.seekTime(cursor, this.#timestamp)
    while (more && cursor.baseOffset < highWatermark) {
      if (cursor.timestamp >= this.#timestamp && cursor.baseOffset >= from) {
        this.#next = cursor.baseOffset
        if (!this.#seek() || this.#lookInBatch()) return false
      }
      more = cursor.next()
    }
    return this.#end(null)
  }

  /** True if the search has ended in the place's batch. */
  #lookInBatch(): boolean {
    const place = this.#place
    if (place.cursor.baseOffset >= this.#partition.highWatermark) return !this.#end(null)
    place.locate()
    if (readLastOffset(place.buffer, place.offset) < this.#next) return false
    const found = this.#findInBatch()
    if (found !== null) return !this.#end(found)
    // The headers promise what the records do not keep: nobody may make us read them all.
    if (--this.#batchesLeft > 0) return false
    const { baseOffset } = place.cursor
    return !this.#end({ offset: Math.max(baseOffset, this.#next), timestamp: this.#timestamp })
  }

  #findInBatch(): RecordTime | null {
    const { buffer, offset: at, cursor } = this.#place
    const timestamp = this.#timestamp
    if (readMaxTimestamp(buffer, at) < timestamp) return null
    const baseOffset = readBaseOffset(buffer, at)
    if (isLogAppendTime(buffer, at)) {
      return { offset: baseOffset, timestamp: readMaxTimestamp(buffer, at) }
    }
    const baseTimestamp = readBaseTimestamp(buffer, at)
    if (baseTimestamp >= timestamp) return { offset: baseOffset, timestamp: baseTimestamp }
    const codec = readCompression(buffer, at)
    const [start, end] = [at + batchHeaderBytes, at + cursor.bytes]
    const batch = { baseOffset, baseTimestamp, timestamp }
    if (codec === Compression.none) {
      return findInRecords(new RecordCursor(buffer, start, end), batch)
    }
    const packed = buffer.subarray(start, end)
    const bytes = this.#options.decompress?.(codec, packed, this.#budgetBytes) ?? null
    if (bytes === null) return { offset: baseOffset, timestamp: baseTimestamp }
    this.#budgetBytes -= bytes.length
    return findInRecords(new RecordCursor(bytes, 0, bytes.length), batch)
  }
}

/** The greatest time of all batches; -1 without any. The first record that has it is the youngest. [KIP-734] */
export function greatestTime(partition: Partition): number {
  return Math.max(partition.batches.timestampMax, partition.stored?.newestMs ?? -1)
}

function findInRecords(
  records: RecordCursor,
  {
    baseOffset,
    baseTimestamp,
    timestamp,
  }: { baseOffset: number; baseTimestamp: number; timestamp: number },
): RecordTime | null {
  while (records.next()) {
    const time = baseTimestamp + records.timestampDelta
    if (time >= timestamp) return { offset: baseOffset + records.offsetDelta, timestamp: time }
  }
  return null
}
