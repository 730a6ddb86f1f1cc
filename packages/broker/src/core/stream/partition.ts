import { assert } from '../../base/assert.ts'
import type { Timers } from '../../base/timers.ts'
import type { Turn } from '../../base/turn.ts'
import type { RecordLog } from '../../storage/message-log.ts'
import type { RandomSource } from '../auth/random.ts'
import { Safety, safetyOf, type Committer } from '../commits.ts'
import type { Memory } from '../memory.ts'
import { BatchCursor, BatchIndex } from './batch-index.ts'
import type { BrokenBatch } from './batch-page.ts'
import type { PageLoad } from './batch-pages.ts'
import type { PartitionState } from './partition-state.ts'
import { Producers, SequenceVerdict, type ProducedBatch } from './producers.ts'
import { Seek, type ReadPlace } from './read-place.ts'
import { validateBatch, type BatchLimits } from './record-batch-check.ts'
import {
  Compression,
  assignLogAppendTime,
  assignOffset,
  isTransactional,
  readBaseSequence,
  readBatchBytes,
  readCompression,
  readMaxTimestamp,
  readProducerEpoch,
  readProducerId,
  readRecordCount,
} from './record-batch.ts'
import { MemoryRetention, SegmentRetention, type Retention } from './retention.ts'
import type { StoredBatches } from './stored-batches.ts'
import type { StreamConfig } from './stream-config.ts'
import type { StreamStore } from './stream-store.ts'

/** What streams need of their broker. */
export interface StreamContext {
  /** Of what is in memory alone. */
  readonly log: RecordLog
  /** Null: everything is in memory alone. */
  readonly streams: StreamStore | null
  readonly memory: Memory
  readonly turn: Turn
  readonly timers: Timers
  readonly random: RandomSource
  /** Broker.whenSafe */
  whenSafe(committer: Committer, safety: Safety): void
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
  /** The partition has stopped, because of what its files are. */
  damaged: 'damaged',
} as const
export type AppendError = (typeof AppendError)[keyof typeof AppendError]

/** Somebody who waits for records that are not there yet. */
export interface PartitionWaiter {
  /** There may be more to read, or the partition is gone. The waiter has been taken off the list. */
  wake(): void
}

/** Somebody who takes several turns to read: what is from here on stays. */
export interface Pin {
  readonly baseOffset: number
}

/**
 * One append-only list of record batches. The bytes are in the broker's log, of which the partition is the one holder, or, kept on
 * the disk, in the journal and in files of its own; here is where they are in memory, and who wrote last.
 *
 * `logEnd` is the next offset to give; `highWatermark` is up to where batches are as safe as they
 * were promised to be, and readers stop there; `logStart` moves as old batches go. It decides
 * nothing about groups, fetches or authorization.
 * Invariant: logStart <= highWatermark <= logEnd, each at a batch's edge, and none goes back.
 */
export class Partition implements Committer {
  readonly index: number
  readonly config: StreamConfig
  logStart: number = 0
  highWatermark: number = 0
  logEnd: number = 0
  /** Grows when a tail may have been lost; memory loses all or nothing. */
  leaderEpoch: number = 0
  /** Of all batches together. */
  bytes: number = 0
  deleted: boolean = false
  /** Bytes on the disk are not what was written: nothing is read or appended any more. */
  damaged: BrokenBatch | null = null
  /** Whether any batch may be compressed with zstd, which old readers cannot take. */
  hasZstd: boolean = false
  /** Of all batches; of a partition on the disk, of those that are or were in the journal's memory. */
  readonly batches: BatchIndex
  readonly producers: Producers = new Producers()
  /** Null: it is in memory alone. */
  readonly stored: StoredBatches | null
  readonly #context: StreamContext
  readonly #safety: Safety
  readonly #retention: Retention
  readonly #limits: MutableBatchLimits
  /** Where readers are that take several turns. */
  #pins: Set<Pin> | null = null
  #waiters: Set<PartitionWaiter> | null = null
  /** The turn in which it was last asked for that the mark be raised. */
  #askedTurn: number = -1
  readonly #cursor = new BatchCursor()
  readonly #produced: MutableProducedBatch = {
    producerId: -1,
    epoch: -1,
    baseSequence: -1,
    recordCount: 0,
  }
  readonly #entry = { baseOffset: 0, position: 0, timestamp: 0, bytes: 0 }

  /** `id` is what the store knows it by, if it is kept on the disk. */
  constructor(index: number, config: StreamConfig, context: StreamContext, id: number = 0) {
    const { streams } = context
    const isKept = streams !== null && config.durability !== 'memory'
    this.index = index
    this.config = config
    this.#context = context
    this.#safety = isKept ? safetyOf(config.durability) : Safety.turn
    const largest = isKept ? streams.batchBytesMax : Infinity
    const batchBytesMax = Math.min(config.batchBytesMax, largest)
    this.#limits = { batchBytesMax, timestampMax: Infinity }
    this.batches = new BatchIndex(context.memory)
    this.stored = isKept ? streams.open(id, this) : null
    this.#retention =
      this.stored === null
        ? new MemoryRetention(this, context)
        : new SegmentRetention(this, this.stored, context)
  }

  /** Of the largest batch that it takes. */
  get batchBytesMax(): number {
    return this.#limits.batchBytesMax
  }

  /**
   * Copies the producer's batch [start, end) into the log and fills `appended`; null if it is there,
   * be it from an earlier attempt. The bytes themselves are left alone.
   */
  append(buffer: Buffer, start: number, end: number, appended: Appended): AppendError | null {
    if (this.damaged !== null) return AppendError.damaged
    const nowMs = this.#context.turn.clock.wallMs()
    if (this.config.timestamps === 'producer') {
      this.#limits.timestampMax = nowMs + this.config.timestampAfterMsMax
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
    appended.logAppendTimeMs = this.config.timestamps === 'log' ? nowMs : -1
    this.#store(buffer, start, end, nowMs)
    if (producerId >= 0) this.producers.note(this.#produced, this.logEnd, this.#context.turn.nowMs)
    this.logEnd += recordCount
    this.checkSize()
    if (this.#askedTurn !== this.#context.turn.count) this.#awaitSafety()
    return null
  }

  /** Undefined if the batch is new; null if it is there already, `appended` then says where. */
  #checkSequence(
    buffer: Buffer,
    start: number,
    appended: Appended,
  ): AppendError | null | undefined {
    const produced = this.#readProduced(buffer, start)
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

  #readProduced(buffer: Buffer, start: number): ProducedBatch {
    const produced = this.#produced
    produced.producerId = readProducerId(buffer, start)
    produced.epoch = readProducerEpoch(buffer, start)
    produced.baseSequence = readBaseSequence(buffer, start)
    produced.recordCount = readRecordCount(buffer, start)
    return produced
  }

  #store(buffer: Buffer, start: number, end: number, nowMs: number): void {
    const { stored } = this
    const log = stored === null ? this.#context.log : stored.journal
    const bytes = end - start
    const position = stored === null ? this.#context.log.reserve(bytes) : stored.reserve(bytes)
    const at = log.offset
    buffer.copy(log.buffer, at, start, end)
    assignOffset(log.buffer, at, this.logEnd, this.leaderEpoch)
    if (this.config.timestamps === 'log') assignLogAppendTime(log.buffer, at, nowMs)
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
    stored?.appended(position, bytes)
  }

  /** Asked in each turn that appends: a producer who is told that its batch is safe will look for it. */
  #awaitSafety(): void {
    this.#askedTurn = this.#context.turn.count
    this.#context.whenSafe(this, this.#safety)
  }

  /** What was appended is as safe as promised, or some of it: raises the mark and wakes who waits. */
  commit(): void {
    if (this.deleted) return
    const mark = this.#safeEnd()
    if (mark <= this.highWatermark) return
    this.highWatermark = mark
    this.#wake()
  }

  #safeEnd(): number {
    const safePosition = this.stored?.safePosition ?? Infinity
    const cursor = this.#cursor
    if (!this.batches.last(cursor) || cursor.position < safePosition) return this.logEnd
    let more = this.batches.seek(cursor, this.highWatermark)
    while (more && cursor.position < safePosition) more = cursor.next()
    return more ? cursor.baseOffset : this.logEnd
  }

  /** Whether a reader may begin here; the end is a place too. */
  holds(offset: number): boolean {
    return offset >= this.logStart && offset <= this.highWatermark
  }

  /** Puts `place` at the batch that has `offset`, which is from the start on and below the mark; what is pinned is there also when the partition is deleted. */
  seek(place: ReadPlace, offset: number): Seek {
    if (this.damaged !== null) return Seek.none
    if (this.stored !== null) return this.stored.seek(place, offset)
    return this.batches.seek(place.cursor, offset) ? place.inLog(this.#context.log) : Seek.none
  }

  /** Has the batch read that seek() did not find in memory. Whoever waits for it looks again when it is there. */
  load(offset: number): PageLoad {
    assert(this.stored !== null, 'only what is on the disk has to be read')
    return this.stored.load(offset)
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
   * Keeps the pin's batch and those behind it until unpin(): for a reader that takes several turns.
   * Those before it go: among many slow readers there is hardly ever a moment without any.
   */
  pin(pin: Pin): void {
    this.#pins ??= new Set()
    this.#pins.add(pin)
  }

  unpin(pin: Pin): void {
    const wasPinned = this.#pins?.delete(pin)
    assert(wasPinned === true, 'what is unpinned was pinned')
    if (!this.#retention.isHeldUp) return
    this.#retention.isHeldUp = false
    this.#retention.check()
  }

  /** The lowest offset that a reader is at; Infinity if there is none. */
  pinnedFrom(): number {
    let from = Infinity
    for (const { baseOffset } of this.#pins ?? []) from = Math.min(from, baseOffset)
    return from
  }

  /** Nothing is read or appended any more; the batches go, a piece at a time. */
  delete(): void {
    this.deleted = true
    this.#retention.deleted()
    this.#wake()
  }

  /** Bytes in its files are not what was written: this partition alone stops. */
  stop(damage: BrokenBatch): void {
    if (this.damaged !== null) return
    this.damaged = damage
    this.stored?.stopped(damage)
    this.#wake()
  }

  /** Looks whether there are more bytes than are to be kept. */
  checkSize(): void {
    if (this.bytes > this.config.retentionBytes) this.#retention.grown()
  }

  /** Looks whether the oldest batches have had their time, and forgets idle producers. */
  expire(): void {
    this.producers.expire(this.#context.turn.clock.nowMs())
    this.#retention.check()
  }

  /** Records before `offset` are gone for good. */
  moveLogStart(offset: number): void {
    if (offset <= this.logStart) return
    this.logStart = offset
    this.bytes -= this.stored?.bytesBefore(offset) ?? 0
  }

  // ---- from one start to the next; nobody is served meanwhile ----

  /** Begins with what a snapshot has. */
  restore(state: PartitionState): void {
    this.logStart = state.logStart
    this.logEnd = state.segments.nextOffset
    this.leaderEpoch = state.leaderEpoch
    this.hasZstd = state.hasZstd
    const { nowMs } = this.#context.turn
    for (const producer of state.producers) this.producers.restore(producer, nowMs)
  }

  /** The batch at `start` of the journal is in the files again: it is the next one. */
  replayed(buffer: Buffer, start: number): void {
    if (readProducerId(buffer, start) >= 0) {
      const produced = this.#readProduced(buffer, start)
      this.producers.note(produced, this.logEnd, this.#context.turn.nowMs)
    }
    if (readCompression(buffer, start) === Compression.zstd) this.hasZstd = true
    this.logEnd += readRecordCount(buffer, start)
    this.bytes += readBatchBytes(buffer, start)
  }

  /** As the journal has it. */
  replayedLogStart(offset: number): void {
    this.logStart = Math.max(this.logStart, offset)
  }

  /** All is there again that will be, and it has so many bytes. */
  restored(bytes: number): void {
    this.bytes = bytes
    this.highWatermark = this.logEnd
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
