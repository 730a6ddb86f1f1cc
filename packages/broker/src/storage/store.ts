import { assert } from '../base/assert.ts'
import type { Logger } from '../base/log.ts'
import { Timer, type Timers } from '../base/timers.ts'
import { Cut, type CutQueue } from './cut.ts'
import { DiskError, type Checksum, type Disk, type JournalShape } from './disk.ts'
import { Journal, type JournalOwner } from './journal/journal.ts'
import {
  scanJournal,
  type DamagedRecords,
  type JournalDamage,
  type ScannedRecord,
} from './journal/scan.ts'
import { keepFile } from './keep/chunk.ts'
import { KeepFiles } from './keep/keep-files.ts'
import type { ChunkLimits } from './keep/keep-writer.ts'
import { PageReader } from './keep/page-reader.ts'
import {
  newPiece,
  readSnapshot,
  SnapshotWriter,
  SNAPSHOT_FILE,
  type Snapshot,
  StoreShapeError,
  type SnapshotEntry,
} from './snapshot.ts'
import { StoreDamage } from './store-damage.ts'
import { storageLimits } from './limits.ts'

/** What the store moves and keeps, and who is told when it fails: the core. */
export interface StoreOwner {
  /** An entry of the snapshot, in the order in which they were given. */
  restoreEntry(entry: SnapshotEntry): void
  /** A record of the journal that the snapshot may or may not have; in order. */
  replay(record: ScannedRecord): void
  /** The bytes of the records replayed so far are going to be overwritten. */
  settleReplay(): Promise<void>
  /** A record that may have been confirmed and is not to be trusted. Throws if the broker cannot do without it. */
  damaged(record: ScannedRecord, damage: StoreDamage): void
  /** All has been read. What the core must look up in keep files to know what it has, it looks up now. */
  finishRestore(): Promise<void>
  /** All queues with anything on the disk; they may come and go while it is looked through. */
  queuesOfStore(): Iterable<CutQueue>
  /** Everything that the journal before `position` had of streams is in their own files, and safe. */
  flushStreams(position: number): Promise<void>
  /** All that has to be known at the next start; object by object, each as it is when it is asked for. */
  entries(options: { readonly isClean: boolean }): Iterable<SnapshotEntry>
  journalProgressed(): void
  journalFullChanged(): void
  /** The disk is full, or (null) no longer. */
  stalled(what: Stalled, error: DiskError | null): void
  /** Nothing more will be kept. */
  failed(error: Error): void
}

/** What waits for room on the disk; each by itself. */
export type Stalled = 'journal' | 'cut' | 'streams'

/** What a long piece of work does, for tests that stop it there. */
export type Phase = 'recovery' | 'cut' | 'keep-write' | 'segment-flush' | 'snapshot' | 'roll'

export interface StoreOptions {
  readonly disk: Disk
  readonly shape: JournalShape
  readonly checksum: Checksum
  readonly chunk: ChunkLimits
  readonly timers: Timers
  readonly logger: Logger
  /** A number below 2^48 for a new data directory. */
  readonly newStoreId: () => number
  /** Waits until others have had their turn. */
  readonly pause: () => Promise<void>
  readonly onPhase?: (phase: Phase, edge: 'begin' | 'end') => void
}

/**
 * A data directory: the journal, the keep files, and the snapshot that says what of them counts. It knows records and files, and nothing
 * of what they mean; the core tells it what is still wanted.
 *
 * Order of a cut: keep file synced → directory synced → snapshot synced and renamed → directory synced → journal part free → dead files removed.
 * Invariant: what any snapshot on the disk names is there, and what the journal lets go of is in a file that a snapshot names.
 */
export class Store implements JournalOwner {
  readonly journal: Journal
  readonly keep: KeepFiles = new KeepFiles(1)
  reader: PageReader
  readonly #options: StoreOptions
  #owner: StoreOwner | null = null
  #store: number = 0
  #theCutter: Cut | null = null
  /** Snapshots are gathered in it. */
  #piece: Buffer | null = null
  /** A cut or a snapshot under way. */
  #work: Promise<void> | null = null
  #isClosing: boolean = false
  #failure: Error | null = null
  /** Whoever waits for the journal to get further: the work under way. */
  #progressed: (() => void) | null = null
  readonly #idle: Timer
  readonly #retry: Timer
  #idleHead: number = 0

  constructor(options: StoreOptions) {
    this.#options = options
    this.journal = new Journal(options.shape, this)
    this.reader = new PageReader({ ...options, store: 0 })
    this.#idle = new Timer(() => this.#idled())
    this.#retry = new Timer(() => this.#startCut())
  }

  /** The data directory's own number. */
  get id(): number {
    return this.#store
  }

  /**
   * Reads all that is there, moves what the journal has into files of its own, and begins a fresh journal: nothing that is served
   * afterwards depends on bytes that the system had and the disk did not. Rejects with StoreDamage, StoreVersionError, StoreShapeError or DiskError.
   */
  async open(owner: StoreOwner): Promise<void> {
    const { disk, checksum, shape } = this.#options
    this.#owner = owner
    this.#phase('recovery', 'begin')
    const snapshot = await readSnapshot(disk, checksum)
    if (snapshot === null) await this.#checkEmpty()
    else checkShape(snapshot.shape, shape)
    for (const folder of ['journal', 'keep', 'streams']) await disk.makeFolder(folder)
    this.#store = snapshot?.store ?? this.#options.newStoreId()
    this.keep.nextId = snapshot?.nextKeepFile ?? 1
    this.reader = new PageReader({ ...this.#options, store: this.#store })
    for (const entry of snapshot?.entries() ?? []) owner.restoreEntry(entry)
    const from = snapshot?.replayFrom ?? 0
    const isEmpty = snapshot === null || snapshot.isClean
    const end = isEmpty ? from : await this.#replay(snapshot, owner)
    await owner.finishRestore()
    const cut = this.#cutter
    await cut.move(from, end)
    await cut.sync()
    await owner.flushStreams(end)
    // Beyond everything that may have been written before the stop: of what was not synced, parts may lie anywhere in the ring.
    const { slotBytes, slots } = shape
    const start = isEmpty ? from : (Math.floor(end / slotBytes) + slots + 1) * slotBytes
    await this.#writeSnapshot(start, { isClean: false })
    await this.#removeUnknown()
    const { memory } = this.journal
    const lane = disk.openJournal({ ...shape, memory, start, listener: this.journal })
    this.journal.start(this.#store, start, lane)
    this.#phase('recovery', 'end')
  }

  async #replay(snapshot: Snapshot, owner: StoreOwner): Promise<number> {
    const { disk, shape, checksum } = this.#options
    const result = await scanJournal({
      disk,
      shape,
      store: snapshot.store,
      from: snapshot.replayFrom,
      memory: this.journal.memory,
      checksum,
      onRecord: (record) => owner.replay(record),
      beforeReuse: () => owner.settleReplay(),
      onDamagedBatch: (damage, records) => this.#setAside(damage, records, owner),
    })
    if (result.damage !== null) throw new StoreDamage(result.damage)
    await owner.settleReplay()
    if (result.batches > 0) {
      const { batches, end } = result
      this.#options.logger.info(`read ${batches} batches of the journal, up to position ${end}`)
    }
    return result.end
  }

  /** The objects that a damaged batch was about stop; its bytes are kept, because the journal will be written over. */
  async #setAside(found: JournalDamage, records: DamagedRecords, owner: StoreOwner): Promise<void> {
    const { disk } = this.#options
    const damage = new StoreDamage(found)
    records.forEach((record) => owner.damaged(record, damage))
    // By its position, which no other batch ever has.
    const file = `damaged/journal-${found.position}`
    await disk.makeFolder('damaged')
    await disk.write(file, 0, [records.bytes])
    await disk.sync(file)
    await disk.syncFolder('damaged')
  }

  /** A data directory without a snapshot is a new one, or one that has lost it. */
  async #checkEmpty(): Promise<void> {
    const { disk } = this.#options
    for (const folder of ['journal', 'keep', 'streams']) {
      for (const { name, bytes, isFolder } of await disk.list(folder)) {
        if (bytes === 0 && !isFolder) continue
        const reason = `it is missing, but ${folder}/${name} is there`
        throw new StoreDamage({ file: SNAPSHOT_FILE, at: 0, reason })
      }
    }
  }

  // ---- the journal -------------------------------------------------------------------------------

  journalProgressed(): void {
    this.#progressed?.()
    this.#owner?.journalProgressed()
    this.#startCut()
    if (!this.#idle.armed && !this.#isClosing)
      this.#options.timers.set(this.#idle, storageLimits.idleMs)
  }

  journalFullChanged(): void {
    this.#owner?.journalFullChanged()
  }

  journalStalled(error: DiskError | null): void {
    this.#owner?.stalled('journal', error)
  }

  journalFailed(error: DiskError): void {
    this.fail(error)
  }

  /** Nothing more is kept; told once. */
  fail(error: Error): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#progressed?.()
    this.#owner?.failed(error)
  }

  /** When nothing was appended for a while, the last batch is said to be safe, and files that nobody needs go. */
  #idled(): void {
    const { journal } = this
    if (this.#isClosing || this.#failure !== null) return
    if (journal.head !== this.#idleHead) {
      this.#idleHead = journal.head
      this.#options.timers.set(this.#idle, storageLimits.idleMs)
      return
    }
    if (journal.wantsMark) journal.mark()
    this.#idleHead = journal.head
    if (this.keep.dead().length > 0) this.#start(() => this.#tidy())
  }

  // ---- cuts --------------------------------------------------------------------------------------

  #startCut(): void {
    const { journal } = this
    if (journal.used <= journal.capacity * storageLimits.cutShare) return
    // A whole slot, and not the one that is being filled.
    const to = journal.tail + this.#options.shape.slotBytes
    if (to <= journal.synced) this.#start(() => this.#cut(to))
    else journal.requestSync()
  }

  /** One at a time; what fails for want of room is tried again. */
  #start(work: () => Promise<void>): void {
    if (this.#work !== null || this.#isClosing || this.#failure !== null || this.#retry.armed)
      return
    this.#work = work()
      .then(
        () => this.#owner?.stalled('cut', null),
        (error: unknown) => this.#failedWork(error),
      )
      .then(() => {
        this.#work = null
        this.#startCut()
      })
  }

  #failedWork(error: unknown): void {
    if (error instanceof DiskError && FULL.has(error.code)) {
      this.#owner?.stalled('cut', error)
      this.#options.timers.set(this.#retry, storageLimits.retryMs)
      return
    }
    this.fail(error instanceof Error ? error : new Error(String(error)))
  }

  async #cut(to: number): Promise<void> {
    this.#phase('cut', 'begin')
    const cut = this.#cutter
    this.#phase('keep-write', 'begin')
    await cut.move(this.journal.tail, to)
    await cut.sync()
    this.#phase('keep-write', 'end')
    await this.#owner?.flushStreams(to)
    await this.#writeSnapshot(to, { isClean: false })
    this.journal.release(to)
    this.#phase('cut', 'end')
  }

  #tidy(): Promise<void> {
    return this.#writeSnapshot(this.journal.tail, { isClean: false })
  }

  /** Made when it is first needed: its memory is. */
  get #cutter(): Cut {
    if (this.#theCutter !== null) return this.#theCutter
    const { disk, shape, checksum, chunk: limits, pause } = this.#options
    const { journal, keep, reader, id: store } = this
    const queues = (): Iterable<CutQueue> => this.#owner?.queuesOfStore() ?? []
    const options = { disk, shape, store, checksum, journal, keep, reader, limits, queues, pause }
    return (this.#theCutter = new Cut(options))
  }

  /** Afterwards what no queue wanted when it began is removed: no snapshot names it any more. */
  async #writeSnapshot(replayFrom: number, options: { readonly isClean: boolean }): Promise<void> {
    const { disk, shape, checksum, pause } = this.#options
    assert(this.#owner !== null, 'a store that is open has an owner')
    this.#phase('snapshot', 'begin')
    const dead = this.keep.dead()
    const { isClean } = options
    const { id: store, keep } = this
    const head = { store, replayFrom, nextKeepFile: keep.nextId, isClean, shape }
    const writer = new SnapshotWriter(disk, checksum, head, (this.#piece ??= newPiece()))
    let work = 0
    for (const entry of this.#owner.entries(options)) {
      await writer.add(entry)
      work += ENTRY_WORK + entry.payload.length
      if (work < WORK_PER_PIECE) continue
      work = 0
      await pause()
    }
    // What it shows of changes that are still on their way must not be all that is left of them: the journal tells the rest.
    await this.#untilSynced(this.journal.head)
    await writer.finish()
    this.#phase('snapshot', 'end')
    for (const file of dead) {
      await disk.remove(keepFile(file.id))
      this.keep.forget(file)
    }
  }

  async #untilSynced(position: number): Promise<void> {
    const { journal } = this
    while (journal.synced < position) {
      if (this.#failure !== null) throw this.#failure
      journal.requestSync()
      await new Promise<void>((resolve) => (this.#progressed = resolve))
    }
  }

  /** Keep files that no snapshot names: of a cut that a stop has interrupted. Anything else is left where it is. */
  async #removeUnknown(): Promise<void> {
    const { disk, logger } = this.#options
    for (const { name } of await disk.list('keep')) {
      const file = `keep/${name}`
      const isOurs = /^[0-9a-f]{16}$/.test(name)
      if (!isOurs) logger.warn(`${file} is not a file of PolyMQ's: left alone`)
      else if (this.keep.find(Number.parseInt(name, 16)) === undefined) await disk.remove(file)
    }
  }

  /** Everything that is wanted leaves the journal, so that the next start has nothing to read back. Nothing may be appended any more. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#options.timers.clear(this.#idle)
    this.#options.timers.clear(this.#retry)
    await this.#work
    if (
      this.#failure === null &&
      this.#owner !== null &&
      this.journal.synced === this.journal.head
    ) {
      const { journal } = this
      const cut = this.#cutter
      await cut.move(journal.tail, journal.head)
      await cut.sync()
      await this.#owner.flushStreams(journal.head)
      const { slotBytes } = this.#options.shape
      const end = (Math.floor(journal.head / slotBytes) + 1) * slotBytes
      await this.#writeSnapshot(end, { isClean: true })
    }
  }

  #phase(phase: Phase, edge: 'begin' | 'end'): void {
    this.#options.onPhase?.(phase, edge)
  }
}

/** A disk that is full, and one of which this user may have no more. */
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT'])

/** What an entry costs beside its bytes, in bytes; and after how much of it others have their turn. */
const ENTRY_WORK = 256
const WORK_PER_PIECE = 262_144

/** Positions mean other places where slots are of another size or number. */
function checkShape(found: JournalShape, known: JournalShape): void {
  if (found.slotBytes === known.slotBytes && found.slots === known.slots) return
  throw new StoreShapeError(found, known)
}
