import type { RandomSource } from '../auth/random.ts'
import { assert } from '../../base/assert.ts'
import type { Timers } from '../../base/timers.ts'
import type { Task, Turn } from '../../base/turn.ts'
import type { RecordLog } from '../../storage/message-log.ts'
import { limits } from '../limits.ts'
import type { Memory } from '../memory.ts'
import { BatchCursor, BatchIndex } from './batch-index.ts'
import { Producers, SequenceVerdict, type ProducedBatch } from './producers.ts'
import { validateBatch, type BatchLimits } from './record-batch-check.ts'
import {
  Compression,
  assignLogAppendTime,
  assignOffset,
  isTransactional,
  readBaseSequence,
  readCompression,
  readMaxTimestamp,
  readProducerEpoch,
  readProducerId,
  readRecordCount,
} from './record-batch.ts'
import type { StreamConfig } from './stream-config.ts'

/** What streams need of their broker. */
export interface StreamContext {
  readonly log: RecordLog
  readonly memory: Memory
  readonly turn: Turn
  readonly timers: Timers
  readonly random: RandomSource
  /** Broker.whenSafe */
  whenSafe(committer: { commit(): void }): void
}

/** Why nothing was appended. */
export const AppendError = {
  // As BatchError.
  corrupt: 'corrupt',
  invalidRecord: 'invalid-record',
  tooLarge: 'too-large',
  invalidTimestamp: 'invalid-timestamp',
  duplicateSequence: 'duplicate-sequence',
  sequenceGap: 'sequence-gap',
  staleEpoch: 'stale-epoch',
  /** Nobody began a transaction: there are none yet. */
  noTransaction: 'no-transaction',
} as const
export type AppendError = (typeof AppendError)[keyof typeof AppendError]

/** Somebody who waits for records that are not there yet. */
export interface PartitionWaiter {
  /** There may be more to read, or the partition is gone. The waiter has been taken off the list. */
  wake(): void
}

/**
 * One append-only list of record batches. The bytes are in the broker's log, of which the partition is the one holder;
 * here is where they are, and who wrote last.
 *
 * `logEnd` is the next offset to give; `highWatermark` is up to where batches are as safe as they
 * were promised to be, and readers stop there; `logStart` moves as old batches go. It decides
 * nothing about groups, fetches or authorization.
 * Invariant: logStart <= highWatermark <= logEnd, each at a batch's edge, and none goes back.
 */
export class Partition implements Task {
  queued: boolean = false
  readonly index: number
  logStart: number = 0
  highWatermark: number = 0
  logEnd: number = 0
  /** Grows when a tail may have been lost; memory loses all or nothing. */
  readonly leaderEpoch: number = 0
  /** Of all batches together. */
  bytes: number = 0
  deleted: boolean = false
  /** Whether any batch may be compressed with zstd, which old readers cannot take. */
  hasZstd: boolean = false
  readonly batches: BatchIndex
  readonly producers: Producers = new Producers()
  readonly #context: StreamContext
  readonly #config: StreamConfig
  readonly #limits: MutableBatchLimits
  /** Where readers are that take several turns. */
  #pins: Set<BatchCursor> | null = null
  /** A batch is due that a reader has yet to come to. */
  #isHeldUp: boolean = false
  #waiters: Set<PartitionWaiter> | null = null
  #committing: boolean = false
  readonly #cursor = new BatchCursor()
  readonly #produced: MutableProducedBatch = {
    producerId: -1,
    epoch: -1,
    baseSequence: -1,
    recordCount: 0,
  }
  readonly #entry = { baseOffset: 0, position: 0, timestamp: 0, bytes: 0 }

  constructor(index: number, config: StreamConfig, context: StreamContext) {
    this.index = index
    this.#config = config
    this.#context = context
    this.#limits = { batchBytesMax: config.batchBytesMax, timestampMax: Infinity }
    this.batches = new BatchIndex(context.memory)
  }

  /**
   * Copies the producer's batch [start, end) into the log and fills `appended`; null if it is there,
   * be it from an earlier attempt. The bytes themselves are left alone.
   */
  append(buffer: Buffer, start: number, end: number, appended: Appended): AppendError | null {
    const nowMs = this.#context.turn.clock.wallMs()
    if (this.#config.timestamps === 'producer') {
      this.#limits.timestampMax = nowMs + this.#config.timestampAfterMsMax
    }
    const broken = validateBatch(buffer, start, end, this.#limits)
    if (broken !== null) return broken
    if (isTransactional(buffer, start)) return AppendError.noTransaction
    const producerId = readProducerId(buffer, start)
    if (producerId >= 0) {
      const refused = this.#checkSequence(buffer, start, appended)
      if (refused !== undefined) return refused
    }
    const recordCount = readRecordCount(buffer, start)
    appended.baseOffset = this.logEnd
    appended.logAppendTimeMs = this.#config.timestamps === 'log' ? nowMs : -1
    this.#store(buffer, start, end, nowMs)
    if (producerId >= 0) this.producers.note(this.#produced, this.logEnd, this.#context.turn.nowMs)
    this.logEnd += recordCount
    if (this.bytes > this.#config.retentionBytes) this.#context.turn.schedule(this)
    if (!this.#committing) this.#awaitSafety()
    return null
  }

  /** Undefined if the batch is new; null if it is there already, `appended` then says where. */
  #checkSequence(
    buffer: Buffer,
    start: number,
    appended: Appended,
  ): AppendError | null | undefined {
    const produced = this.#produced
    produced.producerId = readProducerId(buffer, start)
    produced.epoch = readProducerEpoch(buffer, start)
    produced.baseSequence = readBaseSequence(buffer, start)
    produced.recordCount = readRecordCount(buffer, start)
    switch (this.producers.check(produced)) {
      case SequenceVerdict.next:
        return undefined
      case SequenceVerdict.duplicate:
        appended.baseOffset = this.producers.duplicateOffset
        appended.logAppendTimeMs = -1
        return null
      case SequenceVerdict.oldDuplicate:
        return AppendError.duplicateSequence
      case SequenceVerdict.gap:
        return AppendError.sequenceGap
      case SequenceVerdict.staleEpoch:
        return AppendError.staleEpoch
    }
  }

  #store(buffer: Buffer, start: number, end: number, nowMs: number): void {
    const { log } = this.#context
    const bytes = end - start
    const position = log.reserve(bytes)
    const at = log.offset
    buffer.copy(log.buffer, at, start, end)
    assignOffset(log.buffer, at, this.logEnd, this.leaderEpoch)
    if (this.#config.timestamps === 'log') assignLogAppendTime(log.buffer, at, nowMs)
    if (readCompression(log.buffer, at) === Compression.zstd) this.hasZstd = true
    const timestamp = readMaxTimestamp(log.buffer, at)
    const entry = this.#entry
    entry.baseOffset = this.logEnd
    entry.position = position
    // A batch without times of its own ages from now on.
    entry.timestamp = timestamp < 0 ? nowMs : timestamp
    entry.bytes = bytes
    this.batches.append(entry)
    this.bytes += bytes
  }

  #awaitSafety(): void {
    this.#committing = true
    this.#context.whenSafe(this)
  }

  /** What was appended is as safe as promised, or some of it: raises the mark and wakes who waits. */
  commit(): void {
    this.#committing = false
    if (this.deleted) return
    const { safePosition } = this.#context.log
    const cursor = this.#cursor
    if (!this.batches.last(cursor)) this.highWatermark = this.logEnd
    else if (cursor.position < safePosition) this.highWatermark = this.logEnd
    else {
      let more = this.batches.seek(cursor, this.highWatermark)
      while (more && cursor.position < safePosition) more = cursor.next()
      if (more) this.highWatermark = Math.max(this.highWatermark, cursor.baseOffset)
      this.#awaitSafety()
    }
    this.#wake()
  }

  /** Whether a reader may begin here; the end is a place too. */
  holds(offset: number): boolean {
    return offset >= this.logStart && offset <= this.highWatermark
  }

  /** Has `wake` called once, when the mark rises or the partition goes. */
  wait(waiter: PartitionWaiter): void {
    this.#waiters ??= new Set()
    this.#waiters.add(waiter)
  }

  stopWaiting(waiter: PartitionWaiter): void {
    this.#waiters?.delete(waiter)
  }

  #wake(): void {
    const waiters = this.#waiters
    if (waiters === null || waiters.size === 0) return
    this.#waiters = null
    for (const waiter of waiters) waiter.wake()
  }

  /**
   * Keeps the cursor's batch and those behind it until unpin(): for a reader that takes several turns.
   * Those before it go: among many slow readers there is hardly ever a moment without any.
   */
  pin(cursor: BatchCursor): void {
    this.#pins ??= new Set()
    this.#pins.add(cursor)
  }

  unpin(cursor: BatchCursor): void {
    const wasPinned = this.#pins?.delete(cursor)
    assert(wasPinned === true, 'what is unpinned was pinned')
    if (!this.#isHeldUp) return
    this.#isHeldUp = false
    this.#context.turn.schedule(this)
  }

  /** Nothing is read or appended any more; the batches go, a piece at a time. */
  delete(): void {
    this.deleted = true
    this.#context.turn.schedule(this)
    this.#wake()
  }

  /** Looks whether the oldest batches have had their time, and forgets idle producers. */
  expire(): void {
    this.producers.expire(this.#context.turn.clock.nowMs())
    if (this.#isOldestDue()) this.#context.turn.schedule(this)
  }

  /** Releases batches that are due, a bounded number. */
  run(): boolean {
    const pinnedFrom = this.#pinnedFrom()
    for (let left = limits.releasesPerRun; left > 0; left--) {
      if (!this.#isOldestDue()) return false
      this.#isHeldUp = this.#cursor.baseOffset >= pinnedFrom
      if (this.#isHeldUp) return false
      this.#releaseOldest()
    }
    return true
  }

  #pinnedFrom(): number {
    let from = Infinity
    for (const { baseOffset } of this.#pins ?? []) from = Math.min(from, baseOffset)
    return from
  }

  #isOldestDue(): boolean {
    const cursor = this.#cursor
    if (!this.batches.first(cursor)) return false
    if (this.deleted) return true
    // What readers have not been shown yet stays, or the mark would fall behind the start.
    if (cursor.baseOffset >= this.highWatermark) return false
    // Kafka's rule: never so many that less than retention.bytes would be left.
    if (this.bytes - cursor.bytes >= this.#config.retentionBytes) return true
    return cursor.timestamp < this.#context.turn.clock.wallMs() - this.#config.retentionMs
  }

  #releaseOldest(): void {
    const cursor = this.#cursor
    this.#context.log.release(cursor.position)
    this.bytes -= cursor.bytes
    this.batches.shift()
    this.logStart = this.batches.first(cursor) ? cursor.baseOffset : this.logEnd
  }
}

/** Where a batch went; one object for all, filled by each append. */
export interface Appended {
  baseOffset: number
  /** -1 where records keep their producer's time. */
  logAppendTimeMs: number
}

type MutableBatchLimits = { -readonly [Key in keyof BatchLimits]: BatchLimits[Key] }
type MutableProducedBatch = { -readonly [Key in keyof ProducedBatch]: ProducedBatch[Key] }
