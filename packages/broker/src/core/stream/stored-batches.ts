import type { Journal } from '../../storage/journal/journal.ts'
import type { PartitionFiles } from '../../storage/segments/segment-files.ts'
import type { BatchPlace, RawPage } from '../../storage/segments/batch-reader.ts'
import { limits } from '../limits.ts'
import { RecordKind } from '../record-kind.ts'
import { BatchCursor } from './batch-index.ts'
import type { BatchPage, BrokenBatch } from './batch-page.ts'
import { isDamage, isGone, type PageLoad, type PageOwner } from './batch-pages.ts'
import type { Partition } from './partition.ts'
import type { PartitionState } from './partition-state.ts'
import { Seek, type ReadPlace } from './read-place.ts'
import type { StreamStore } from './stream-store.ts'

/**
 * Where the batches of a partition are that is kept on the disk: each goes into the journal first, and from the journal's memory
 * into a file, before that memory is used again. Readers find the newest in memory, by the partition's index, and the
 * others in pages read back from the files.
 *
 * It gives no offsets and knows no readers' limits. Invariant: flushedTo <= gatheredTo <= the log's end; what is before
 * `flushedTo` is in the files, what is behind it in the journal, and in its memory unless the disk is full.
 */
export class StoredBatches implements PageOwner {
  readonly id: number
  readonly partition: Partition
  readonly pages: BatchPage[] = []
  readonly loads: PageLoad[] = []
  flushedTo: number = 0
  /** Batches before it have been handed to the files. */
  gatheredTo: number = 0
  /** Of batches that are in no file yet. */
  unflushedBytes: number = 0
  /** Whether the flusher knows of batches to be written. */
  isDirty: boolean = false
  /** Whether the flusher looks when batches leave the journal's memory. */
  isWatched: boolean = false
  /** The partition is deleted, and nobody reads it any more. */
  isForgotten: boolean = false
  readonly journal: Journal
  readonly #store: StreamStore
  #files: PartitionFiles | null = null
  #gatheredBytes: number = 0
  /** Kept from start to start: the journal, in which it was, is not. */
  #journalDamage: BrokenBatch | null = null
  readonly #cursor = new BatchCursor()

  constructor(id: number, partition: Partition, store: StreamStore) {
    this.id = id
    this.partition = partition
    this.#store = store
    this.journal = store.journal
  }

  /** Made when they are first needed: most of very many partitions have none. */
  get files(): PartitionFiles {
    return (this.#files ??= this.#store.segments.open(this.id, this.partition.config))
  }

  get leaderEpoch(): number {
    return this.partition.leaderEpoch
  }

  get hasFiles(): boolean {
    return this.#files !== null
  }

  /** Whether things go by now, or are still being restored. */
  get isStarted(): boolean {
    return this.#store.isStarted
  }

  /** All before this position in the journal is as safe as was promised. */
  get safePosition(): number {
    const { journal } = this
    return this.partition.config.durability === 'sync' ? journal.synced : journal.written
  }

  /** Makes room in the journal for the partition's next batch; `journal.buffer` and `offset` say where. */
  reserve(bytes: number): number {
    const position = this.journal.reserve(RecordKind.recordBatch, 1, bytes)
    this.journal.setTarget(0, this.id, this.partition.logEnd)
    return position
  }

  /** The batch is complete. */
  appended(position: number, bytes: number): void {
    this.journal.finish()
    this.unflushedBytes += bytes
    this.#store.flusher.appended(this, position, bytes)
  }

  /** As Partition.seek. */
  seek(place: ReadPlace, offset: number): Seek {
    const isIndexed = this.partition.batches.seek(place.cursor, offset)
    if (isIndexed && this.journal.has(place.cursor.position)) return place.inLog(this.journal)
    const page = this.#store.pages.find(this, offset)
    if (page === null) return Seek.onDisk
    page.seek(place.cursor, offset)
    return place.inPage(page)
  }

  /** As Partition.load. */
  load(offset: number): PageLoad {
    return this.#store.pages.load(this, offset)
  }

  isOnDiskOnly(offset: number): boolean {
    if (offset >= this.flushedTo) return false
    const cursor = this.#cursor
    const isIndexed = this.partition.batches.seek(cursor, offset)
    return !isIndexed || !this.journal.has(cursor.position)
  }

  keeps(offset: number): boolean {
    return !this.isForgotten && offset >= this.partition.logStart
  }

  read(offset: number, hint: BatchPlace | null): Promise<RawPage> {
    return this.files.reader.readPage(offset, hint)
  }

  /** As SegmentReader.seekTime. */
  seekTime(offset: number, timestamp: number): Promise<number> {
    return this.files.reader.seekTime(offset, timestamp)
  }

  /** By its base offset, the file that has this offset; -1 if none has. */
  fileOf(offset: number): number {
    return this.#files?.log.find(offset)?.base ?? -1
  }

  /** The greatest time of what is in files; -1 without any. */
  get newestMs(): number {
    let newestMs = -1
    for (const segment of this.#files?.log.segments ?? []) {
      newestMs = Math.max(newestMs, segment.newestMs)
    }
    return newestMs
  }

  release(raw: RawPage): void {
    this.files.reader.release(raw)
  }

  broke(batch: BrokenBatch): void {
    // Of a deleted one the files are gone, or going.
    if (!this.partition.deleted) this.partition.stop(batch)
  }

  /** Something could not be looked up in the files. */
  readFailed(error: unknown): void {
    if (isDamage(error)) this.broke(error)
    else if (!isGone(error)) this.warn(`looking something up in a file failed: ${String(error)}`)
  }

  /** The partition has stopped: whoever waits for a page finds out. */
  stopped({ file, at, reason }: BrokenBatch): void {
    this.#store.logger.error(
      `a partition has stopped, all others go on: ${file} is damaged at byte ${at}: ${reason}. ` +
        'polymq repair --dry-run says what would be lost',
      { file, at, partition: this.id },
    )
    this.#store.pages.dropBefore(this, Infinity)
  }

  warn(message: string): void {
    this.#store.logger.warn(message, { partition: this.id })
  }

  // ---- from the journal into the files ----

  /** Where in the journal the first batch is that was not handed to the files; Infinity if there is none. */
  get nextPosition(): number {
    const cursor = this.#cursor
    if (this.gatheredTo >= this.partition.logEnd) return Infinity
    return this.partition.batches.seek(cursor, this.gatheredTo) ? cursor.position : Infinity
  }

  /** Hands batches before `position` of the journal to the files, a bounded number; returns their bytes. */
  gather(position: number, nowMs: number): number {
    const cursor = this.#cursor
    const { journal } = this
    let bytes = 0
    if (this.nextPosition >= position) return 0
    const { log } = this.files
    for (let left = limits.flushBatchesPerWrite; left > 0; left--) {
      if (bytes > 0 && bytes + cursor.bytes > limits.flushBytesPerWrite) break
      journal.locate(cursor.position)
      const { offset, length } = journal
      log.add(journal.buffer, offset, offset + length, nowMs)
      bytes += length
      if (!cursor.next() || cursor.position >= position) break
    }
    this.gatheredTo = log.nextOffset
    this.#gatheredBytes += bytes
    return bytes
  }

  /** What was gathered is in the files; returns how many bytes that was. */
  flushed(): number {
    const bytes = this.#gatheredBytes
    this.#gatheredBytes = 0
    this.unflushedBytes -= bytes
    this.flushedTo = this.gatheredTo
    // What is in files may go.
    this.partition.checkSize()
    return bytes
  }

  /**
   * Forgets where in the journal's memory batches were that are no longer there, at most so many. Returns where the first one is that it
   * still knows; Infinity if there is none.
   */
  trim(batchesMax: number): number {
    const { batches, highWatermark } = this.partition
    const cursor = this.#cursor
    for (let left = batchesMax; batches.first(cursor); left--) {
      const { position, baseOffset } = cursor
      const isNeeded = baseOffset >= this.flushedTo || baseOffset >= highWatermark
      if (left === 0 || isNeeded || this.journal.has(position)) return position
      batches.shift()
    }
    return Infinity
  }

  // ---- what is gone ----

  /** Writes down that records before `offset` are gone. */
  journalLogStart(offset: number): void {
    const { journal } = this
    journal.reserve(RecordKind.logStart, 1, 0)
    journal.setTarget(0, this.id, offset)
    journal.finish()
  }

  /** Of the files all of which lies before `offset`. */
  bytesBefore(offset: number): number {
    let bytes = 0
    for (const segment of this.files.log.segments) {
      if (segment.nextOffset > offset) break
      bytes += segment.bytes
    }
    return bytes
  }

  /** Removes the files of which nothing is left; rejects if the system does not. */
  async removeBefore(offset: number): Promise<void> {
    this.#store.pages.dropBefore(this, offset)
    await this.files.log.removeBefore(offset)
  }

  /** Files of what was gone before the last stop go, now that a snapshot says so. */
  removePast(): void {
    this.files.recovery.removePast().catch((error: unknown) => {
      // They are in nobody's way but the disk's, and the next start tries again.
      this.warn(`files that are kept no longer could not be removed: ${String(error)}`)
    })
  }

  /** The partition is deleted; who is reading may go on. */
  deleted(): void {
    this.#store.forget(this)
  }

  /** Nobody reads it any more, and nothing is written. */
  forget(): void {
    if (this.isForgotten) return
    this.isForgotten = true
    this.#store.flusher.forget(this)
    this.#store.pages.dropBefore(this, Infinity)
  }

  /** The partition's deletion is safe, and nobody reads it any more. */
  removeFiles(): void {
    this.#store.removeFiles(this)
  }

  // ---- from one start to the next ----

  /** What a snapshot has of it: as of what is synced in the files, the rest is in the journal still. */
  state(): PartitionState {
    const { partition } = this
    const segments = this.#files?.log.state() ?? { segments: [], nextOffset: 0 }
    return {
      id: this.id,
      leaderEpoch: partition.leaderEpoch,
      logStart: partition.logStart,
      hasZstd: partition.hasZstd,
      segments,
      producers: [...partition.producers.state(segments.nextOffset)],
      damage: this.#journalDamage,
    }
  }

  restore(state: PartitionState): void {
    const { log } = this.files
    log.restore(state.segments)
    this.gatheredTo = log.nextOffset
    this.flushedTo = log.nextOffset
    this.partition.restore(state)
    if (state.damage !== null) this.journalBroke(state.damage)
  }

  /** What the journal had of it is not to be trusted. */
  journalBroke(damage: BrokenBatch): void {
    this.#journalDamage ??= damage
    this.partition.stop(damage)
  }

  /** Adds a batch of the journal again, if it is the next one; its bytes must stay until the files are written. */
  replay(baseOffset: number, bytes: { buffer: Buffer; start: number; end: number }): void {
    const { damaged, logEnd } = this.partition
    // Behind what is damaged nothing can be read, but it is kept for whoever repairs it.
    if (damaged !== null && baseOffset > logEnd) this.skipTo(baseOffset)
    else if (baseOffset !== logEnd) return
    const { buffer, start, end } = bytes
    this.files.log.add(buffer, start, end, this.#store.wallMs())
    this.partition.replayed(buffer, start)
    this.gatheredTo = this.partition.logEnd
  }

  /** What lies between is not there any more. */
  skipTo(offset: number): void {
    this.files.log.skipTo(offset)
    this.partition.logEnd = offset
    this.gatheredTo = offset
    this.flushedTo = offset
  }

  /** What was replayed goes into the files. */
  async writeReplayed(): Promise<void> {
    await this.files.log.write()
    this.flushedTo = this.gatheredTo
  }
}
