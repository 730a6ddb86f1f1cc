import type { Checksum, Disk, JournalShape } from '../disk.ts'
import { slotFile } from '../disk.ts'
import {
  alignUp,
  BATCH_ALIGNMENT,
  BATCH_HEADER_BYTES,
  isBatchSound,
  readBatchHeader,
  type BatchHeader,
} from './batch.ts'
import { RECORD_HEADER_BYTES, recordCheck, stampOf, TARGET_BYTES } from './record.ts'

/** A record as it lies in a batch that is sound. Reused: valid during the call only. */
export class ScannedRecord {
  position: number = 0
  kind: number = 0
  targets: number = 0
  /** Bytes that the record takes in the journal. */
  bytes: number = 0
  /** Where the payload lies in `buffer`. */
  offset: number = 0
  length: number = 0
  readonly buffer: Buffer
  readonly words: Int32Array
  #targetWord: number = 0

  constructor(memory: SharedArrayBuffer) {
    this.buffer = Buffer.from(memory)
    this.words = new Int32Array(memory)
  }

  targetId(index: number): number {
    return (this.words[this.#targetWord + index * 4] as number) >>> 0
  }

  targetSequence(index: number): number {
    const word = this.#targetWord + index * 4 + 2
    return ((this.words[word] as number) >>> 0) + (this.words[word + 1] as number) * 2 ** 32
  }

  /** Points at the record whose header lies at `at`; false if it is none, or reaches beyond `end`. */
  load(at: number, end: number, position: number): boolean {
    const word = at >> 2
    if (at + RECORD_HEADER_BYTES > end) return false
    const length = (this.words[word] as number) >>> 0
    const kindAndTargets = this.words[word + 1] as number
    const targetBytes = (kindAndTargets >>> 8) * TARGET_BYTES
    if (targetBytes > length || at + RECORD_HEADER_BYTES + length > end) return false
    if (this.words[word + 2] !== stampOf(position)) return false
    if (this.words[word + 3] !== recordCheck(this.words, word)) return false
    this.position = position
    this.kind = kindAndTargets & 0xff
    this.targets = kindAndTargets >>> 8
    this.bytes = (RECORD_HEADER_BYTES + length + 7) & ~7
    this.offset = at + RECORD_HEADER_BYTES + targetBytes
    this.length = length - targetBytes
    this.#targetWord = word + 4
    return true
  }
}

export interface ScanOptions {
  readonly disk: Disk
  readonly shape: JournalShape
  readonly store: number
  /** Where the journal begins: at the start of a slot. */
  readonly from: number
  /** Of a slot's size; each slot is read into it. */
  readonly memory: SharedArrayBuffer
  readonly checksum: Checksum
  readonly onRecord: (record: ScannedRecord) => void
  /** The records shown so far are about to be overwritten in memory. */
  readonly beforeReuse: () => Promise<void>
  /**
   * A batch that was confirmed is damaged, and its records' headers can be read: `records` shows each, whose payload is not to be
   * trusted; `bytes` is all of the batch.
   */
  readonly onDamagedBatch: (damage: JournalDamage, records: DamagedRecords) => Promise<void>
}

export interface DamagedRecords {
  readonly bytes: Buffer
  forEach(visit: (record: ScannedRecord) => void): void
}

export interface ScanResult {
  /** The end of the last sound batch. */
  readonly end: number
  /** Everything below was on the disk for certain, by what the batches say. */
  readonly syncedUpTo: number
  readonly batches: number
  /** Where something was to be that was confirmed, and of which nothing can be told any more: null if all is well. */
  readonly damage: JournalDamage | null
}

export interface JournalDamage {
  readonly position: number
  readonly file: string
  /** In the file. */
  readonly at: number
  readonly reason: string
}

/** Reads all sound batches from `from` on, in order, and hands over their records. */
export function scanJournal(options: ScanOptions): Promise<ScanResult> {
  return new Scan(options).run()
}

/**
 * Where a batch that should be there is not, the batches behind it decide: if any of them says that everything up to beyond
 * that place had been synced, it is damage, for it may have been confirmed; else the tail never arrived whole, and was never promised.
 */
class Scan {
  readonly #options: ScanOptions
  readonly #bytes: Buffer
  readonly #view: DataView
  readonly #record: ScannedRecord
  /** Number of the slot in memory, counted from position 0; -1 for none. */
  #loaded: number = -1
  #loadedBytes: number = 0
  /** What was ever read into; memory behind it was never touched. */
  #usedBytes: number = 0
  #last: BatchHeader | null = null
  #end: number
  #syncedUpTo: number
  #batches: number = 0

  constructor(options: ScanOptions) {
    this.#options = options
    this.#bytes = Buffer.from(options.memory, 0, options.shape.slotBytes)
    this.#view = new DataView(options.memory, 0, options.shape.slotBytes)
    this.#record = new ScannedRecord(options.memory)
    this.#end = options.from
    this.#syncedUpTo = options.from
  }

  async run(): Promise<ScanResult> {
    const { slotBytes, slots } = this.#options.shape
    const limit = this.#options.from + slotBytes * slots
    for (let position = this.#options.from; position < limit;) {
      const batch = await this.#find(position, limit)
      if (batch !== null) {
        this.#readRecords(batch, this.#options.onRecord)
        this.#took(batch)
      } else {
        const later = await this.#latestSynced(alignUp(this.#end, BATCH_ALIGNMENT), limit)
        if (later <= this.#end) break
        if (!(await this.#passDamaged(position, limit)))
          return this.#result(this.#damageAt(position))
      }
      position = alignUp(this.#end, BATCH_ALIGNMENT)
    }
    return this.#result(null)
  }

  #took(batch: BatchHeader): void {
    this.#last = batch
    this.#batches++
    this.#syncedUpTo = Math.max(this.#syncedUpTo, batch.syncedUpTo)
    this.#end = batch.position + batch.bytes
  }

  #result(damage: JournalDamage | null): ScanResult {
    return { end: this.#end, syncedUpTo: this.#syncedUpTo, batches: this.#batches, damage }
  }

  /** A damaged batch whose header, and the headers of whose records, are whole is shown and passed; false if there is none. */
  async #passDamaged(position: number, limit: number): Promise<boolean> {
    const { slotBytes } = this.#options.shape
    const next = (Math.floor(position / slotBytes) + 1) * slotBytes
    for (const candidate of position % slotBytes === 0 ? [position] : [position, next]) {
      if (candidate >= limit) continue
      await this.#load(Math.floor(candidate / slotBytes))
      const batch = this.#headerAt(candidate)
      if (batch === null || !this.#follows(batch) || !this.#readRecords(batch, () => {})) continue
      const at = candidate % slotBytes
      await this.#options.onDamagedBatch(this.#damageAt(candidate), {
        bytes: this.#bytes.subarray(at, at + batch.bytes),
        forEach: (visit) => void this.#readRecords(batch, visit),
      })
      this.#took(batch)
      return true
    }
    return false
  }

  /** The sound batch that follows the last one: at `position`, or where the next slot begins. */
  async #find(position: number, limit: number): Promise<BatchHeader | null> {
    const { slotBytes } = this.#options.shape
    await this.#load(Math.floor(position / slotBytes))
    const here = this.#batchAt(position)
    if (here !== null && this.#follows(here)) return here
    if (position % slotBytes === 0) return null
    const next = (Math.floor(position / slotBytes) + 1) * slotBytes
    if (next >= limit) return null
    await this.#load(next / slotBytes)
    const there = this.#batchAt(next)
    return there !== null && this.#follows(there) ? there : null
  }

  #follows(batch: BatchHeader): boolean {
    return this.#last === null || batch.previous === this.#last.position
  }

  /** The header of a batch at a position of the loaded slot, if one is there. */
  #headerAt(position: number): BatchHeader | null {
    const at = position % this.#options.shape.slotBytes
    const header = readBatchHeader(this.#view, at, position)
    if (header === null || header.store !== this.#options.store) return null
    const isWhole = header.bytes >= BATCH_HEADER_BYTES && at + header.bytes <= this.#loadedBytes
    return isWhole ? header : null
  }

  /** The batch at a position of the loaded slot, if it is there and sound. */
  #batchAt(position: number): BatchHeader | null {
    const at = position % this.#options.shape.slotBytes
    const header = this.#headerAt(position)
    if (header === null) return null
    const place = { view: this.#view, at, length: header.bytes }
    return isBatchSound(this.#bytes, place, this.#options.checksum) ? header : null
  }

  /** Shows all records of a batch; false as soon as one is malformed. */
  #readRecords(batch: BatchHeader, visit: (record: ScannedRecord) => void): boolean {
    const record = this.#record
    const start = batch.position % this.#options.shape.slotBytes
    const end = start + batch.bytes
    for (let at = start + BATCH_HEADER_BYTES; at < end; at += record.bytes) {
      if (!record.load(at, end, batch.position + at - start)) return false
      visit(record)
    }
    return true
  }

  /** The greatest mark that any sound batch from `position` on carries; 0 if there is none. */
  async #latestSynced(position: number, limit: number): Promise<number> {
    const { slotBytes } = this.#options.shape
    let latest = 0
    for (let slot = Math.floor(position / slotBytes); slot * slotBytes < limit; slot++) {
      // What is not synced is at most a memory's worth, so that of slots further on their beginning tells.
      const isNear = slot <= Math.floor(position / slotBytes) + 1
      if (isNear) await this.#load(slot)
      else await this.#loadStart(slot)
      const end = Math.min(this.#loadedBytes, slotBytes)
      for (let at = slot * slotBytes < position ? position % slotBytes : 0; at < end;) {
        const batch = this.#batchAt(slot * slotBytes + at)
        latest = Math.max(latest, batch?.syncedUpTo ?? 0)
        at += BATCH_ALIGNMENT
      }
    }
    return latest
  }

  async #load(slot: number): Promise<void> {
    if (this.#loaded === slot) return
    await this.#read(slot, this.#options.shape.slotBytes)
    this.#loaded = slot
  }

  async #loadStart(slot: number): Promise<void> {
    this.#loaded = -1
    await this.#read(slot, Math.min(this.#options.shape.slotBytes, START_BYTES))
  }

  async #read(slot: number, bytes: number): Promise<void> {
    const { disk, shape } = this.#options
    const file = slotFile(slot % shape.slots)
    const target = this.#bytes.subarray(0, bytes)
    await this.#options.beforeReuse()
    try {
      this.#loadedBytes = await disk.read(file, [{ at: 0, bytes }], target)
    } catch (error) {
      // A slot that was never reached has no file.
      if (!isMissing(error)) throw error
      this.#loadedBytes = 0
    }
    // What the file does not have is what an earlier read has left there.
    this.#bytes.fill(0, this.#loadedBytes, Math.min(bytes, this.#usedBytes))
    this.#usedBytes = Math.max(this.#usedBytes, this.#loadedBytes)
  }

  #damageAt(position: number): JournalDamage {
    const { slotBytes, slots } = this.#options.shape
    const at = position % slotBytes
    const file = slotFile(Math.floor(position / slotBytes) % slots)
    return { position, file, at, reason: 'a batch that was confirmed is not whole' }
  }
}

/** Enough for a slot's first batch to be seen, if it is a small one. */
const START_BYTES = 1_048_576

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
