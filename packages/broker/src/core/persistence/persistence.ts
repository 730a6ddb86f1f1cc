import type { Logger } from '../../base/log.ts'
import { Timer, type Timers } from '../../base/timers.ts'
import type { Turn } from '../../base/turn.ts'
import type { CutQueue } from '../../storage/cut.ts'
import type { DiskError } from '../../storage/disk.ts'
import type { ScannedRecord } from '../../storage/journal/scan.ts'
import type { Journal } from '../../storage/journal/journal.ts'
import type { PageReader } from '../../storage/keep/page-reader.ts'
import type { SegmentFiles } from '../../storage/segments/segment-files.ts'
import type { SnapshotEntry } from '../../storage/snapshot.ts'
import type { StoreDamage } from '../../storage/store-damage.ts'
import type { Store, Stalled, StoreOwner } from '../../storage/store.ts'
import { Alarm } from '../alarms.ts'
import type { Broker } from '../broker.ts'
import { Safety, type Committer, type Durability } from '../commits.ts'
import type { BrokerStore } from '../completions.ts'
import { limits } from '../limits.ts'
import type { DurableOwner, DurableState } from '../queue/durable-state.ts'
import { PageCache } from '../queue/page-cache.ts'
import type { Queue } from '../queue/queue.ts'
import type { QueueStore } from '../queue/queue-store.ts'
import { RecordKind } from '../record-kind.ts'
import { StreamStore } from '../stream/stream-store.ts'
import type { Declaration } from '../topology/declaration.ts'
import { decodeDeclarations, encodeDeclarations } from '../topology/declaration-format.ts'
import { JournaledQueue } from './journaled-queue.ts'
import { decodeQueueEntry, encodeQueueEntry } from './queue-entry.ts'
import { QueueRestorer } from './queue-restorer.ts'

/** What an entry of the snapshot is. The numbers are disk format: none is ever given another meaning. */
export const EntryKind = { declarations: 1, queue: 2, partition: 3 } as const

/** Declarations of a snapshot in one entry. */
const DECLARATIONS_PER_ENTRY = 64
/** Of a list of declarations in one record of the journal. */
const DECLARATION_BYTES_MAX = 1_048_576

/** What is asked of the store; one that is only looked at has no more. */
export type PersistedStore = Pick<Store, 'journal' | 'reader' | 'keep' | 'open' | 'close' | 'fail'>

export interface PersistenceOptions {
  readonly store: PersistedStore
  readonly segments: SegmentFiles
  readonly turn: Turn
  readonly timers: Timers
  readonly logger: Logger
  readonly durability: Durability
  readonly diskFreeBytesMin: number
  /** The disk has failed and everybody who waited has been told. */
  readonly onFailure: (error: Error) => void
}

/**
 * What the core does so that it survives: it says what goes into the journal and the snapshot, takes it back at the start,
 * and tells the store what is still wanted.
 */
export class Persistence implements BrokerStore, QueueStore, StoreOwner {
  readonly durability: Durability
  readonly diskFreeBytesMin: number
  readonly pages: PageCache
  readonly streams: StreamStore
  readonly #options: PersistenceOptions
  readonly #store: PersistedStore
  /** Queues with something to write down before the next batch is sealed. */
  #dirty: DurableState[] = []
  readonly #waitForRoom = new Set<DurableOwner>()
  readonly #ackTimer: Timer
  #areAcksDue: boolean = false
  #broker: Broker | null = null
  /** By object id, while the journal is read. */
  #restoring: Map<number, QueueRestorer> | null = null
  readonly #whenSynced: (() => void)[] = []

  constructor(options: PersistenceOptions) {
    this.#options = options
    this.#store = options.store
    this.durability = options.durability
    this.diskFreeBytesMin = options.diskFreeBytesMin
    this.pages = new PageCache((page) => this.reader.recycle(page))
    this.streams = new StreamStore({
      ...options,
      journal: options.store.journal,
      idsTaken: (next) => this.#broker?.identity.restoreObjectIds(next),
      onStall: (error) => this.stalled('streams', error),
      onFailure: (error) => options.store.fail(error),
    })
    this.#ackTimer = new Timer(() => {
      this.#areAcksDue = true
      options.turn.arm()
    })
  }

  get journal(): Journal {
    return this.#store.journal
  }

  get reader(): PageReader {
    return this.#store.reader
  }

  /** For the broker: what its queues need. */
  get queues(): QueueStore {
    return this
  }

  /** Reads the data directory into the broker, which nobody may use before. */
  async open(broker: Broker): Promise<void> {
    this.#broker = broker
    this.#restoring = new Map()
    await this.#store.open(this)
    this.streams.started()
    for (const vhost of broker.virtualHosts.values()) vhost.feeds.start()
  }

  /** Waits until all that was appended is safe, and leaves everything so that the next start has nothing to do. */
  async close(): Promise<void> {
    this.#options.timers.clear(this.#ackTimer)
    this.streams.closing()
    for (const vhost of this.#broker?.virtualHosts.all() ?? []) vhost.feeds.close()
    while (!this.#isAllSafe && this.#broker?.completions.storageError == null) {
      const isMoreToWrite = this.#dirty.length > 0 || this.journal.isOpen
      // Each time: what is settled meanwhile is written down too, and of what only the system has been given nobody else asks for a sync.
      if (isMoreToWrite) this.#areAcksDue = true
      this.journal.requestSync()
      if (isMoreToWrite) this.#options.turn.arm()
      await new Promise<void>((resolve) => this.#whenSynced.push(resolve))
    }
    await this.#store.close()
  }

  get #isAllSafe(): boolean {
    const { journal } = this
    return this.#dirty.length === 0 && !journal.isOpen && journal.synced === journal.head
  }

  // ---- what is written ---------------------------------------------------------------------------

  get openTurn(): number {
    return this.#broker?.completions.commits.turn ?? 0
  }

  whenSafe(committer: Committer, safety: Safety): void {
    this.#broker?.whenSafe(committer, safety)
  }

  appendDeclarations(declarations: readonly Declaration[]): void {
    const { journal } = this
    for (const payload of encodeDeclarations(declarations, DECLARATION_BYTES_MAX)) {
      journal.reserve(RecordKind.declarations, 0, payload.length)
      payload.copy(journal.buffer, journal.offset)
      journal.finish()
    }
    journal.syncWanted = true
  }

  flushSoon(state: DurableState): void {
    state.flushing = true
    this.#dirty.push(state)
    if (!this.#ackTimer.armed && !this.#areAcksDue) {
      this.#options.timers.set(this.#ackTimer, limits.ackDelayMs)
    }
  }

  /** Acknowledgements ride along with whatever is written; on their own they wait for a while. */
  beforeTurnEnds(): void {
    this.streams.beforeTurnEnds()
    this.journal.need(this.streams.flushFrom)
    if (this.#dirty.length > 0 && (this.#areAcksDue || this.journal.isOpen)) this.#flushAcks()
    if (this.#whenSynced.length > 0) for (const resolve of this.#whenSynced.splice(0)) resolve()
  }

  /** As far as the journal has room; the others stay where they are until it has. */
  #flushAcks(): void {
    this.#areAcksDue = false
    this.#options.timers.clear(this.#ackTimer)
    const dirty = this.#dirty
    this.#dirty = []
    for (const [i, state] of dirty.entries()) {
      if (!this.journal.hasRoom) {
        this.#dirty = dirty.slice(i)
        this.#options.timers.set(this.#ackTimer, limits.ackDelayMs)
        return
      }
      state.flush()
      if (state.safety === Safety.synced) this.journal.syncWanted = true
    }
  }

  whenRoom(owner: DurableOwner): void {
    this.#waitForRoom.add(owner)
  }

  keptSettled(file: number, count: number): void {
    this.#store.keep.settled(file, count)
  }

  stopped(queue: string, error: Error): void {
    this.#options.logger.error(
      `queue '${queue}' has stopped, all others go on: ${error.message}. What it has received is still kept; ` +
        'polymq repair --dry-run says what would be lost',
    )
  }

  // ---- what the store tells ----------------------------------------------------------------------

  journalProgressed(): void {
    this.#broker?.completions.progressed()
    if (this.#waitForRoom.size > 0 && this.journal.hasRoom) {
      const waiting = [...this.#waitForRoom]
      this.#waitForRoom.clear()
      for (const owner of waiting) owner.wake()
    }
  }

  journalFullChanged(): void {
    const { isFull } = this.journal
    if (isFull) this.#broker?.alarms.raise(Alarm.journal)
    else this.#broker?.alarms.clear(Alarm.journal)
  }

  readonly #stalled = new Set<Stalled>()

  stalled(what: Stalled, error: DiskError | null): void {
    const wasStalled = this.#stalled.size > 0
    if (error === null) this.#stalled.delete(what)
    else this.#stalled.add(what)
    const isStalled = this.#stalled.size > 0
    if (isStalled === wasStalled) return
    const { logger } = this.#options
    // Sooner than the next look at the free space, which may even find some.
    if (isStalled) this.#broker?.alarms.raise(Alarm.disk)
    else this.#broker?.alarms.clear(Alarm.disk)
    if (!isStalled) logger.info('the disk has room again: what waited for it has been written')
    else {
      logger.warn(
        `the disk is full (${error?.message}): publishers wait, nothing that was confirmed is lost. ` +
          'Free some space; the broker goes on by itself',
      )
    }
  }

  failed(error: Error): void {
    this.#broker?.completions.storageFailed(error)
    for (const resolve of this.#whenSynced.splice(0)) resolve()
    this.#options.onFailure(error)
  }

  // ---- what is kept ------------------------------------------------------------------------------

  *#durableQueues(): Iterable<Queue> {
    for (const vhost of this.#broker?.virtualHosts.all() ?? []) {
      for (const queue of vhost.queues.values()) if (queue.durable !== null) yield queue
    }
  }

  *queuesOfStore(): Iterable<CutQueue> {
    for (const queue of this.#durableQueues()) yield new JournaledQueue(queue, this)
  }

  flushStreams(position: number): Promise<void> {
    return this.streams.flush(position)
  }

  *entries(options: { readonly isClean: boolean }): Iterable<SnapshotEntry> {
    yield* this.#declarationEntries()
    for (const queue of this.#durableQueues()) {
      yield { kind: EntryKind.queue, payload: encodeQueueEntry(queue, options) }
    }
    for (const payload of this.streams.entries(options)) {
      yield { kind: EntryKind.partition, payload }
    }
  }

  *#declarationEntries(): Iterable<SnapshotEntry> {
    let some: Declaration[] = []
    for (const declaration of this.#broker?.definitions.declarations() ?? []) {
      if (declaration !== null) some.push(declaration)
      if (some.length < DECLARATIONS_PER_ENTRY) continue
      yield* declarationEntries(some)
      some = []
    }
    yield* declarationEntries(some)
  }

  // ---- what is taken back ------------------------------------------------------------------------

  restoreEntry({ kind, payload }: SnapshotEntry): void {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
    if (kind === EntryKind.declarations) this.#restoreDeclarations(bytes)
    else if (kind === EntryKind.queue) this.#restoreQueue(bytes)
    else if (kind === EntryKind.partition) this.streams.restoreEntry(bytes)
  }

  #restoreDeclarations(payload: Buffer): void {
    for (const declaration of decodeDeclarations(payload))
      this.#broker?.definitions.restore(declaration)
    this.#queuesChanged = true
  }

  #restoreQueue(payload: Buffer): void {
    const entry = decodeQueueEntry(payload)
    this.#restorer(entry.objectId)?.snapshot(entry)
  }

  /** Undefined for a queue that is gone, or will be: whatever is said of it is of no interest. */
  #restorer(objectId: number): QueueRestorer | undefined {
    const known = this.#restoring?.get(objectId)
    if (known !== undefined && !known.queue.deleted) return known
    const queue = this.#findQueue(objectId)
    if (queue === undefined) return undefined
    const restorer = new QueueRestorer(queue)
    this.#restoring?.set(objectId, restorer)
    return restorer
  }

  /** All queues by object id; made anew when one is asked for that may have been declared meanwhile. */
  #byObjectId: Map<number, Queue> = new Map()
  #queuesChanged: boolean = true

  #findQueue(objectId: number): Queue | undefined {
    const known = this.#byObjectId.get(objectId)
    if (known === undefined && this.#queuesChanged) {
      this.#queuesChanged = false
      this.#byObjectId = new Map()
      for (const queue of this.#durableQueues()) this.#byObjectId.set(queue.durable?.id ?? 0, queue)
    }
    const queue = known ?? this.#byObjectId.get(objectId)
    return queue?.deleted === true ? undefined : queue
  }

  replay(record: ScannedRecord): void {
    switch (record.kind) {
      case RecordKind.message:
        return this.#replayMessage(record)
      case RecordKind.acks:
        return this.#replayPairs(record, (restorer, first, count) => restorer.settled(first, count))
      case RecordKind.returns:
        return this.#replayPairs(record, (restorer, first, count) =>
          restorer.returned(first, count),
        )
      case RecordKind.deliveredMark:
        return this.#restorer(record.targetId(0))?.mark(record.targetSequence(0))
      case RecordKind.declarations:
        return this.#restoreDeclarations(
          Buffer.from(record.buffer.subarray(record.offset, record.offset + record.length)),
        )
      case RecordKind.feedCursor:
        return this.#broker?.feedCursors.restore(record.targetId(0), record.targetSequence(0))
      case RecordKind.recordBatch:
      case RecordKind.logStart:
        return this.streams.replay(record)
    }
  }

  settleReplay(): Promise<void> {
    return this.streams.settle()
  }

  damaged(record: ScannedRecord, damage: StoreDamage): void {
    if (record.kind === RecordKind.declarations) throw damage
    // Its header says it all. What was carried lay beside it, and has stopped where it was to go.
    if (record.kind === RecordKind.feedCursor) return this.replay(record)
    const isOfStream = record.kind === RecordKind.recordBatch || record.kind === RecordKind.logStart
    for (let i = 0; i < record.targets; i++) {
      if (isOfStream) this.streams.damaged(record.targetId(i), damage)
      else this.#restorer(record.targetId(i))?.damaged(damage)
    }
  }

  #replayMessage(record: ScannedRecord): void {
    for (let i = 0; i < record.targets; i++) {
      const restorer = this.#restorer(record.targetId(i))
      restorer?.message(record.targetSequence(i), record.position, record.bytes)
    }
  }

  #replayPairs(
    record: ScannedRecord,
    apply: (restorer: QueueRestorer, first: number, count: number) => void,
  ): void {
    const restorer = this.#restorer(record.targetId(0))
    if (restorer === undefined) return
    const base = record.targetSequence(0)
    for (let at = record.offset; at < record.offset + record.length; at += 8) {
      apply(restorer, base + record.buffer.readUInt32LE(at), record.buffer.readUInt32LE(at + 4))
    }
  }

  async finishRestore(): Promise<void> {
    this.#broker?.definitions.finish()
    const { keep } = this.#store
    for (const queue of this.#durableQueues()) {
      const restorer = this.#restorer(queue.durable?.id ?? 0)
      await restorer?.finish(this.reader, (run) =>
        keep.restore(run.file, { count: run.count, live: run.live, end: run.at + run.bytes }),
      )
    }
    this.#restoring = null
    this.#byObjectId = new Map()
    await this.streams.finishRestore()
    for (const vhost of this.#broker?.virtualHosts.values() ?? []) vhost.feeds.restored()
  }
}

function* declarationEntries(some: readonly Declaration[]): Iterable<SnapshotEntry> {
  if (some.length === 0) return
  for (const payload of encodeDeclarations(some)) yield { kind: EntryKind.declarations, payload }
}
