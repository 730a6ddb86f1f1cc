import { assert } from '../../base/assert.ts'
import type { Logger } from '../../base/log.ts'
import type { Disk } from '../disk.ts'
import { BatchHeader } from './batch-header.ts'
import { partitionFolder, segmentFile, SegmentPart, STREAMS_FOLDER } from './segment-file.ts'
import { Segment, type SegmentConfig, type SegmentState } from './segment.ts'
import { SegmentWrite } from './segment-write.ts'
import type { SharedMemory } from './shared-memory.ts'

/** What the segments of all partitions share. */
export interface SegmentContext {
  readonly disk: Disk
  readonly memory: SharedMemory
  readonly logger: Logger
  /** Told when a write begins and ends, and whether it makes a new segment. */
  readonly onPhase: PhaseListener | null
}

export type PhaseListener = (phase: 'segment-flush' | 'roll', edge: 'begin' | 'end') => void

/** Segments as a power cut would leave them; plain data. */
export interface SegmentsState {
  /** In order; a new batch is added to the last one. */
  readonly segments: readonly SegmentState[]
  /** Of the next batch; the end of the last segment, if there is one. */
  readonly nextOffset: number
}

const noSegments: readonly SegmentState[] = []

/**
 * The segments of one partition: batches are added at the end, whole segments are removed at the start.
 *
 * A batch is added in memory, at once; write() brings what was added to the files, sync() makes it safe. Reading is
 * SegmentReader's, beginning again after a stop SegmentRecovery's. It does not know which offsets are promised to whom, and retries nothing.
 * Invariant: the segments follow each other without a gap, but for one that skipTo() made; only the last one is open, and what is synced is written.
 */
export class SegmentLog {
  readonly folder: string
  readonly config: SegmentConfig
  readonly context: SegmentContext
  segments: Segment[] = []
  nextOffset: number = 0
  readonly #header = new BatchHeader()
  /** What was added and has not reached its file. */
  #pending: SegmentWrite[] = []
  #isWriting: boolean = false
  /** Segments of which something may not be safe yet. */
  readonly #unsynced = new Set<Segment>()
  #hasFolder: boolean = false
  #isFolderSynced: boolean = false
  /** Files were made since the folder was synced. */
  #hasNewFiles: boolean = false
  /** As `nextOffset`, of what is written and of what is synced. */
  #writtenTo: number = 0
  #syncedTo: number = 0

  constructor(id: number, config: SegmentConfig, context: SegmentContext) {
    this.folder = partitionFolder(id)
    this.config = config
    this.context = context
  }

  /** Of all batches. */
  get bytes(): number {
    let bytes = 0
    for (const segment of this.segments) bytes += segment.bytes
    return bytes
  }

  /** Up to where batches are in the files; whether they are safe there is another matter. */
  get writtenTo(): number {
    return this.#writtenTo
  }

  get hasPending(): boolean {
    return this.#pending.length > 0
  }

  get needsSync(): boolean {
    return this.#unsynced.size > 0
  }

  /** Adds the batch [start, end), whose bytes must stay until write() is done. */
  add(buffer: Buffer, start: number, end: number, nowMs: number): void {
    assert(!this.#isWriting, 'nothing is added while earlier batches are being written')
    const header = this.#header
    assert(header.read(buffer, start) && header.bytes === end - start, 'what is added is one batch')
    assert(header.baseOffset === this.nextOffset, 'batches follow each other')
    let segment = this.#open()
    if (segment.isFullFor(header, this.config, nowMs)) {
      this.roll()
      segment = this.#open()
    }
    const write = this.#pendingOf(segment)
    write.add(buffer, start, end)
    segment.add(header, write, nowMs)
    this.nextOffset = segment.nextOffset
  }

  /** What is added next begins a new segment. */
  roll(): void {
    const last = this.segments[this.segments.length - 1]
    if (last === undefined || last.isClosed) return
    last.close(this.#pendingOf(last))
  }

  /** Segments that end at or before `offset` are about to be removed: nothing is added to the last of them any more. */
  closeBefore(offset: number): void {
    const last = this.segments[this.segments.length - 1]
    if (last !== undefined && last.nextOffset <= offset) last.isClosed = true
  }

  /** The batches up to `offset` are missing: what follows begins a segment of its own. */
  skipTo(offset: number): void {
    this.roll()
    this.nextOffset = offset
  }

  #open(): Segment {
    const last = this.segments[this.segments.length - 1]
    if (last !== undefined && !last.isClosed) return last
    const segment = new Segment(this.nextOffset)
    this.segments.push(segment)
    return segment
  }

  #pendingOf(segment: Segment): SegmentWrite {
    const last = this.#pending[this.#pending.length - 1]
    if (last?.segment === segment) return last
    last?.finish()
    const write = new SegmentWrite(segment, this.context.memory)
    this.#pending.push(write)
    return write
  }

  /**
   * Brings what was added to the files. Rejects with the DiskError of the first write that failed: then nothing counts as written,
   * and to call it again writes the same bytes to the same places.
   */
  async write(): Promise<void> {
    assert(!this.#isWriting, 'one write at a time')
    if (this.#pending.length === 0) return
    const { onPhase } = this.context
    const phase = this.#pending.length > 1 ? 'roll' : 'segment-flush'
    this.#isWriting = true
    onPhase?.(phase, 'begin')
    try {
      await this.#writePending()
    } finally {
      this.#isWriting = false
      onPhase?.(phase, 'end')
    }
  }

  async #writePending(): Promise<void> {
    const { disk } = this.context
    const pending = this.#pending
    const states = pending.map(({ segment }) => segment.state())
    const writtenTo = this.nextOffset
    const operations: Promise<void>[] = []
    if (!this.#hasFolder) operations.push(disk.makeFolder(this.folder))
    for (const write of pending) this.#writeFiles(write, operations)
    // All of them, failed or not: their bytes are not to be let go of before.
    const outcomes = await Promise.allSettled(operations)
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    this.#hasFolder = true
    for (const [index, { segment }] of pending.entries()) {
      segment.written = states[index] as SegmentState
      if (!segment.isRemoved) this.#unsynced.add(segment)
    }
    this.#writtenTo = writtenTo
    this.discard()
  }

  #writeFiles(write: SegmentWrite, operations: Promise<void>[]): void {
    const { segment, places, times } = write
    const { disk } = this.context
    write.finish()
    this.#hasNewFiles ||=
      write.at === 0 ||
      (places.bytes > 0 && write.placesAt === 0) ||
      (times.bytes > 0 && write.timesAt === 0)
    if (write.bytes > 0)
      operations.push(disk.write(this.#file(segment, SegmentPart.log), write.at, write.pieces))
    if (places.bytes > 0) {
      const file = this.#file(segment, SegmentPart.index)
      operations.push(disk.write(file, write.placesAt, [places.written]))
    }
    if (times.bytes > 0) {
      const file = this.#file(segment, SegmentPart.timeIndex)
      operations.push(disk.write(file, write.timesAt, [times.written]))
    }
  }

  #file(segment: Segment, part: SegmentPart): string {
    return segmentFile(this.folder, segment.base, part)
  }

  /** After a write that failed: the bytes of what was added need not stay any longer. */
  own(): void {
    assert(!this.#isWriting, 'what is being written is read where it is')
    for (const write of this.#pending) write.own()
  }

  /** Lets go of what was added and not written: it is written, or nobody wants it any more. */
  discard(): void {
    for (const write of this.#pending) write.release()
    this.#pending = []
  }

  /** Makes safe what has been written so far; state() speaks of it from then on. Rejects with a DiskError. */
  async sync(): Promise<void> {
    const { disk } = this.context
    const segments = [...this.#unsynced]
    const states = segments.map(({ written }) => written as SegmentState)
    const syncedTo = this.#writtenTo
    const isFolderSynced = this.#hasFolder
    const hadNewFiles = this.#hasNewFiles
    // Asked for in one go, so that no removal comes in between; and the disk keeps the order.
    const operations = segments.flatMap((segment) => this.#syncFiles(segment))
    if (hadNewFiles) operations.push(disk.syncFolder(this.folder))
    if (isFolderSynced && !this.#isFolderSynced) operations.push(disk.syncFolder(STREAMS_FOLDER))
    this.#hasNewFiles = false
    await Promise.all(operations)
    this.#isFolderSynced ||= isFolderSynced
    for (const [index, segment] of segments.entries()) {
      segment.synced = states[index] as SegmentState
      if (segment.written === segment.synced) this.#unsynced.delete(segment)
    }
    this.#syncedTo = Math.max(this.#syncedTo, syncedTo)
  }

  #syncFiles(segment: Segment): Promise<void>[] {
    const { disk } = this.context
    const { written, synced } = segment
    const operations: Promise<void>[] = []
    if (written === null) return operations
    const isLonger = (count: 'bytes' | 'indexEntries' | 'timeEntries'): boolean =>
      written[count] > (synced?.[count] ?? 0)
    if (isLonger('bytes')) operations.push(disk.sync(this.#file(segment, SegmentPart.log)))
    if (isLonger('indexEntries')) operations.push(disk.sync(this.#file(segment, SegmentPart.index)))
    if (isLonger('timeEntries'))
      operations.push(disk.sync(this.#file(segment, SegmentPart.timeIndex)))
    return operations
  }

  /** What a power cut leaves, at least. */
  state(): SegmentsState {
    const segments: SegmentState[] = []
    for (const { synced } of this.segments) if (synced !== null) segments.push(synced)
    return { segments: segments.length === 0 ? noSegments : segments, nextOffset: this.#syncedTo }
  }

  /** The segment that has the batch with this offset, if any has. */
  find(offset: number): Segment | undefined {
    const { segments } = this
    let low = 0
    let high = segments.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((segments[middle] as Segment).base <= offset) low = middle + 1
      else high = middle
    }
    const segment = segments[low - 1]
    return segment !== undefined && offset < segment.nextOffset ? segment : undefined
  }

  /** Removes the segments all of which lies before `offset`, files and all. */
  removeBefore(offset: number): Promise<void> {
    return this.removeFiles(this.dropBefore(offset))
  }

  /** The same segments are no part of it any more; returns the names of their files, which are still there. */
  dropBefore(offset: number): string[] {
    const names: string[] = []
    for (;;) {
      const segment = this.segments[0]
      if (segment === undefined || !segment.isClosed || segment.nextOffset > offset) return names
      this.segments.shift()
      this.#unsynced.delete(segment)
      segment.isRemoved = true
      for (const part of Object.values(SegmentPart)) names.push(this.#file(segment, part))
    }
  }

  async removeFiles(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    const { disk } = this.context
    // Asked for in one go: the disk keeps the order.
    const operations = names.map((name) => disk.remove(name))
    operations.push(disk.syncFolder(this.folder))
    await Promise.all(operations)
  }

  /** Begins with what a snapshot has. Whether the files are as it says, SegmentRecovery sees to. */
  restore({ segments, nextOffset }: SegmentsState): void {
    assert(this.segments.length === 0 && this.nextOffset === 0, 'what is restored was empty')
    this.segments = segments.map((state) => Segment.restore(state))
    for (const segment of this.segments.slice(0, -1)) segment.isClosed = true
    this.nextOffset = nextOffset
    this.#writtenTo = nextOffset
    this.#syncedTo = nextOffset
    // The folder may be gone: the journal may yet say that the partition is deleted, whose files had been removed by then.
    this.#hasFolder = false
    this.#isFolderSynced = false
  }
}
