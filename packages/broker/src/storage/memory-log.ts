import { assert } from '../base/assert.ts'
import type { Task } from '../base/turn.ts'
import type { RecordLog } from './message-log.ts'

/** Size of a slab; positions count slabs of this size, also where a slab holds one larger record. */
export const SLAB_BYTES: number = 2 ** 20
/** Empty slabs kept for reuse, so that steady traffic allocates nothing. */
const SLABS_KEPT = 16
/** Slabs whose survivors are moved together in one piece of work. */
const COMPACT_BYTES = 64 * 1024
/** Fewer slabs than this are not worth compacting, unless they are a large part of what there may be. */
const COMPACT_SLABS_MIN = 32

/*
 * A record, aligned to 8 bytes:
 *
 *   +----------------+----------------+----------------------+
 *   | length  u32    | holders u32    | payload …            |
 *   +----------------+----------------+----------------------+
 */
const PREFIX_BYTES = 8

/**
 * The log of what need not survive: without a data directory, all of it.
 *
 * Records lie one after the other in slabs of 1 MiB; a slab is freed when its last record is let go.
 * It is not a cache and drops nothing: the broker stops publishers when `bytes` reaches its limit.
 * A slab under a quarter full is compacted: survivors are copied to the log's end and the slab keeps a table of
 * where they went, because queues hold positions and a position never changes its meaning.
 * Invariant: a slab's `live` is the sum of the lengths of its records that have a holder.
 */
export class MemoryLog implements RecordLog {
  buffer: Buffer
  words: Int32Array
  view: DataView
  offset: number = 0
  length: number = 0
  bytes: number = 0
  bytesMax: number = Infinity
  /** By number; a Map, because an old straggler would pin every index of an array after it. */
  readonly #slabs = new Map<number, Slab>()
  #nextNumber: number = 0
  #current: Slab
  /** The slab found last: traffic comes in order, so the next one asked for is nearly always the same. */
  #last: Slab
  #free: Slab[] = []
  /** Slabs found nearly empty, waiting for compaction. */
  readonly #sparse: Slab[] = []
  readonly #schedule: ((task: Task) => void) | null
  readonly #compaction: Task
  #live: number = 0

  /** `schedule` runs compaction in pieces; without it nothing is ever compacted. */
  constructor(schedule: ((task: Task) => void) | null = null) {
    this.#schedule = schedule
    this.#compaction = { queued: false, run: () => this.#compactSome() }
    this.#current = this.#open(SLAB_BYTES)
    this.#last = this.#current
    this.buffer = this.#current.buffer
    this.words = this.#current.words
    this.view = this.#current.view
  }

  /** Bytes of records that have a holder. */
  get liveBytes(): number {
    return this.#live
  }

  /** Slabs in use, and tables of where records of former ones are now. */
  get slabsKnown(): number {
    return this.#slabs.size
  }

  reserve(length: number): number {
    const bytes = (length + PREFIX_BYTES + 7) & ~7
    let slab = this.#current
    if (slab.used + bytes > slab.size) slab = this.#next(bytes)
    const at = slab.used
    slab.used = at + bytes
    slab.live += bytes
    this.#live += bytes
    const word = at >> 2
    slab.words[word] = length
    slab.words[word + 1] = 1
    this.#point(slab)
    this.offset = at + PREFIX_BYTES
    this.length = length
    return slab.number * SLAB_BYTES + at
  }

  hold(position: number, holders: number): void {
    const slab = this.#slab(position)
    const at = this.#at
    slab.words[(at >> 2) + 1] = holders
    if (holders === 0) this.#drop(slab, at)
  }

  locate(position: number): void {
    const slab = this.#slab(position)
    this.#point(slab)
    this.offset = this.#at + PREFIX_BYTES
    this.length = slab.words[this.#at >> 2] as number
  }

  release(position: number): void {
    const slab = this.#slab(position)
    const word = (this.#at >> 2) + 1
    const holders = (slab.words[word] as number) - 1
    assert(holders >= 0, 'a record was let go more often than it was held')
    slab.words[word] = holders
    if (holders === 0) this.#drop(slab, this.#at)
  }

  /** Compared before it is stored: storing a reference costs more than a look. */
  #point(slab: Slab): void {
    if (this.buffer === slab.buffer) return
    this.buffer = slab.buffer
    this.words = slab.words
    this.view = slab.view
  }

  /** Offset within the slab that #slab() found last. */
  #at: number = 0

  /** The slab where the record at `position` lies now. */
  #slab(position: number): Slab {
    const number = Math.floor(position * (1 / SLAB_BYTES))
    this.#at = position - number * SLAB_BYTES
    if (this.#last.number === number) return this.#last
    const slab = this.#slabs.get(number)
    assert(slab !== undefined, 'position of a record that was let go')
    if (slab.moved === null) return (this.#last = slab)
    const moved = slab.moved.get(this.#at)
    assert(moved !== undefined, 'position of a record that was let go')
    return this.#slab(moved)
  }

  #drop(slab: Slab, at: number): void {
    const bytes = ((slab.words[at >> 2] as number) + PREFIX_BYTES + 7) & ~7
    slab.live -= bytes
    this.#live -= bytes
    if (slab.from !== null) this.#forget(slab, at)
    if (slab === this.#current) {
      // Made for one large record, it would count as used until the next one comes, which may be waiting for it.
      if (slab.live === 0 && slab.size > SLAB_BYTES) this.#next(SLAB_BYTES)
      return
    }
    if (slab.live === 0) this.#close(slab)
    else if (isSparse(slab)) this.#noteSparse(slab)
  }

  /** The record had been moved here: its old slab no longer needs to point at it. */
  #forget(slab: Slab, at: number): void {
    const origin = slab.from?.get(at)
    if (origin === undefined) return
    slab.from?.delete(at)
    const number = Math.floor(origin / SLAB_BYTES)
    const old = this.#slabs.get(number)
    old?.moved?.delete(origin - number * SLAB_BYTES)
    if (old?.moved?.size === 0) this.#slabs.delete(number)
  }

  #next(bytes: number): Slab {
    const full = this.#current
    this.#current = this.#open(Math.max(bytes, SLAB_BYTES))
    if (full.live === 0) this.#close(full)
    else if (isSparse(full)) this.#noteSparse(full)
    return this.#current
  }

  #open(bytes: number): Slab {
    const kept = bytes === SLAB_BYTES ? this.#free.pop() : undefined
    const slab = kept ?? new Slab(bytes)
    this.bytes += bytes
    slab.number = this.#nextNumber++
    slab.used = 0
    slab.live = 0
    // One record larger than a slab takes the numbers that it covers.
    this.#nextNumber += Math.ceil(bytes / SLAB_BYTES) - 1
    this.#slabs.set(slab.number, slab)
    return slab
  }

  /** Gives the slab's memory back, or keeps it for the next one. */
  #close(slab: Slab): void {
    this.#slabs.delete(slab.number)
    this.#recycle(slab)
  }

  #recycle(slab: Slab): void {
    slab.number = -1
    slab.sparse = false
    slab.from = null
    // A kept slab counts as free: else, under a small memory limit, publishers would wait for ever.
    this.bytes -= slab.size
    if (slab.size === SLAB_BYTES && this.#free.length < SLABS_KEPT) this.#free.push(slab)
  }

  #noteSparse(slab: Slab): void {
    if (slab.sparse || this.#schedule === null) return
    if (this.#slabs.size < COMPACT_SLABS_MIN && this.bytes * 4 < this.bytesMax) return
    slab.sparse = true
    this.#sparse.push(slab)
    this.#schedule(this.#compaction)
  }

  #compactSome(): boolean {
    for (let copied = 0; copied < COMPACT_BYTES;) {
      const slab = this.#sparse.pop()
      if (slab === undefined) return false
      // It may have emptied or been reused while it waited.
      if (!slab.sparse || slab.number < 0 || slab === this.#current) continue
      // Looking for survivors takes time too: a slab of small records is ten thousand of them.
      copied += slab.live + (slab.used >> 5)
      this.#compact(slab)
    }
    return this.#sparse.length > 0
  }

  /** Moves the survivors to the log's end; the old slab keeps its number and a table, not its memory. */
  #compact(slab: Slab): void {
    const table = new Slab(0)
    table.number = slab.number
    table.moved = new Map()
    for (let at = 0; at < slab.used;) {
      const length = slab.words[at >> 2] as number
      const bytes = (length + PREFIX_BYTES + 7) & ~7
      const holders = slab.words[(at >> 2) + 1] as number
      if (holders > 0) this.#move(slab, at, table)
      at += bytes
    }
    if (table.moved.size > 0) this.#slabs.set(table.number, table)
    else this.#slabs.delete(slab.number)
    this.#recycle(slab)
  }

  #move(slab: Slab, at: number, table: Slab): void {
    const length = slab.words[at >> 2] as number
    const holders = slab.words[(at >> 2) + 1] as number
    const position = this.reserve(length)
    slab.buffer.copy(this.buffer, this.offset, at + PREFIX_BYTES, at + PREFIX_BYTES + length)
    this.#live -= (length + PREFIX_BYTES + 7) & ~7
    const target = this.#current
    const targetAt = this.offset - PREFIX_BYTES
    target.words[(targetAt >> 2) + 1] = holders
    // A record that moves a second time: its first slab points straight at the newest place.
    const origin = slab.from?.get(at)
    const first = origin ?? slab.number * SLAB_BYTES + at
    target.from ??= new Map()
    target.from.set(targetAt, first)
    if (origin === undefined) {
      table.moved?.set(at, position)
    } else {
      const number = Math.floor(origin / SLAB_BYTES)
      this.#slabs.get(number)?.moved?.set(origin - number * SLAB_BYTES, position)
    }
  }
}

/** Of its memory, not of its used part: a large record that did not fit leaves slabs nearly unused. */
function isSparse(slab: Slab): boolean {
  return slab.live < slab.size >> 2
}

class Slab {
  number: number = -1
  used: number = 0
  live: number = 0
  sparse: boolean = false
  /** Where this slab's survivors are now, by offset; null while they are here. */
  moved: Map<number, number> | null = null
  /** For records that were moved here: the position by which their holders know them, by offset. */
  from: Map<number, number> | null = null
  /** Bytes for records. */
  readonly size: number
  readonly buffer: Buffer
  readonly words: Int32Array
  readonly view: DataView

  constructor(bytes: number) {
    this.size = (bytes + 7) & ~7
    // Shared, because the collector does not count shared memory as pressure: as a Buffer's own, each 64 MiB of new slabs
    // made it run, a quarter of the time of a busy stream. Who copies in words may write a little past the last record.
    this.buffer = Buffer.from(new SharedArrayBuffer(this.size + 8))
    const { buffer, byteOffset, length } = this.buffer
    this.words = new Int32Array(buffer, byteOffset, length >> 2)
    this.view = new DataView(buffer, byteOffset, length)
  }
}
