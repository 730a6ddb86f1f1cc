import type { DiskError, JournalShape } from '../storage/disk.ts'
import { checksum } from '../storage/disk/checksum.ts'
import { Journal, type JournalOwner } from '../storage/journal/journal.ts'
import {
  scanJournal,
  type JournalDamage,
  type ScannedRecord,
  type ScanResult,
} from '../storage/journal/scan.ts'
import { FaultyDisk } from './faulty-disk.ts'

export interface JournalRigOptions {
  readonly disk?: FaultyDisk
  readonly shape?: JournalShape
  readonly start?: number
  readonly store?: number
}

export interface AppendOptions {
  readonly kind?: number
  /** Object id and number of each. */
  readonly targets?: readonly (readonly [number, number])[]
}

/** A record as a scan has shown it. */
export interface SeenRecord {
  readonly position: number
  readonly kind: number
  readonly targets: readonly (readonly [number, number])[]
  readonly text: string
}

/** What a start would read. */
export interface Scanned extends ScanResult {
  readonly records: readonly SeenRecord[]
  /** Payloads of the records, where those are words. */
  readonly texts: readonly string[]
  readonly damaged: readonly { readonly damage: JournalDamage; readonly records: SeenRecord[] }[]
}

/** The smallest ring there may be, so that a test sees it wrap. */
const tinyShape: JournalShape = { slotBytes: 65_536, slots: 4 }

/** A journal without a broker, over a disk of the test's. */
export class JournalRig implements JournalOwner {
  readonly disk: FaultyDisk
  readonly shape: JournalShape
  readonly store: number
  readonly journal: Journal
  /** What the journal's owner was told, in order; progress apart. */
  readonly told: string[] = []

  private constructor(options: JournalRigOptions) {
    const { disk = new FaultyDisk(), shape = tinyShape, store = 7 } = options
    this.disk = disk
    this.shape = shape
    this.store = store
    this.journal = new Journal(shape, this)
  }

  static async open(options: JournalRigOptions = {}): Promise<JournalRig> {
    const rig = new JournalRig(options)
    const { disk, shape, store, journal } = rig
    await disk.makeFolder('journal')
    await disk.syncFolder('')
    const { start = 0 } = options
    const { memory } = journal
    journal.start(store, start, disk.openJournal({ ...shape, memory, start, listener: journal }))
    return rig
  }

  append(payload: string | Uint8Array, options: AppendOptions = {}): number {
    const { kind = 1, targets = [[1, 0]] } = options
    const { journal } = this
    const bytes = Buffer.from(payload)
    const position = journal.reserve(kind, targets.length, bytes.length)
    bytes.copy(journal.buffer, journal.offset)
    for (const [index, [id, sequence]] of targets.entries()) journal.setTarget(index, id, sequence)
    journal.finish()
    return position
  }

  /** One turn that appends these and waits until they are safe. Returns where the last one is. */
  async turn(...payloads: readonly (string | Uint8Array)[]): Promise<number> {
    let position = -1
    for (const payload of payloads) position = this.append(payload)
    this.journal.syncWanted = true
    this.journal.endTurn()
    await this.disk.settle()
    return position
  }

  /** The payload at a position, from memory. */
  read(position: number): string {
    const { journal } = this
    journal.locate(position)
    return journal.buffer.toString('utf8', journal.offset, journal.offset + journal.length)
  }

  /** Reads the journal that a disk has, by default this one now, as the next start would. */
  scan(disk: FaultyDisk = this.disk.kill(), from: number = this.journal.tail): Promise<Scanned> {
    return scan(disk, { shape: this.shape, store: this.store, from })
  }

  journalProgressed(): void {}

  journalFullChanged(): void {
    this.told.push(this.journal.isFull ? 'full' : 'not full')
  }

  journalStalled(error: DiskError | null): void {
    this.told.push(error === null ? 'goes on' : `stalled ${error.code}`)
  }

  journalFailed(error: DiskError): void {
    this.told.push(`failed ${error.code}`)
  }
}

async function scan(
  disk: FaultyDisk,
  place: { readonly shape: JournalShape; readonly store: number; readonly from: number },
): Promise<Scanned> {
  const records: SeenRecord[] = []
  const damaged: { damage: JournalDamage; records: SeenRecord[] }[] = []
  const result = await scanJournal({
    ...place,
    disk,
    checksum,
    memory: new SharedArrayBuffer(place.shape.slotBytes + 8),
    onRecord: (record) => records.push(seen(record)),
    beforeReuse: () => Promise.resolve(),
    onDamagedBatch: async (damage, shown) => {
      const found: SeenRecord[] = []
      shown.forEach((record) => found.push(seen(record)))
      damaged.push({ damage, records: found })
    },
  })
  return { ...result, records, damaged, texts: records.map(({ text }) => text) }
}

function seen(record: ScannedRecord): SeenRecord {
  const { position, kind, buffer, offset, length } = record
  const targets: (readonly [number, number])[] = []
  for (let i = 0; i < record.targets; i++) {
    targets.push([record.targetId(i), record.targetSequence(i)])
  }
  return { position, kind, targets, text: buffer.toString('utf8', offset, offset + length) }
}
