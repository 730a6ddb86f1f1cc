import { EntryKind, type PersistedStore } from '../../core/persistence/persistence.ts'
import { decodeQueueEntry } from '../../core/persistence/queue-entry.ts'
import { RecordKind } from '../../core/record-kind.ts'
import { DiskError, type Checksum, type Disk, type JournalShape } from '../../storage/disk.ts'
import type { DamageList, FoundDamage } from '../../storage/inspection/damage-list.ts'
import { scanTolerantly, type JournalFinding } from '../../storage/inspection/tolerant-scan.ts'
import { Journal } from '../../storage/journal/journal.ts'
import type { ScannedRecord } from '../../storage/journal/scan.ts'
import { KeepFiles } from '../../storage/keep/keep-files.ts'
import { PageReader } from '../../storage/keep/page-reader.ts'
import {
  readSnapshot,
  SNAPSHOT_FILE,
  StoreShapeError,
  type Snapshot,
} from '../../storage/snapshot.ts'
import { StoreDamage } from '../../storage/store-damage.ts'
import type { StoreOwner } from '../../storage/store.ts'
import type { JournalLosses } from './journal-losses.ts'

export interface InspectedStoreOptions {
  readonly disk: Disk
  readonly shape: JournalShape
  readonly checksum: Checksum
  readonly damages: DamageList
  readonly losses: JournalLosses
}

/**
 * A store that is read as at a start and goes no further: nothing is moved, written or begun. Where a start would stop, it notes what
 * is wrong and reads on as far as that makes sense.
 */
export class InspectedStore implements PersistedStore {
  readonly journal: Journal
  readonly keep: KeepFiles = new KeepFiles(1)
  reader: PageReader
  /** The data directory's own number. */
  id: number = 0
  readonly #options: InspectedStoreOptions
  /** The part of the journal that was found to be damaged last; null if it is not in the list. */
  #damage: FoundDamage | null = null

  constructor(options: InspectedStoreOptions) {
    this.#options = options
    this.journal = new Journal(options.shape, nobody)
    this.reader = new PageReader({ ...options, store: 0 })
  }

  async open(owner: StoreOwner): Promise<void> {
    const snapshot = await this.#readSnapshot()
    if (snapshot === null) return
    this.id = snapshot.store
    this.reader = new PageReader({ ...this.#options, store: snapshot.store })
    for (const entry of snapshot.entries()) owner.restoreEntry(entry)
    if (!snapshot.isClean) await this.#scan(snapshot, owner)
    await owner.settleReplay()
    this.#noteSnapshot(snapshot)
    await owner.finishRestore()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  fail(error: Error): void {
    throw error
  }

  /** Null if there is none that can be read; why is noted. */
  async #readSnapshot(): Promise<Snapshot | null> {
    const { disk, shape, checksum } = this.#options
    try {
      const snapshot = await readSnapshot(disk, checksum)
      if (snapshot === null) await this.#noteMissing()
      else if (!isSame(snapshot.shape, shape)) throw new StoreShapeError(snapshot.shape, shape)
      return snapshot
    } catch (error) {
      if (error instanceof StoreDamage) this.#noteDamage(error.at, error.reason)
      else if (error instanceof DiskError) this.#noteDamage(0, `it cannot be read (${error.code})`)
      else throw error
      return null
    }
  }

  /** Without a snapshot a data directory is new, or has lost it. */
  async #noteMissing(): Promise<void> {
    for (const folder of ['journal', 'keep', 'streams']) {
      const entries = await this.#options.disk.list(folder)
      const some = entries.find(({ bytes, isFolder }) => bytes > 0 || isFolder)
      if (some === undefined) continue
      return this.#noteDamage(0, `it is missing, but ${folder}/${some.name} is there`)
    }
  }

  #noteDamage(position: number, reason: string): void {
    const place = { part: 'snapshot', file: SNAPSHOT_FILE, position, reason } as const
    this.#options.damages.add(place, { mattersAlone: true })
  }

  async #scan(snapshot: Snapshot, owner: StoreOwner): Promise<void> {
    const { disk, shape, checksum, losses } = this.#options
    await scanTolerantly({
      disk,
      shape,
      checksum,
      store: snapshot.store,
      from: snapshot.replayFrom,
      memory: this.journal.memory,
      onRecord: (record) => {
        losses.replayed(record)
        owner.replay(record)
      },
      beforeReuse: () => owner.settleReplay(),
      onDamage: (finding) => this.#damaged(finding),
      onDamagedRecord: (record) => this.#damagedRecord(record),
    })
  }

  #damaged({ file, at, reason, isWhole }: JournalFinding): void {
    const place = { part: 'journal batch', file, position: at, reason } as const
    this.#damage = this.#options.damages.add(place, { mattersAlone: !isWhole })
  }

  #damagedRecord(record: ScannedRecord): void {
    if (this.#damage === null) return
    if (record.kind === RecordKind.declarations) {
      this.#damage.matters('something was declared or deleted in it')
    }
    this.#options.losses.damaged(this.#damage, record)
  }

  #noteSnapshot(snapshot: Snapshot): void {
    if (!this.#options.losses.hasMessages) return
    for (const { kind, payload } of snapshot.entries()) {
      if (kind !== EntryKind.queue) continue
      const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
      this.#options.losses.restored(decodeQueueEntry(bytes))
    }
  }
}

function isSame(one: JournalShape, other: JournalShape): boolean {
  return one.slotBytes === other.slotBytes && one.slots === other.slots
}

/** A journal to which nothing is appended has nothing to tell. */
const nobody = {
  journalProgressed(): void {},
  journalFullChanged(): void {},
  journalStalled(): void {},
  journalFailed(): void {},
}
