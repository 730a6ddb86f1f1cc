import { assert } from '../base/assert.ts'
import type { Checksum, Disk, JournalShape } from './disk.ts'
import { slotFile } from './disk.ts'
import type { Journal } from './journal/journal.ts'
import { RECORD_HEADER_BYTES, stampOf, TARGET_BYTES } from './journal/record.ts'
import { keepFile } from './keep/chunk.ts'
import type { KeepFile, KeepFiles } from './keep/keep-files.ts'
import {
  KeepWriter,
  newChunkBuffer,
  type ChunkLimits,
  type SharedPlace,
  type WrittenRun,
} from './keep/keep-writer.ts'
import type { PageReader } from './keep/page-reader.ts'
import type { Page } from './keep/page.ts'
import { StoreDamage } from './store-damage.ts'

/** A queue, as far as moving its messages out of the journal goes. */
export interface CutQueue {
  readonly objectId: number
  /** Calls `take` for each message that is still wanted and lies in the journal before `position`, in the order of their numbers. */
  forEachBefore(
    position: number,
    take: (sequence: number, position: number, bytes: number) => void,
  ): void
  /** These messages are in a keep file now. */
  keep(run: WrittenRun, sequences: ArrayLike<number>, positions: ArrayLike<number>): void
  /** Its runs in the file. */
  runsIn(file: number): readonly WrittenRun[]
  wants(sequence: number): boolean
  /** The messages of `from` that are still wanted are in `to` now; null if none were. */
  move(from: WrittenRun, to: WrittenRun | null): void
  /** What it has in a keep file is damaged. */
  stop(damage: StoreDamage): void
}

export interface CutOptions {
  readonly disk: Disk
  readonly shape: JournalShape
  readonly store: number
  readonly checksum: Checksum
  readonly journal: Journal
  readonly keep: KeepFiles
  readonly reader: PageReader
  readonly limits: ChunkLimits
  /** All queues with anything on the disk; they may come and go while it is looked through. */
  readonly queues: () => Iterable<CutQueue>
  /** Waits until others have had their turn. */
  readonly pause: () => Promise<void>
}

/** So much of the journal is looked at together; its messages come out sorted by queue. */
const UNIT_BYTES = 4 * 1024 * 1024
/** Work after which others have their turn. */
const MESSAGES_PER_PIECE = 2048
const QUEUES_PER_PIECE = 512

/**
 * Moves messages out of the oldest part of the journal into one keep file for all queues, sorted by queue, and what little is left of
 * keep files that are mostly consumed along with them. What several queues have is written once.
 *
 * It runs beside everything else, a piece at a time: queues go on delivering and settling, and are told of each run as soon as it
 * can be read. Nothing of it is promised before `sync`, a snapshot, and only then is the part of the journal free.
 */
export class Cut {
  readonly #options: CutOptions
  // Used by one cut after the other: the garbage collector does not count shared memory, and would be late.
  readonly #unit: Buffer
  readonly #chunks: Buffer = newChunkBuffer()
  #writer: KeepWriter | null = null
  /** Runs that are complete and not written yet. */
  #moved: { readonly run: WrittenRun; readonly tell: () => void }[] = []
  #work: number = 0

  constructor(options: CutOptions) {
    this.#options = options
    this.#unit = Buffer.from(new SharedArrayBuffer(Math.min(UNIT_BYTES, options.shape.slotBytes)))
  }

  /** Empties [from, to) of the journal, into a file of its own. One call after the other. */
  async move(from: number, to: number): Promise<void> {
    this.#writer = null
    this.#moved = []
    const { slotBytes } = this.#options.shape
    for (let position = from; position < to;) {
      const slotEnd = (Math.floor(position / slotBytes) + 1) * slotBytes
      const end = Math.min(position + this.#unit.length, slotEnd, to)
      await this.#moveUnit(position, end)
      position = end
    }
    await this.#moveSparse()
    await this.#flush()
  }

  /** Everything that was moved, by this cut or one that did not come to its end, is on the disk. */
  async sync(): Promise<void> {
    const { disk, keep } = this.#options
    let hasSynced = false
    for (const file of keep.values()) {
      // One of which nobody was told may not even be there: the disk was full.
      if (file.isSynced || file.live <= 0) continue
      await disk.sync(keepFile(file.id))
      file.isSynced = true
      hasSynced = true
    }
    if (hasSynced) await disk.syncFolder('keep')
  }

  async #moveUnit(from: number, to: number): Promise<void> {
    const lists = await this.#collect(to)
    if (lists.length === 0) return
    const source = new UnitSource(this.#options, this.#unit, from, to)
    await source.read()
    const shared = await this.#writeShared(lists, source)
    for (const list of lists) await this.#moveList(list, source, shared)
    await this.#flush()
  }

  /** What is wanted of the journal before `to`, by queue. */
  async #collect(to: number): Promise<QueueList[]> {
    const lists: QueueList[] = []
    let looked = 0
    for (const queue of this.#options.queues()) {
      if (++looked % QUEUES_PER_PIECE === 0) await this.#options.pause()
      const list: QueueList = { queue, sequences: [], positions: [], bytes: [] }
      queue.forEachBefore(to, (sequence, position, bytes) => {
        list.sequences.push(sequence)
        list.positions.push(position)
        list.bytes.push(bytes)
      })
      if (list.sequences.length > 0) lists.push(list)
      await this.#worked(list.sequences.length)
    }
    return lists
  }

  /** Payloads that more than one queue still wants go into chunks of their own. */
  async #writeShared(
    lists: readonly QueueList[],
    source: UnitSource,
  ): Promise<ReadonlyMap<number, SharedPlace>> {
    const places = new Map<number, SharedPlace>()
    const positions = await this.#findShared(lists, source)
    if (positions.length === 0) return places
    let writer = await this.#begin(SHARED)
    for (const position of positions) {
      if (!source.find(position)) await source.fetch(position)
      const { buffer, start, end } = source
      if (writer.isFull(end - start)) {
        writer.end()
        writer = await this.#begin(SHARED)
      }
      const offset = writer.add(position, buffer, start, end)
      const crc = this.#options.checksum(buffer.subarray(start, end))
      places.set(position, { offset, bytes: end - start, crc })
      await this.#worked(1)
    }
    writer.end()
    return places
  }

  /** Positions of what more than one queue still wants, in order. */
  async #findShared(lists: readonly QueueList[], source: UnitSource): Promise<number[]> {
    const holders = new Map<number, number>()
    for (const { positions } of lists) {
      for (const position of positions) {
        if (!source.find(position)) await source.fetch(position)
        if (source.targets < 2) continue
        holders.set(position, (holders.get(position) ?? 0) + 1)
      }
      await this.#worked(positions.length / 4)
    }
    const shared: number[] = []
    for (const [position, count] of holders) if (count > 1) shared.push(position)
    return shared.sort((one, other) => one - other)
  }

  async #moveList(
    list: QueueList,
    source: UnitSource,
    shared: ReadonlyMap<number, SharedPlace>,
  ): Promise<void> {
    const { queue, sequences, positions, bytes } = list
    let writer = await this.#begin(queue.objectId)
    let from = 0
    for (let i = 0; i < sequences.length; i++) {
      if (writer.isFull(bytes[i] as number)) {
        this.#endRun(list, from, i)
        writer = await this.#begin(queue.objectId)
        from = i
      }
      const position = positions[i] as number
      const place = shared.get(position)
      if (place !== undefined) writer.addReference(sequences[i] as number, place)
      else {
        if (!source.find(position)) await source.fetch(position)
        writer.add(sequences[i] as number, source.buffer, source.start, source.end)
      }
      if (i % MESSAGES_PER_PIECE === 0) await this.#worked(MESSAGES_PER_PIECE)
    }
    this.#endRun(list, from, sequences.length)
  }

  #endRun({ queue, sequences, positions }: QueueList, from: number, to: number): void {
    const run = (this.#writer as KeepWriter).end()
    if (run === null) return
    this.#moved.push({
      run,
      tell: () => queue.keep(run, sequences.slice(from, to), positions.slice(from, to)),
    })
  }

  /** The chunks are complete: once they can be read, the queues look there. */
  async #flush(): Promise<void> {
    const writer = this.#writer
    if (writer === null) return
    await writer.flush()
    const { file } = writer
    const moved = this.#moved
    this.#moved = []
    for (const { run, tell } of moved) {
      file.count += run.count
      file.live += run.count
      tell()
      await this.#worked(run.count / 8)
    }
  }

  async #moveSparse(): Promise<void> {
    const { keep } = this.#options
    const sparse = [...keep.values()].filter((file) => keep.isSparse(file))
    if (sparse.length === 0) return
    for (const queue of this.#options.queues()) {
      for (const file of sparse) {
        if (file !== this.#writer?.file) await this.#moveRuns(queue, file)
      }
      await this.#worked(1)
    }
  }

  async #moveRuns(queue: CutQueue, file: KeepFile): Promise<void> {
    for (const run of queue.runsIn(file.id)) {
      const page = await this.#readKept(run, queue, file)
      if (page === null) continue
      const writer = await this.#begin(queue.objectId)
      for (let i = 0; i < page.count; i++) {
        const sequence = page.sequences[i] as number
        const start = page.offsets[i] as number
        if (queue.wants(sequence)) {
          writer.add(sequence, page.buffer, start, start + (page.lengths[i] as number))
        }
      }
      this.#options.reader.recycle(page)
      const written = writer.end()
      if (written === null) queue.move(run, null)
      else this.#moved.push({ run: written, tell: () => queue.move(run, written) })
      await this.#worked(page.count)
    }
    await this.#flush()
  }

  /** What is damaged stays where it is, with all that lies beside it; the queue that it is of stops, and no other. */
  async #readKept(run: WrittenRun, queue: CutQueue, file: KeepFile): Promise<Page | null> {
    try {
      return await this.#options.reader.readKept(run)
    } catch (error) {
      if (!(error instanceof StoreDamage)) throw error
      file.isDamaged = true
      queue.stop(error)
      return null
    }
  }

  async #begin(queue: number): Promise<KeepWriter> {
    const { keep } = this.#options
    this.#writer ??= new KeepWriter(keep.create(), this.#options, this.#chunks)
    if (this.#writer.isLoaded) await this.#flush()
    this.#writer.begin(queue)
    return this.#writer
  }

  async #worked(messages: number): Promise<void> {
    this.#work += messages + 1
    if (this.#work < MESSAGES_PER_PIECE) return
    this.#work = 0
    await this.#options.pause()
  }
}

/** Chunks of payloads that belong to several queues. */
const SHARED = 0

interface QueueList {
  readonly queue: CutQueue
  readonly sequences: number[]
  readonly positions: number[]
  readonly bytes: number[]
}

/**
 * The records of a part of the journal: from memory where that has them, else read in one go.
 * What it shows is valid until the next call, or the next time that others have their turn.
 */
class UnitSource {
  /** The payload of the record found last. */
  buffer: Buffer
  start: number = 0
  end: number = 0
  /** How many objects that record is for. */
  targets: number = 0
  readonly #options: CutOptions
  readonly #unit: Buffer
  readonly #from: number
  readonly #to: number
  #got: number = 0

  constructor(options: CutOptions, unit: Buffer, from: number, to: number) {
    this.#options = options
    this.#unit = unit
    this.buffer = unit
    this.#from = from
    this.#to = to
  }

  async read(): Promise<void> {
    if (this.#isInMemory(this.#from)) return
    this.#got = await this.#readAt(this.#from, this.#unit.subarray(0, this.#to - this.#from))
  }

  /** False if the record is not here as a whole: it began in an earlier part, or reaches into the next one. */
  find(position: number): boolean {
    const { journal, shape } = this.#options
    if (this.#isInMemory(position)) {
      this.#show(journal.buffer, position % shape.slotBytes, position)
      return true
    }
    const at = position - this.#from
    if (at < 0 || at + RECORD_HEADER_BYTES > this.#got) return false
    if (at + RECORD_HEADER_BYTES + this.#unit.readUInt32LE(at) > this.#got) return false
    this.#show(this.#unit, at, position)
    return true
  }

  async fetch(position: number): Promise<void> {
    const header = Buffer.from(new SharedArrayBuffer(RECORD_HEADER_BYTES))
    await this.#readAt(position, header)
    const whole = RECORD_HEADER_BYTES + header.readUInt32LE(0)
    assert(
      whole <= this.#options.shape.slotBytes,
      'what has not been let go of stands where it was written',
    )
    const record = Buffer.from(new SharedArrayBuffer(whole))
    await this.#readAt(position, record)
    this.#show(record, 0, position)
  }

  #show(buffer: Buffer, at: number, position: number): void {
    const stamp = buffer.readInt32LE(at + 8)
    assert(stamp === stampOf(position), 'what has not been let go of stands where it was written')
    this.targets = buffer.readUInt32LE(at + 4) >>> 8
    this.buffer = buffer
    this.start = at + RECORD_HEADER_BYTES + this.targets * TARGET_BYTES
    this.end = at + RECORD_HEADER_BYTES + buffer.readUInt32LE(at)
  }

  #isInMemory(position: number): boolean {
    const { journal } = this.#options
    return position < journal.head && position >= journal.tail && journal.has(position)
  }

  #readAt(position: number, target: Buffer): Promise<number> {
    const { disk, shape } = this.#options
    const { slotBytes, slots } = shape
    const file = slotFile(Math.floor(position / slotBytes) % slots)
    return disk.read(file, [{ at: position % slotBytes, bytes: target.length }], target)
  }
}
