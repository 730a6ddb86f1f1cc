import { assert } from '../../base/assert.ts'
import type { DiskError, JournalLane, JournalListener, JournalShape } from '../disk.ts'
import { alignUp, BATCH_ALIGNMENT, BATCH_HEADER_BYTES, writeBatchHeader } from './batch.ts'
import { RECORD_HEADER_BYTES, recordCheck, stampOf, TARGET_BYTES } from './record.ts'

/** Who copies in words may write this much past the newest record. */
const SLACK_BYTES = 8
/** Of the memory: further behind, whoever publishes waits for the disk. The largest message is a quarter, and may leave as much unused at a slot's end. */
const LAG_SHARE = 3 / 8
/** Of the ring: what is beyond is for acknowledgements and what else makes room. */
const USED_SHARE = 0.9

/** Told of what happens to the journal. */
export interface JournalOwner {
  /** `written` or `synced` has grown. */
  journalProgressed(): void
  /** Whether publishers have to wait, as `isFull` says now. */
  journalFullChanged(): void
  /** The disk is full, or (null) no longer. Nothing is lost: the write is tried again. */
  journalStalled(error: DiskError | null): void
  /** Nothing above `synced` will ever be safe. */
  journalFailed(error: DiskError): void
}

/**
 * The ring to which everything durable goes first: the part of it that is in memory, and its marks.
 *
 * What one turn appends becomes a batch (batch.ts), written and synced by another thread. Every byte has a position that only
 * grows; the newest `slotBytes` are in memory, the only place where stored bodies live, and all since `tail` is in the slots' files.
 * It knows nothing of what records mean, and never waits: who appends more than `isFull` allows is stopped by an assertion.
 * Invariant: tail <= synced <= written <= head, none goes back, and head - written <= slotBytes.
 */
export class Journal implements JournalListener {
  readonly buffer: Buffer
  readonly words: Int32Array
  readonly view: DataView
  readonly shape: JournalShape
  /** Payload of the record last reserved or located, in `buffer`. */
  offset: number = 0
  length: number = 0
  /** The end of what was appended. */
  head: number = 0
  /** What lies before it has been moved elsewhere. */
  tail: number = 0
  written: number = 0
  synced: number = 0
  /** Publishers must wait: the disk lags, or the ring is used up but for the part that makes room. */
  isFull: boolean = false
  /** What lies in memory from here on is still to be read from there by others than the journal's thread; Infinity if nothing is. */
  #neededFrom: number = Infinity
  /** Set by whoever wants what this turn appends to be on the disk, not only handed to the system. */
  syncWanted: boolean = false
  readonly #owner: JournalOwner
  /** The data directory's own number. */
  #store: number = 0
  readonly #memory: SharedArrayBuffer
  #lane: JournalLane | null = null
  /** Start of the batch that is being filled; -1 between batches. */
  #batch: number = -1
  #previousBatch: number = 0
  /** Position of the first byte of memory. */
  #slotStart: number = 0
  #syncTo: number = 0
  /** Where the newest mark ended: as long as nothing is appended, there is nothing new to say. */
  #markedTo: number = 0
  /** Word of the header of the record last reserved. */
  #recordWord: number = 0

  constructor(shape: JournalShape, owner: JournalOwner) {
    this.#memory = new SharedArrayBuffer(shape.slotBytes + SLACK_BYTES)
    this.buffer = Buffer.from(this.#memory)
    this.words = new Int32Array(this.#memory)
    this.view = new DataView(this.#memory)
    this.shape = shape
    this.#owner = owner
  }

  /** The memory, for the journal's thread and for whoever reads a slot back before anything is appended. */
  get memory(): SharedArrayBuffer {
    return this.#memory
  }

  /**
   * Begins, empty, at `position`: at the start of a slot, beyond all that was ever written. Nothing before it is needed any more.
   * `lane` writes from `memory`.
   */
  start(store: number, position: number, lane: JournalLane): void {
    assert(position % this.shape.slotBytes === 0, 'a journal starts where a slot does')
    this.#store = store
    this.#lane = lane
    this.head = position
    this.tail = position
    this.written = position
    this.synced = position
    this.#slotStart = position
    this.#previousBatch = position
    this.#syncTo = position
    this.#markedTo = position
    this.#owner.journalProgressed()
  }

  /** Bytes of the ring that are not free. */
  get used(): number {
    return this.head - this.tail
  }

  get capacity(): number {
    return this.shape.slotBytes * this.shape.slots
  }

  /** Whether there is room for the small records that publishers' waiting does not hold up: else they wait too. */
  get hasRoom(): boolean {
    const { slotBytes } = this.shape
    const isInMemory = this.head - this.written <= (slotBytes * 3) / 4
    return isInMemory && this.used <= this.capacity - slotBytes / 4
  }

  /** Whether anything was appended that no sealed batch has yet. */
  get isOpen(): boolean {
    return this.#batch !== -1
  }

  /**
   * Has all that is appended next, up to `bytes` with its headers, go into one batch, which is replayed whole or not at all. Returns
   * what `openBatch` then says as long as that holds.
   */
  together(bytes: number): number {
    if (this.#batch === -1 || this.head - this.#slotStart + bytes > this.shape.slotBytes) {
      this.#openBatch(bytes)
    }
    return this.#batch
  }

  /**
   * Whether so much can be appended together: at once, when the disk has caught up, or never. It may leave as much unused at the end of a
   * slot.
   */
  roomTogether(bytes: number): 'now' | 'later' | 'never' {
    const { slotBytes } = this.shape
    const most = bytes + BATCH_ALIGNMENT + BATCH_HEADER_BYTES
    if (most > slotBytes / 2) return 'never'
    const from = Math.min(this.written, this.#neededFrom)
    const fitsMemory = this.head - from + 2 * most <= slotBytes
    return fitsMemory && this.used + 2 * most <= this.capacity ? 'now' : 'later'
  }

  /** Position of the batch that is being filled; -1 between batches. */
  get openBatch(): number {
    return this.#batch
  }

  /** Makes room for a record of a kind that its reader knows, points `buffer` and `offset` at its payload of `bytes`, and returns its position. */
  reserve(kind: number, targets: number, bytes: number): number {
    const targetBytes = targets * TARGET_BYTES
    const total = (RECORD_HEADER_BYTES + targetBytes + bytes + 7) & ~7
    if (this.#batch === -1 || this.head - this.#slotStart + total > this.shape.slotBytes) {
      this.#openBatch(total)
    }
    const position = this.head
    const at = position - this.#slotStart
    this.head = position + total
    if (!this.isFull && this.#lags) this.#checkFull()
    assert(
      this.head - this.written <= this.shape.slotBytes,
      'nobody appends beyond what memory holds',
    )
    const word = at >> 2
    this.#recordWord = word
    this.words[word] = targetBytes + bytes
    this.words[word + 1] = kind | (targets << 8)
    this.words[word + 2] = stampOf(position)
    this.offset = at + RECORD_HEADER_BYTES + targetBytes
    this.length = bytes
    return position
  }

  /** Says about which object the record being written is, and under which number it knows it. */
  setTarget(index: number, id: number, sequence: number): void {
    const word = this.#recordWord + 4 + index * 4
    this.words[word] = id
    this.words[word + 1] = 0
    this.words[word + 2] = sequence | 0
    this.words[word + 3] = (sequence / 2 ** 32) | 0
  }

  /** The record being written is complete. */
  finish(): void {
    this.words[this.#recordWord + 3] = recordCheck(this.words, this.#recordWord)
  }

  /** Whether the record at `position` is still in memory. */
  has(position: number): boolean {
    return position >= this.head + SLACK_BYTES - this.shape.slotBytes
  }

  /** Points `buffer`, `offset` and `length` at the payload of a record that is in memory. */
  locate(position: number): void {
    assert(this.has(position), 'only what is in memory can be looked at there')
    const start = this.#slotStart
    const at = position >= start ? position - start : position - start + this.shape.slotBytes
    const word = at >> 2
    assert(
      this.words[word + 2] === stampOf(position),
      'a position names the record that it was given to',
    )
    const targetBytes = ((this.words[word + 1] as number) >>> 8) * TARGET_BYTES
    this.offset = at + RECORD_HEADER_BYTES + targetBytes
    this.length = (this.words[word] as number) - targetBytes
  }

  /** Bytes that a record takes in the ring, and so in its slot's file: what to read back. */
  recordBytes(position: number): number {
    const start = this.#slotStart
    const at = position >= start ? position - start : position - start + this.shape.slotBytes
    return (RECORD_HEADER_BYTES + (this.words[at >> 2] as number) + 7) & ~7
  }

  /** Seals what this turn has appended and hands it to the disk. */
  endTurn(): void {
    if (this.#batch === -1) return
    this.#seal()
    this.#advance()
  }

  /** Has all that was appended so far synced, though nobody waits for it. */
  requestSync(): void {
    if (this.#batch !== -1) this.syncWanted = true
    else if (this.#syncTo < this.head) {
      this.#syncTo = this.head
      this.#lane?.advance(this.head, this.#syncTo)
    }
  }

  /** Whether the newest batch is safe and no later one says so. */
  get wantsMark(): boolean {
    return this.#batch === -1 && this.synced === this.head && this.head !== this.#markedTo
  }

  /**
   * Appends a batch without records, which says that all before it is safe. For a journal that has fallen idle: without it, bytes
   * of the last confirmed batch that rot could not be told from bytes that never arrived.
   */
  mark(): void {
    assert(this.wantsMark, 'a mark says something new')
    this.#openBatch(0)
    this.#seal()
    this.#markedTo = this.head
    this.syncWanted = true
    this.#advance()
  }

  /** What lies before `position`, the start of a slot, is needed no more: its slots may be written over. */
  release(position: number): void {
    assert(position >= this.tail && position <= this.synced, 'only what is safe and past is let go')
    this.tail = position
    if (this.isFull) this.#checkFull()
  }

  progressed(written: number, synced: number): void {
    this.written = Math.max(this.written, written)
    this.synced = Math.max(this.synced, synced)
    if (this.isFull) this.#checkFull()
    this.#owner.journalProgressed()
  }

  stalled(error: DiskError | null): void {
    this.#owner.journalStalled(error)
  }

  failed(error: DiskError): void {
    this.#owner.journalFailed(error)
  }

  #openBatch(bytes: number): void {
    if (this.#batch !== -1) this.#seal()
    const { slotBytes } = this.shape
    assert(bytes <= slotBytes / 2, 'no record is larger than half of the memory')
    let start = alignUp(this.head, BATCH_ALIGNMENT)
    const next = (Math.floor(start / slotBytes) + 1) * slotBytes
    if (start + BATCH_HEADER_BYTES + bytes > next) start = next
    if (start >= this.#slotStart + slotBytes)
      this.#slotStart = Math.floor(start / slotBytes) * slotBytes
    this.#batch = start
    this.head = start + BATCH_HEADER_BYTES
    if (this.used > this.capacity * USED_SHARE) this.#checkFull()
    assert(this.used + bytes <= this.capacity, 'nobody appends beyond what the ring holds')
  }

  #seal(): void {
    const start = this.#batch
    this.#batch = -1
    writeBatchHeader(this.view, start - this.#slotStart, {
      position: start,
      bytes: this.head - start,
      previous: this.#previousBatch,
      syncedUpTo: this.synced,
      store: this.#store,
    })
    this.#previousBatch = start
  }

  #advance(): void {
    if (this.syncWanted) this.#syncTo = this.head
    this.syncWanted = false
    this.#lane?.advance(this.head, this.#syncTo)
  }

  get #lags(): boolean {
    const from = this.written < this.#neededFrom ? this.written : this.#neededFrom
    return this.head - from > this.shape.slotBytes * LAG_SHARE
  }

  /** Publishers wait before what is needed would be written over. */
  need(from: number): void {
    this.#neededFrom = from
    if (this.isFull || this.#lags) this.#checkFull()
  }

  #checkFull(): void {
    const isFull = this.#lags || this.used > this.capacity * USED_SHARE
    if (isFull === this.isFull) return
    this.isFull = isFull
    this.#owner.journalFullChanged()
  }
}
