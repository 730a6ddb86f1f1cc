import type { Task } from '../../base/turn.ts'
import { Safety, type Committer } from '../commits.ts'
import { limits } from '../limits.ts'
import { BatchCursor } from './batch-index.ts'
import type { Partition, StreamContext } from './partition.ts'
import type { StoredBatches } from './stored-batches.ts'

/** Lets go of what a partition keeps no longer, without holding up others. */
export interface Retention {
  /** Something is due that a reader has yet to come to. */
  isHeldUp: boolean
  /** Something may be due: time has passed, or a reader has gone on. */
  check(): void
  /** There are more bytes than are to be kept. */
  grown(): void
  /** The partition is deleted. */
  deleted(): void
}

/**
 * In memory: batch by batch, as soon as one is due.
 * Invariant: what readers are at, or have not been shown yet, stays.
 */
export class MemoryRetention implements Retention, Task {
  queued: boolean = false
  isHeldUp: boolean = false
  readonly #partition: Partition
  readonly #context: StreamContext
  readonly #cursor = new BatchCursor()

  constructor(partition: Partition, context: StreamContext) {
    this.#partition = partition
    this.#context = context
  }

  check(): void {
    if (this.#isOldestDue()) this.#context.turn.schedule(this)
  }

  /** Does not look, as check() does: it is called with every batch. */
  grown(): void {
    this.#context.turn.schedule(this)
  }

  /** Releases batches that are due, a bounded number. */
  run(): boolean {
    const pinnedFrom = this.#partition.pinnedFrom()
    for (let left = limits.releasesPerRun; left > 0; left--) {
      if (!this.#isOldestDue()) return false
      this.isHeldUp = this.#cursor.baseOffset >= pinnedFrom
      if (this.isHeldUp) return false
      this.#releaseOldest()
    }
    return true
  }

  deleted(): void {
    this.#context.turn.schedule(this)
  }

  #isOldestDue(): boolean {
    const partition = this.#partition
    const cursor = this.#cursor
    if (!partition.batches.first(cursor)) return false
    if (partition.deleted) return true
    // What readers have not been shown yet stays, or the mark would fall behind the start.
    if (cursor.baseOffset >= partition.highWatermark) return false
    const { retentionBytes, retentionMs } = partition.config
    // Kafka's rule: never so many that less than retention.bytes would be left.
    if (partition.bytes - cursor.bytes >= retentionBytes) return true
    return cursor.timestamp < this.#context.turn.clock.wallMs() - retentionMs
  }

  #releaseOldest(): void {
    const partition = this.#partition
    const cursor = this.#cursor
    this.#context.log.release(cursor.position)
    partition.bytes -= cursor.bytes
    partition.batches.shift()
    partition.logStart = partition.batches.first(cursor) ? cursor.baseOffset : partition.logEnd
  }
}

/**
 * On the disk: whole files, as Kafka; the one that is written to only if all else is due too.
 *
 * First it is written down where the log starts, then, when that is safe, it starts there, and then the files go: a stop in between leaves
 * files that nobody needs, and never a reader without its records.
 */
export class SegmentRetention implements Retention, Task, Committer {
  queued: boolean = false
  isHeldUp: boolean = false
  readonly #partition: Partition
  readonly #stored: StoredBatches
  readonly #context: StreamContext
  /** Where the log is to start once that is safe; -1 if nothing is under way. */
  #start: number = -1
  #isDeletionSafe: boolean = false
  #areFilesGone: boolean = false

  constructor(partition: Partition, stored: StoredBatches, context: StreamContext) {
    this.#partition = partition
    this.#stored = stored
    this.#context = context
  }

  check(): void {
    const { deleted, logStart } = this.#partition
    if (deleted || this.#dueStart() > logStart) this.#context.turn.schedule(this)
  }

  grown(): void {
    this.check()
  }

  run(): boolean {
    const partition = this.#partition
    if (partition.deleted) return this.#forget()
    const start = this.#dueStart()
    if (start <= partition.logStart) return false
    // Nothing is added to a file that is about to go.
    this.#stored.files.log.closeBefore(start)
    this.#start = start
    this.#stored.journalLogStart(start)
    this.#context.whenSafe(this, Safety.synced)
    return false
  }

  /** Where the log could start by now. */
  #dueStart(): number {
    const partition = this.#partition
    const { logStart, logEnd, config } = partition
    const isIdle = this.#start === -1 && this.#stored.hasFiles && this.#stored.isStarted
    if (!isIdle || partition.damaged !== null) return logStart
    const oldestMs = this.#context.turn.clock.wallMs() - config.retentionMs
    let { bytes } = partition
    let start = logStart
    for (const segment of this.#stored.files.log.segments) {
      // Kafka's rule: never so many that less than retention.bytes would be left.
      const isDue = bytes - segment.bytes >= config.retentionBytes || segment.ageMs < oldestMs
      if (!isDue || (!segment.isClosed && segment.nextOffset < logEnd)) break
      if (!this.#mayGo(segment.nextOffset)) break
      bytes -= segment.bytes
      start = segment.nextOffset
    }
    return start
  }

  #mayGo(to: number): boolean {
    const { highWatermark } = this.#partition
    if (to > Math.min(highWatermark, this.#stored.flushedTo)) return false
    this.isHeldUp = to > this.#partition.pinnedFrom()
    return !this.isHeldUp
  }

  /** What was to be written down is safe. */
  commit(): void {
    if (this.#partition.deleted) return
    const start = this.#start
    this.#partition.moveLogStart(start)
    this.#stored.removeBefore(start).then(
      () => this.#removed(),
      (error: unknown) => {
        // They are in nobody's way but the disk's, and the next start removes them.
        this.#stored.warn(`files that are kept no longer could not be removed: ${String(error)}`)
        this.#removed()
      },
    )
  }

  #removed(): void {
    this.#start = -1
    if (!this.#partition.deleted) this.check()
  }

  /** The partition is deleted, which is written down already. */
  deleted(): void {
    this.#stored.deleted()
    const commit = (): void => {
      this.#isDeletionSafe = true
      this.#context.turn.schedule(this)
    }
    this.#context.whenSafe({ commit }, Safety.synced)
    this.#context.turn.schedule(this)
  }

  /** When nobody reads any more, gives back the memory of the index, a piece at a time; and removes the files when the deletion is safe. */
  #forget(): boolean {
    this.isHeldUp = this.#partition.pinnedFrom() !== Infinity
    if (this.isHeldUp) return false
    this.#stored.forget()
    const { batches } = this.#partition
    for (let left = limits.releasesPerRun; left > 0 && batches.count > 0; left--) batches.shift()
    if (batches.count > 0) return true
    if (!this.#isDeletionSafe || this.#areFilesGone) return false
    this.#areFilesGone = true
    this.#stored.removeFiles()
    return false
  }
}
