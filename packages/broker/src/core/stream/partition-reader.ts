import { assert } from '../../base/assert.ts'
import type { PageLoad } from './batch-pages.ts'
import type { Partition } from './partition.ts'
import { ReadPlace, Seek } from './read-place.ts'
import type { ReadRecord } from './read-record.ts'
import {
  batchHeaderBytes,
  Compression,
  isControl,
  isLogAppendTime,
  readBaseOffset,
  readBaseTimestamp,
  readCompression,
  readLastOffset,
  readMaxTimestamp,
} from './record-batch.ts'
import { RecordCursor } from './record-cursor.ts'

/**
 * Undoes a batch's compression (Compression in record-batch.ts), off the main thread; null if the bytes are broken, the codec is not
 * at hand, or more than `bytesMax` would come out. It may keep `bytes` until then.
 */
export type DecompressLater = (
  codec: number,
  bytes: Buffer,
  bytesMax: number,
) => Promise<Buffer | null>

export interface PartitionReaderOptions {
  /** Where to begin; what is gone by then is passed over. */
  readonly offset: number
  readonly decompress: DecompressLater
  /** What one batch may become. */
  readonly decompressedBytesMax: number
  /** peek() may have an answer, or know that there is none: called once for each time that it had none. */
  readonly wake: () => void
}

/** Why a reader gets no further. */
export const ReaderStop = {
  deleted: 'deleted',
  damaged: 'damaged',
  unreadable: 'unreadable',
} as const
export type ReaderStop = (typeof ReaderStop)[keyof typeof ReaderStop]

/**
 * Reads the records of one partition one by one, from an offset on, up to the high watermark and then as it rises.
 *
 * It holds a copy of one batch, so that a slow reader neither keeps memory of the log nor walks through a batch anew each time. It does not
 * know what its records are for. Invariant: `offset` names the record that peek() gives, or would give.
 */
export class PartitionReader {
  offset: number
  /** Records that were gone before they were read. */
  skipped: number = 0
  /** Batches that it has begun, again those that it had let go of. */
  batches: number = 0
  stopped: ReaderStop | null = null
  readonly partition: Partition
  readonly #options: PartitionReaderOptions
  readonly #place = new ReadPlace()
  /** Waits for a page, or for more records, or for the batch to be decompressed. */
  #isWaiting: boolean = false
  #isClosed: boolean = false
  #load: PageLoad | null = null
  #batch: LoadedBatch | null = null
  #record: ReadRecord | null = null

  constructor(partition: Partition, options: PartitionReaderOptions) {
    this.partition = partition
    this.offset = options.offset
    this.#options = options
  }

  /** The next record, whose bytes stay as long as they are referred to. Null: `stopped` says why, or `wake` will be called. */
  peek(): ReadRecord | null {
    if (this.#record !== null) return this.#record
    while (!this.#isWaiting && this.stopped === null) {
      if (this.#batch === null) this.#loadBatch()
      else {
        this.#record = this.#nextIn(this.#batch)
        if (this.#record !== null) return this.#record
      }
    }
    return null
  }

  /** Moves past the record that peek() has given. */
  take(): void {
    assert(this.#record !== null, 'only what was seen is taken')
    this.offset = this.#record.offset + 1
    this.#record = null
  }

  /** Lets go of the batch that it holds: the next peek() looks for it again. */
  release(): void {
    if (this.#isWaiting) return
    this.#batch = null
    this.#record = null
  }

  /** Wakes nobody any more. */
  close(): void {
    this.#isClosed = true
    this.#load?.stopWaiting(this)
    this.#load = null
    this.partition.stopWaiting(this)
    this.#batch = null
    this.#record = null
    this.#place.clear()
  }

  /** Called by whom it has waited for. */
  wake(): void {
    this.#load = null
    this.#isWaiting = false
    if (!this.#isClosed) this.#options.wake()
  }

  #stop(why: ReaderStop): void {
    this.stopped = why
    this.#batch = null
  }

  #loadBatch(): void {
    const { partition } = this
    if (partition.deleted) return this.#stop(ReaderStop.deleted)
    if (partition.damaged !== null) return this.#stop(ReaderStop.damaged)
    if (this.offset < partition.logStart) {
      this.skipped += partition.logStart - this.offset
      this.offset = partition.logStart
    }
    if (this.offset >= partition.highWatermark) return this.#waitForMore()
    const found = partition.seek(this.#place, this.offset)
    if (found === Seek.found) return this.#copyBatch()
    if (found === Seek.none) return this.#stop(ReaderStop.damaged)
    this.#isWaiting = true
    this.#load = partition.load(this.offset)
    this.#load.wait(this)
  }

  #waitForMore(): void {
    this.#isWaiting = true
    this.partition.wait(this)
  }

  #copyBatch(): void {
    const place = this.#place
    place.locate()
    const { buffer, offset: at } = place
    const { bytes } = place.cursor
    const lastOffset = readLastOffset(buffer, at)
    if (isControl(buffer, at)) {
      this.offset = Math.max(this.offset, lastOffset + 1)
      return place.clear()
    }
    const batch: BatchFacts = {
      baseOffset: readBaseOffset(buffer, at),
      nextOffset: lastOffset + 1,
      baseTimestamp: readBaseTimestamp(buffer, at),
      logTimestamp: isLogAppendTime(buffer, at) ? readMaxTimestamp(buffer, at) : -1,
    }
    const records = Buffer.allocUnsafeSlow(bytes - batchHeaderBytes)
    buffer.copy(records, 0, at + batchHeaderBytes, at + bytes)
    const codec = readCompression(buffer, at)
    place.clear()
    if (codec === Compression.none) this.#begin(batch, records)
    else this.#decompress(batch, records, codec)
  }

  #begin(batch: BatchFacts, records: Buffer): void {
    this.#batch = loaded(batch, records)
    this.batches++
  }

  #decompress(batch: BatchFacts, packed: Buffer, codec: number): void {
    this.#isWaiting = true
    const { decompress, decompressedBytesMax } = this.#options
    const arrived = (records: Buffer | null): void => {
      if (records === null) this.#stop(ReaderStop.unreadable)
      else this.#begin(batch, records)
      this.wake()
    }
    decompress(codec, packed, decompressedBytesMax).then(arrived, () => arrived(null))
  }

  /** Null behind its last record, or where a compressed batch does not keep what its header promised. */
  #nextIn({
    cursor,
    baseOffset,
    baseTimestamp,
    logTimestamp,
    nextOffset,
  }: LoadedBatch): ReadRecord | null {
    while (cursor.next()) {
      const offset = baseOffset + cursor.offsetDelta
      if (offset < this.offset || offset >= nextOffset) continue
      const timestamp = logTimestamp === -1 ? baseTimestamp + cursor.timestampDelta : logTimestamp
      return {
        offset,
        timestamp,
        key: cursor.key(),
        value: cursor.value(),
        headers: cursor.headers(),
      }
    }
    if (cursor.isBroken) this.#stop(ReaderStop.unreadable)
    else this.offset = Math.max(this.offset, nextOffset)
    this.#batch = null
    return null
  }
}

interface BatchFacts {
  readonly baseOffset: number
  /** Of the batch behind it. */
  readonly nextOffset: number
  readonly baseTimestamp: number
  /** Of all of its records; -1 where each has its own. */
  readonly logTimestamp: number
}

interface LoadedBatch extends BatchFacts {
  readonly cursor: RecordCursor
}

function loaded(batch: BatchFacts, records: Buffer): LoadedBatch {
  return { ...batch, cursor: new RecordCursor(records, 0, records.length) }
}
