import { DiskError, slotFile, type Checksum, type Disk, type JournalShape } from '../disk.ts'
import { alignUp, BATCH_ALIGNMENT, isBatchSound, readBatchHeader } from '../journal/batch.ts'
import { RECORD_HEADER_BYTES } from '../journal/record.ts'
import { ScannedRecord } from '../journal/scan.ts'

export interface SalvageOptions {
  readonly disk: Disk
  readonly shape: JournalShape
  readonly store: number
  /** Of a slot's size; each slot is read into it. */
  readonly memory: SharedArrayBuffer
  readonly checksum: Checksum
}

/** Looks at parts of the journal of which it is not known where a batch begins. */
export class Salvage {
  readonly #options: SalvageOptions
  readonly #bytes: Buffer
  readonly #view: DataView
  readonly #record: ScannedRecord
  #loaded: number = -1
  #loadedBytes: number = 0

  constructor(options: SalvageOptions) {
    this.#options = options
    const { memory, shape } = options
    this.#bytes = Buffer.from(memory, 0, shape.slotBytes)
    this.#view = new DataView(memory, 0, shape.slotBytes)
    this.#record = new ScannedRecord(memory)
  }

  /** Where the first sound batch of [from, limit) begins; null if there is none. */
  async findBatch(from: number, limit: number): Promise<number | null> {
    const { slotBytes } = this.#options.shape
    for (let at = alignUp(from, BATCH_ALIGNMENT); at < limit;) {
      const slot = Math.floor(at / slotBytes)
      await this.#load(slot)
      const end = Math.min(slot * slotBytes + this.#loadedBytes, limit)
      for (; at < end; at += BATCH_ALIGNMENT) if (this.#isSound(at)) return at
      at = (slot + 1) * slotBytes
    }
    return null
  }

  #isSound(position: number): boolean {
    const { store, checksum, shape } = this.#options
    const at = position % shape.slotBytes
    const header = readBatchHeader(this.#view, at, position)
    if (header === null || header.store !== store || at + header.bytes > this.#loadedBytes)
      return false
    return isBatchSound(this.#bytes, { view: this.#view, at, length: header.bytes }, checksum)
  }

  /**
   * Shows each record of [from, to) whose header can be read: it is known by its position and its check, wherever it stands. Its
   * payload is not to be trusted. What lies between them, if anything, cannot be told.
   */
  async records(from: number, to: number, visit: (record: ScannedRecord) => void): Promise<void> {
    const { slotBytes } = this.#options.shape
    for (let at = alignUp(from, 8); at < to;) {
      const slot = Math.floor(at / slotBytes)
      await this.#load(slot)
      const start = slot * slotBytes
      const end = Math.min(start + this.#loadedBytes, to)
      while (at + RECORD_HEADER_BYTES <= end) {
        const isRecord = this.#record.load(at - start, end - start, at)
        if (isRecord) visit(this.#record)
        at += isRecord ? this.#record.bytes : 8
      }
      at = start + slotBytes
    }
  }

  async #load(slot: number): Promise<void> {
    if (this.#loaded === slot) return
    const { disk, shape } = this.#options
    const bytes = shape.slotBytes
    this.#loaded = slot
    this.#loadedBytes = 0
    try {
      const file = slotFile(slot % shape.slots)
      this.#loadedBytes = await disk.read(file, [{ at: 0, bytes }], this.#bytes)
    } catch (error) {
      // A slot that was never reached has no file, and one that cannot be read has nothing to tell.
      if (!(error instanceof DiskError)) throw error
    }
  }
}
