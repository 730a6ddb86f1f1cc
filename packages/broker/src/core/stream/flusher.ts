import { Ring } from '../../base/ring.ts'
import { Timer, type Timers } from '../../base/timers.ts'
import type { Task, Turn } from '../../base/turn.ts'
import type { DiskError } from '../../storage/disk.ts'
import type { Journal } from '../../storage/journal/journal.ts'
import { limits } from '../limits.ts'
import type { StoredBatches } from './stored-batches.ts'

export interface FlusherOptions {
  readonly journal: Journal
  readonly turn: Turn
  readonly timers: Timers
  /** Something has been written: there may be pages to read, or room in the journal's memory. */
  readonly onFlush: () => void
  /** The disk is full, or (null) no longer. */
  readonly onStall: (error: DiskError | null) => void
  /** A write or a sync failed for good. */
  readonly onFailure: (error: Error) => void
}

/** Batches of one partition that are on their way into its files. */
interface Write {
  readonly batches: StoredBatches
  /** Where in the journal the first one is. */
  readonly from: number
  bytes: number
  /** Its bytes are not in the journal's memory any more, but in some of their own. */
  isCopied: boolean
}

interface Demand {
  readonly before: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Brings the batches of all partitions from the journal's memory into their files: when enough of them wait, after a second, or
 * when somebody must have it so. In rounds: what waited when a round began is written partition by partition, so that each gets one
 * write however its batches lay between those of others.
 *
 * The file thread reads from the journal's memory, so that `flushFrom` must not be written over: publishers wait if it comes to that.
 * Invariant: a partition with batches that are in no file is in exactly one of the two lists, or being written.
 */
export class Flusher implements Task {
  queued: boolean = false
  readonly #options: FlusherOptions
  readonly #flushBytes: number
  /** Of this round. */
  #current: Ring<StoredBatches> = new Ring()
  #currentFrom: number = Infinity
  /** Only batches before it belong to the round. */
  #roundEnd: number = 0
  #next: Ring<StoredBatches> = new Ring()
  #nextFrom: number = Infinity
  readonly #writes = new Set<Write>()
  #bytesUnderWay: number = 0
  #waitingBytes: number = 0
  /** Writes that found the disk full. */
  readonly #stalled = new Set<Write>()
  #failure: Error | null = null
  readonly #demands: Demand[] = []
  readonly #timer: Timer
  #isDue: boolean = false
  readonly #retry: Timer
  readonly #unsynced = new Set<StoredBatches>()
  #lastSync: Promise<void> = Promise.resolve()
  /** Partitions with batches that may have left the journal's memory, and where the first of each was. */
  readonly #watched: Ring<{ readonly batches: StoredBatches; readonly position: number }> =
    new Ring()

  constructor(options: FlusherOptions) {
    this.#options = options
    const memoryBytes = options.journal.shape.slotBytes
    this.#flushBytes = Math.min(limits.flushBytes, memoryBytes / limits.flushMemoryShare)
    this.#timer = new Timer(() => {
      this.#isDue = true
      options.turn.schedule(this)
    })
    this.#retry = new Timer(() => this.#tryAgain())
  }

  /** The lowest position of the journal whose memory is still needed, or lower; Infinity if none is. */
  get flushFrom(): number {
    let from = Math.min(this.#currentFrom, this.#nextFrom)
    for (const write of this.#writes) {
      from = Math.min(from, write.isCopied ? write.batches.nextPosition : write.from)
    }
    return from
  }

  /** A batch has been appended to the journal. */
  appended(batches: StoredBatches, position: number, bytes: number): void {
    this.#waitingBytes += bytes
    if (!batches.isDirty) this.#add(batches, position)
    if (this.#waitingBytes - this.#bytesUnderWay >= this.#flushBytes) {
      this.#options.turn.schedule(this)
    }
  }

  #add(batches: StoredBatches, position: number): void {
    batches.isDirty = true
    this.#next.push(batches)
    if (position < this.#nextFrom) this.#nextFrom = position
    if (!this.#timer.armed) this.#options.timers.set(this.#timer, limits.flushDelayMs)
  }

  /** Once a turn: writes earlier if the journal's memory is about to be needed, and forgets what has left it. */
  look(): void {
    const { journal, turn } = this.#options
    const { head, shape } = journal
    this.#trim()
    if (this.#hasWork) turn.schedule(this)
    const span = head - this.flushFrom
    // Publishers have been waiting for long, but what they do not append others do: acknowledgements, above all.
    if (this.#stalled.size > 0 && span > (shape.slotBytes / 4) * 3) this.#copyStalled()
  }

  run(): boolean {
    if (!this.#hasWork) return false
    if (this.#current.size === 0) this.#beginRound()
    const batches = this.#current.shift()
    if (this.#current.size === 0) this.#currentFrom = Infinity
    if (batches !== undefined && !batches.isForgotten) this.#write(batches)
    // What is gone need not be written: that may have been what somebody waits for.
    else this.#settle()
    return this.#hasWork
  }

  /** Whether there is something to be written now: if so much is under way already, its end brings us back. */
  get #hasWork(): boolean {
    const isBusy =
      this.#bytesUnderWay >= limits.flushBytesUnderWay ||
      this.#writes.size >= limits.flushesUnderWay
    if (isBusy || this.#failure !== null || this.#stalled.size > 0) return false
    return this.#current.size > 0 || this.#isRoundDue
  }

  get #isRoundDue(): boolean {
    if (this.#next.size === 0) return false
    const { journal } = this.#options
    return (
      this.#isDue ||
      this.#waitingBytes - this.#bytesUnderWay >= this.#flushBytes ||
      journal.head - this.#nextFrom > journal.shape.slotBytes / 4 ||
      this.#demands.some(({ before }) => before > this.#nextFrom)
    )
  }

  #beginRound(): void {
    const next = this.#current
    this.#current = this.#next
    this.#currentFrom = this.#nextFrom
    this.#next = next
    this.#nextFrom = Infinity
    this.#roundEnd = this.#options.journal.head
    this.#isDue = false
    this.#options.timers.clear(this.#timer)
  }

  #write(batches: StoredBatches): void {
    const from = batches.nextPosition
    const bytes = batches.gather(this.#roundEnd, this.#options.turn.clock.wallMs())
    if (bytes === 0) return this.#putBack(batches)
    const write: Write = { batches, from, bytes, isCopied: false }
    this.#writes.add(write)
    this.#bytesUnderWay += bytes
    this.#send(write)
  }

  #send(write: Write): void {
    write.batches.files.log.write().then(
      () => this.#wrote(write),
      (error: unknown) => this.#refused(write, error),
    )
  }

  #wrote(write: Write): void {
    this.#end(write)
    if (!write.batches.isForgotten) this.#flushed(write.batches)
    if (this.#stalled.size === 0) this.#options.onStall(null)
    this.#settle()
    this.#options.onFlush()
    this.#options.turn.schedule(this)
  }

  #flushed(batches: StoredBatches): void {
    this.#waitingBytes -= batches.flushed()
    this.#unsynced.add(batches)
    this.#watch(batches)
    this.#putBack(batches)
  }

  #end(write: Write): void {
    this.#writes.delete(write)
    this.#stalled.delete(write)
    this.#bytesUnderWay -= write.bytes
  }

  /** What of a partition is still to be written belongs to this round or to the next. */
  #putBack(batches: StoredBatches): void {
    batches.isDirty = false
    const position = batches.nextPosition
    if (position === Infinity) return
    if (position >= this.#roundEnd) return this.#add(batches, position)
    batches.isDirty = true
    this.#current.push(batches)
    this.#currentFrom = Math.min(this.#currentFrom, position)
  }

  #refused(write: Write, error: unknown): void {
    if (!isFull(error)) return this.#fail(error)
    this.#stalled.add(write)
    this.#options.onStall(error)
    this.#options.timers.set(this.#retry, limits.flushRetryMs)
  }

  #tryAgain(): void {
    if (this.#failure !== null) return
    for (const write of this.#stalled) {
      this.#stalled.delete(write)
      if (write.batches.isForgotten) this.#end(write)
      else this.#send(write)
    }
    this.#settle()
    this.#options.turn.schedule(this)
  }

  /** The disk is full, and the journal's memory nearly so: from now on what waits for the disk is in memory of its own. */
  #copyStalled(): void {
    this.#roundEnd = this.#options.journal.head
    for (const list of [this.#current, this.#next]) {
      for (let batches = list.shift(); batches !== undefined; batches = list.shift()) {
        if (batches.isForgotten) continue
        const write: Write = { batches, from: batches.nextPosition, bytes: 0, isCopied: false }
        this.#writes.add(write)
        this.#stalled.add(write)
      }
    }
    this.#currentFrom = Infinity
    this.#nextFrom = Infinity
    for (const write of this.#stalled) this.#copy(write)
  }

  #copy(write: Write): void {
    const { batches } = write
    for (;;) {
      const bytes = batches.gather(this.#roundEnd, this.#options.turn.clock.wallMs())
      if (bytes === 0) break
      write.bytes += bytes
      this.#bytesUnderWay += bytes
    }
    batches.files.log.own()
    write.isCopied = true
  }

  #fail(cause: unknown): void {
    if (this.#failure !== null) return
    const error = cause instanceof Error ? cause : new Error(String(cause))
    this.#failure = error
    for (const { reject } of this.#demands.splice(0)) reject(error)
    this.#options.onFailure(error)
  }

  /** All batches before this position of the journal are in files. */
  flushAll(before: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) return reject(this.#failure)
      this.#demands.push({ before, resolve, reject })
      this.#settle()
      this.#options.turn.schedule(this)
    })
  }

  #settle(): void {
    if (this.#demands.length === 0) return
    const from = this.#unwrittenFrom
    for (let i = this.#demands.length - 1; i >= 0; i--) {
      const demand = this.#demands[i] as Demand
      if (demand.before > from) continue
      this.#demands.splice(i, 1)
      demand.resolve()
    }
  }

  /** As flushFrom, of what is in no file. */
  get #unwrittenFrom(): number {
    let from = Math.min(this.#currentFrom, this.#nextFrom)
    for (const write of this.#writes) from = Math.min(from, write.from)
    return from
  }

  /** All batches before this position of the journal are safe in files, and their partitions' state says so. */
  syncAll(before: number): Promise<void> {
    // One after the other: who finds nothing left to be synced must not be told so before it is.
    const sync = this.#lastSync.then(() => this.#syncAll(before))
    this.#lastSync = sync.catch(() => {})
    return sync
  }

  async #syncAll(before: number): Promise<void> {
    await this.flushAll(before)
    const unsynced = [...this.#unsynced]
    for (let from = 0; from < unsynced.length; from += limits.flushesUnderWay) {
      const some = unsynced.slice(from, from + limits.flushesUnderWay)
      await Promise.all(some.map((batches) => this.#sync(batches)))
    }
  }

  async #sync(batches: StoredBatches): Promise<void> {
    if (!this.#unsynced.delete(batches) || batches.isForgotten) return
    try {
      await batches.files.log.sync()
    } catch (error) {
      // Whether the disk is full or broken: nobody knows what of it has arrived, and asking again would be answered with yes.
      this.#fail(error)
      throw error
    }
  }

  /** The partition has been written by somebody else, and is not safe. */
  addUnsynced(batches: StoredBatches): void {
    this.#unsynced.add(batches)
  }

  /** The partition is gone. What is being written of it is written in vain. */
  forget(batches: StoredBatches): void {
    this.#waitingBytes -= batches.unflushedBytes
    batches.unflushedBytes = 0
    this.#unsynced.delete(batches)
    for (const write of this.#stalled) if (write.batches === batches) this.#end(write)
    // It is struck off the lists as they are worked through.
    this.#isDue = true
    this.#options.turn.schedule(this)
  }

  #watch(batches: StoredBatches): void {
    if (batches.isWatched) return
    const position = batches.trim(0)
    if (position === Infinity) return
    batches.isWatched = true
    this.#watched.push({ batches, position })
  }

  #trim(): void {
    const { journal } = this.#options
    for (let left = limits.releasesPerRun; left > 0;) {
      const first = this.#watched.peek()
      if (first === undefined || journal.has(first.position)) return
      this.#watched.shift()
      const { batches } = first
      const before = batches.partition.batches.count
      const position = batches.trim(left)
      left -= before - batches.partition.batches.count + 1
      batches.isWatched = position !== Infinity
      // What is still needed although it has left is looked at again when as much has been appended once more.
      const isStuck = position === first.position
      if (batches.isWatched)
        this.#watched.push({ batches, position: isStuck ? journal.head : position })
    }
  }
}

function isFull(error: unknown): error is DiskError {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC'
}
