import type { Logger } from '../../base/log.ts'
import type { Timers } from '../../base/timers.ts'
import type { Turn } from '../../base/turn.ts'
import type { DiskError } from '../../storage/disk.ts'
import type { Journal } from '../../storage/journal/journal.ts'
import type { SegmentFiles } from '../../storage/segments/segment-files.ts'
import { limits } from '../limits.ts'
import { RecordKind } from '../record-kind.ts'
import type { BrokenBatch } from './batch-page.ts'
import { BatchPages } from './batch-pages.ts'
import { Flusher } from './flusher.ts'
import type { Partition } from './partition.ts'
import { decodePartition, encodeGone, encodePartition } from './partition-state.ts'
import { StoredBatches } from './stored-batches.ts'

export interface StreamStoreOptions {
  readonly journal: Journal
  readonly segments: SegmentFiles
  readonly turn: Turn
  readonly timers: Timers
  readonly logger: Logger
  /** Of pages read back. */
  readonly pageBytesMax?: number
  /** Numbers below this one name something, or did: no partition may be given one of them. */
  readonly idsTaken: (next: number) => void
  /** The disk is full, or (null) no longer. */
  readonly onStall: (error: DiskError | null) => void
  /** A write or a sync failed for good. */
  readonly onFailure: (error: Error) => void
}

/** A record of the journal that is about a partition. */
export interface ReplayedRecord {
  readonly kind: number
  readonly buffer: Buffer
  readonly offset: number
  readonly length: number
  targetId(index: number): number
  targetSequence(index: number): number
}

/**
 * All partitions that are kept on the disk: what they share, and how they come back after a stop.
 *
 * At a start: restoreEntry() with what the snapshot has, settle(), replay() with what the journal has and settle() again before the
 * bytes of those records go, finishRestore() at the end; then flush(), after which entries() says what is on the disk, and started().
 * It knows partitions by number only. Invariant: a number names one partition for ever.
 */
export class StreamStore {
  readonly journal: Journal
  readonly segments: SegmentFiles
  readonly flusher: Flusher
  readonly pages: BatchPages
  readonly #options: StreamStoreOptions
  readonly #partitions = new Map<number, StoredBatches>()
  /** Deleted partitions whose files may still be there. */
  readonly #gone = new Set<number>()
  /** Partitions of a snapshot that does not say of which stream. */
  readonly #unclaimed = new Set<number>()
  /** Partitions of which something was replayed and is not written yet. */
  readonly #replayed = new Set<StoredBatches>()
  /** Partitions of a snapshot whose files have yet to be looked at. */
  readonly #restored = new Set<StoredBatches>()
  isStarted: boolean = false

  constructor(options: StreamStoreOptions) {
    const { journal, segments, turn, timers, logger, pageBytesMax } = options
    this.#options = options
    this.journal = journal
    this.segments = segments
    this.pages = new BatchPages({
      turn,
      timers,
      logger,
      ...(pageBytesMax !== undefined && { bytesMax: pageBytesMax }),
    })
    this.flusher = new Flusher({
      journal,
      turn,
      timers,
      onFlush: () => this.pages.startSome(),
      onStall: options.onStall,
      onFailure: options.onFailure,
    })
  }

  /** Of the largest batch that the journal takes. */
  get batchBytesMax(): number {
    const { slotBytes } = this.journal.shape
    // The largest message, with what a record has besides.
    return slotBytes / 4 + slotBytes / 64
  }

  /** The lowest position of the journal whose memory is still needed. */
  get flushFrom(): number {
    return this.flusher.flushFrom
  }

  get logger(): Logger {
    return this.#options.logger
  }

  wallMs(): number {
    return this.#options.turn.clock.wallMs()
  }

  /** A partition is there: created, or restored. */
  open(id: number, partition: Partition): StoredBatches {
    const batches = new StoredBatches(id, partition, this)
    this.#partitions.set(id, batches)
    return batches
  }

  /** Once a turn, before its batch is sealed. */
  beforeTurnEnds(): void {
    this.flusher.look()
  }

  /** A partition is deleted. Until its files are gone too, snapshots remember that they are to go. */
  forget({ id }: StoredBatches): void {
    this.#partitions.delete(id)
    this.#gone.add(id)
  }

  /** Removes what a deleted partition had; at a start not before a snapshot that is safe does without it. */
  removeFiles({ id, files }: StoredBatches): void {
    if (this.isStarted) this.#remove(id, files)
  }

  #remove(id: number, files = this.segments.open(id, nothingKept)): void {
    this.segments.remove(files).then(
      () => this.#gone.delete(id),
      (error: unknown) => {
        // Snapshots go on saying that it is to go: the next start tries again.
        this.#options.logger.warn(
          `files of a deleted stream could not be removed: ${String(error)}`,
          {
            folder: files.log.folder,
          },
        )
      },
    )
  }

  // ---- from one start to the next ----

  /** What a snapshot has of each partition. `isClean`: nothing is appended any more, and all of it is safe. */
  *entries({ isClean }: { readonly isClean: boolean }): Iterable<Buffer> {
    for (const batches of this.#partitions.values()) {
      if (batches.hasFiles) yield encodePartition({ state: batches.state(), isClean })
    }
    for (const id of this.#gone) yield encodeGone(id)
  }

  restoreEntry(payload: Buffer): void {
    const entry = decodePartition(payload)
    if ('goneId' in entry) {
      this.#gone.add(entry.goneId)
      return
    }
    const { state, isClean } = entry
    const batches = this.#partitions.get(state.id)
    if (batches === undefined) {
      this.#unclaimed.add(state.id)
      return
    }
    const { durability } = batches.partition.config
    // A reader may have seen records of a tail that only the system had; what takes their offsets is of another epoch.
    const mayBeCut = !isClean && durability === 'os'
    batches.restore(mayBeCut ? { ...state, leaderEpoch: state.leaderEpoch + 1 } : state)
    this.#restored.add(batches)
  }

  /** A record batch, or where a partition's log starts. Its bytes must stay until settle(). */
  replay(record: ReplayedRecord): void {
    const batches = this.#partitions.get(record.targetId(0))
    if (batches === undefined) return
    const number = record.targetSequence(0)
    if (record.kind === RecordKind.logStart) {
      batches.partition.replayedLogStart(number)
      return
    }
    const { buffer, offset, length } = record
    batches.replay(number, { buffer, start: offset, end: offset + length })
    this.#replayed.add(batches)
  }

  /** What the journal had of a partition is not to be trusted. */
  damaged(id: number, { file, at, reason }: BrokenBatch): void {
    this.#partitions.get(id)?.journalBroke({ file, at, reason })
  }

  /** What was restored is looked at, what was replayed is written: then the bytes that replay() was given are not needed any more. */
  async settle(): Promise<void> {
    // Before anything is added to them.
    await this.#forEach(this.#restored, async ({ files }) => void (await files.recovery.look()))
    this.#restored.clear()
    await this.#forEach(this.#replayed, (batches) => batches.writeReplayed())
    this.#replayed.clear()
  }

  /** All has been restored and replayed. */
  async finishRestore(): Promise<void> {
    await this.settle()
    await this.#forEach(this.#partitions.values(), (batches) => this.#finish(batches))
    this.#forgetUnclaimed()
    await this.#lookForOthers()
  }

  /** Of a virtual host that was deleted shortly before the snapshot: its partitions were still to be deleted one by one. */
  #forgetUnclaimed(): void {
    for (const id of this.#unclaimed) if (!this.#partitions.has(id)) this.#gone.add(id)
    this.#unclaimed.clear()
  }

  /** What was restored is safe in a new snapshot: things are served, and go, from now on. */
  started(): void {
    this.isStarted = true
    for (const id of this.#gone) this.#remove(id)
    for (const batches of this.#partitions.values()) {
      if (batches.hasFiles) batches.removePast()
    }
  }

  /** Nothing goes any more: what the last snapshot says stays so. */
  closing(): void {
    this.isStarted = false
  }

  async #finish(batches: StoredBatches): Promise<void> {
    if (!batches.hasFiles) return
    const { partition } = batches
    const damage = await batches.files.recovery.finish(partition.logStart)
    if (damage !== null) partition.stop(damage)
    // An offset that was given is not given again, whatever has become of its record.
    if (partition.logStart > partition.logEnd) batches.skipTo(partition.logStart)
    partition.restored(batches.files.log.bytes)
    this.flusher.addUnsynced(batches)
  }

  /** Folders of partitions that nobody knows: created, but never safe, or left behind. Their numbers are not given again. */
  async #lookForOthers(): Promise<void> {
    const known = (id: number): boolean => this.#partitions.has(id) || this.#gone.has(id)
    const unknown = (await this.segments.ids()).filter((id) => !known(id))
    if (unknown.length === 0) return
    this.#options.idsTaken(Math.max(...unknown) + 1)
    this.#options.logger.warn(
      'there are folders of streams that do not exist; they are left alone',
      {
        folders: unknown
          .slice(0, 5)
          .map((id) => `streams/${id}`)
          .join(' '),
        count: unknown.length,
      },
    )
  }

  /** Some at a time: each waits for the disk. */
  async #forEach<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
    let some: Promise<void>[] = []
    for (const item of items) {
      some.push(work(item))
      if (some.length < limits.flushesUnderWay) continue
      await Promise.all(some)
      some = []
    }
    await Promise.all(some)
  }

  /** All that the journal before the position had of streams is in their own files, and safe. */
  flush(position: number): Promise<void> {
    return this.flusher.syncAll(position)
  }
}

const nothingKept = { segmentBytes: 0, segmentMs: 0 }
