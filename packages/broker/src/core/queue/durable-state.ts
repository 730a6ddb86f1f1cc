import { assert } from '../../base/assert.ts'
import type { JournalPlaces } from '../../storage/keep/page-reader.ts'
import type { Page } from '../../storage/keep/page.ts'
import type { AckSet } from '../ackset/ack-set.ts'
import type { Committer, Safety } from '../commits.ts'
import { limits } from '../limits.ts'
import type { StoredMessage } from '../message.ts'
import { RecordKind } from '../record-kind.ts'
import { KeptRuns, type KeptRun } from './kept-runs.ts'
import type { Locations } from './locations.ts'
import type { PageLoad, PageOwner } from './page-cache.ts'
import { MEMORY_BASE, type QueueStore } from './queue-store.ts'
import { SettledRanges } from './settled-ranges.ts'

/** What a queue does when its durable side has news. */
export interface DurableOwner {
  readonly name: string
  /** Nothing will be delivered any more. */
  stopped(): void
  /** Something can be delivered that could not be before. */
  wake(): void
}

export const AtHand = { now: 0, later: 1, gone: 2 } as const
export type AtHand = (typeof AtHand)[keyof typeof AtHand]

/**
 * What a durable queue keeps beside its positions: what it has settled and not written down yet, up to where its messages may
 * have been delivered, which of them lie in keep files, and the pages by which those that left memory are read back.
 *
 * It neither chooses messages nor delivers them. Invariant: nothing at or above `markSafe` has ever been delivered, so that after a
 * crash all that was delivered is flagged redelivered.
 */
export class DurableState implements Committer, PageOwner {
  readonly id: number
  readonly safety: Safety
  readonly runs: KeptRuns = new KeptRuns()
  /** The delivered mark that was written last, and the one that is safe. */
  mark: number = 0
  markSafe: number = 0
  /** Why nothing is read any more; null if all is well. */
  stopped: Error | null = null
  /** Kept by the store: whether `flush` is going to be called. */
  flushing: boolean = false
  readonly #owner: DurableOwner
  readonly #store: QueueStore
  readonly #locations: Locations
  readonly #settled = new SettledRanges()
  readonly #returned: number[] = []
  #pages: Page[] = []
  /** The page that was used last. */
  #page: Page | null = null
  readonly #loads: QueuePageLoad[] = []
  #isDeleted: boolean = false

  constructor(
    id: number,
    options: {
      readonly safety: Safety
      readonly owner: DurableOwner
      readonly store: QueueStore
      readonly locations: Locations
    },
  ) {
    this.id = id
    this.safety = options.safety
    this.#owner = options.owner
    this.#store = options.store
    this.#locations = options.locations
  }

  // ---- what is to be written down ----------------------------------------------------------------

  settled(sequence: number): void {
    this.#settled.add(sequence)
    if (!this.flushing) this.#store.flushSoon(this)
  }

  settledRange(first: number, end: number): void {
    this.#settled.addRange(first, end)
    if (!this.flushing) this.#store.flushSoon(this)
  }

  /** A message came back for the `count`-th time. */
  returned(sequence: number, count: number): void {
    this.#returned.push(sequence, count)
    if (!this.flushing) this.#store.flushSoon(this)
  }

  /** Writes what happened since the last time into the journal. */
  flush(): void {
    this.flushing = false
    if (!this.#settled.isEmpty) this.#writePairs(RecordKind.acks, this.#settled.drain(), true)
    if (this.#returned.length > 0)
      this.#writePairs(RecordKind.returns, this.#returned.splice(0), false)
  }

  /** Pairs of (first, end) or (number, count), in records of a bounded size whose target names the base. */
  #writePairs(kind: RecordKind, pairs: ArrayLike<number>, isRanges: boolean): void {
    const { journal } = this.#store
    for (let from = 0; from < pairs.length;) {
      const base = pairs[from] as number
      let end = from
      while (end < pairs.length && end - from < limits.pairsPerRecord * 2) {
        const start = pairs[end] as number
        // Both halves of a pair are written in 32 bits.
        if (start < base || start - base > 0xffffffff) break
        end += 2
      }
      journal.reserve(kind, 1, (end - from) * 4)
      let at = journal.offset
      for (let i = from; i < end; i += 2) {
        const start = pairs[i] as number
        const other = pairs[i + 1] as number
        journal.view.setUint32(at, start - base, true)
        journal.view.setUint32(at + 4, isRanges ? Math.min(other - start, 0xffffffff) : other, true)
        at += 8
      }
      journal.setTarget(0, this.id, base)
      journal.finish()
      from = end
    }
  }

  // ---- the delivered mark ------------------------------------------------------------------------

  /** Whether a message that was never delivered may be now; if not, the queue is woken when it may. */
  mayDeliver(sequence: number): boolean {
    if (sequence + limits.deliveredMarkAhead / 2 >= this.mark) this.extendMark(sequence)
    return sequence < this.markSafe
  }

  /** Writes down that everything up to a while after `head` may have been delivered. */
  extendMark(head: number): void {
    if (this.mark !== this.markSafe) return
    const { journal } = this.#store
    if (!journal.hasRoom) return this.#store.whenRoom(this.#owner)
    this.mark = head + limits.deliveredMarkAhead
    journal.reserve(RecordKind.deliveredMark, 1, 0)
    journal.setTarget(0, this.id, this.mark)
    journal.finish()
    this.#store.whenSafe(this, this.safety)
  }

  /** Along with a message that is about to be written anyway, so that its delivery need not wait for another sync. */
  extendMarkEarly(head: number, tail: number): void {
    if (head + limits.deliveredMarkAhead / 2 < this.mark) return
    // Of a backlog nothing is delivered soon.
    if (tail - head < limits.deliveredMarkAhead / 2) this.extendMark(head)
  }

  commit(): void {
    this.markSafe = this.mark
    this.#owner.wake()
  }

  failed(): void {}

  // ---- messages that have left memory ------------------------------------------------------------

  /** Whether the message can be looked at now; if not, it is being read and the queue is woken when it is there. */
  atHand(sequence: number, position: number): AtHand {
    if (position >= MEMORY_BASE || (position >= 0 && this.#store.journal.has(position)))
      return AtHand.now
    const page = this.#findPage(sequence)
    if (page !== null) return page.indexOf(sequence) >= 0 ? AtHand.now : AtHand.gone
    if (position < 0 && this.runs.find(sequence) === undefined) return AtHand.gone
    if (this.stopped === null) this.#request(sequence)
    return AtHand.later
  }

  /** Points `message` at what atHand() has found. */
  load(sequence: number, position: number, message: StoredMessage): void {
    const { journal } = this.#store
    if (position >= 0 && journal.has(position)) {
      journal.locate(position)
      message.point(journal, journal.offset, journal.length)
      return
    }
    const page = this.#findPage(sequence)
    assert(page !== null, 'what is delivered is at hand')
    const index = page.indexOf(sequence)
    message.point(page, page.offsets[index] as number, page.lengths[index] as number)
  }

  #findPage(sequence: number): Page | null {
    if (this.#page !== null && this.#page.covers(sequence)) return this.#page
    for (const page of this.#pages) {
      if (!page.covers(sequence)) continue
      this.#page = page
      this.#store.pages.touch(page)
      this.#readAhead(page)
      return page
    }
    return null
  }

  /** Everything before it has been delivered: pages of it are of no use. */
  passed(sequence: number): void {
    if (this.#pages.length === 0) return
    for (const page of [...this.#pages]) {
      if (page.last >= sequence) continue
      this.dropPage(page)
      this.#store.pages.remove(page)
    }
  }

  dropPage(page: Page): void {
    this.#pages = this.#pages.filter((each) => each !== page)
    if (this.#page === page) this.#page = null
  }

  // ---- messages in keep files --------------------------------------------------------------------

  /** A run of which `live` messages are still wanted. */
  addKept(run: KeptRun, live: number): void {
    this.#store.keptSettled(run.file, run.live - live)
    run.live = live
    if (live > 0) this.runs.add(run)
  }

  settleKept(sequence: number): void {
    const run = this.runs.find(sequence)
    if (run === undefined) return
    this.runs.settle(run)
    this.#store.keptSettled(run.file, 1)
  }

  /** Of what was kept from `head` on, only what `acks` has open is still wanted. */
  dropKeptFrom(head: number, acks: AckSet): void {
    for (const run of this.#runsFromLast()) {
      if (run.last < head) break
      let open = 0
      // One that lies across the head: those before it that are out stay.
      acks.forEachOpen((sequence) => {
        if (sequence >= run.first && sequence <= run.last) open++
      })
      this.runs.remove(run)
      this.addKept(run, open)
    }
  }

  /** The queue is gone, with all that it had. */
  deleted(): void {
    this.#isDeleted = true
    for (const page of [...this.#pages]) {
      this.dropPage(page)
      this.#store.pages.remove(page)
    }
    for (const run of this.#runsFromLast()) {
      this.runs.remove(run)
      this.addKept(run, 0)
    }
  }

  /** A list of its own; to remove the last one moves no other. */
  #runsFromLast(): KeptRun[] {
    return [...this.runs.values()].reverse()
  }

  #readAhead(page: Page): void {
    let next = page.last + 1
    while (this.#pages.length + this.#loads.length < limits.pagesAhead) {
      const known = this.#pages.find((each) => each.covers(next))
      const loading = this.#loads.find((load) => load.covers(next))
      if (known !== undefined) next = known.last + 1
      else if (loading !== undefined) next = loading.last + 1
      else {
        const position = this.#locations.find(next)
        const isKept = position < 0
        const run = isKept ? this.runs.findFrom(next) : undefined
        // What lies in memory is at hand, and what follows it is younger still.
        if (
          isKept ? run === undefined : position >= MEMORY_BASE || this.#store.journal.has(position)
        )
          return
        if (run !== undefined && run.first > next) next = run.first
        else this.#request(next)
      }
    }
  }

  #request(sequence: number): void {
    if (this.#loads.some((load) => load.covers(sequence))) return
    const position = this.#locations.find(sequence)
    const load =
      position >= 0
        ? this.#journalLoad(sequence)
        : this.#keptLoad(this.runs.find(sequence) as KeptRun)
    this.#loads.push(load)
    this.#store.pages.load(load)
  }

  #keptLoad(run: KeptRun): QueuePageLoad {
    const span = { first: run.first, last: run.last, bytes: run.bytes + run.sharedBytes }
    return new QueuePageLoad(span, () => this.#readKept(run), this.#loaded)
  }

  /** Null if nothing of the run is wanted by now, or it has moved: then its file may be gone. */
  async #readKept(run: KeptRun): Promise<Page | null> {
    // It may have waited for others for a while.
    if (!this.runs.has(run)) return null
    try {
      return await this.#store.reader.readKept(run)
    } catch (error) {
      if (!this.runs.has(run)) return null
      throw error
    }
  }

  /** The message and those behind it that are in the journal and no longer in memory. */
  #journalLoad(first: number): QueuePageLoad {
    const { journal } = this.#store
    const sequences: number[] = []
    const positions: number[] = []
    const sizes: number[] = []
    let bytes = 0
    for (let sequence = first; sequences.length < limits.pageMessagesMax; sequence++) {
      const position = this.#locations.find(sequence)
      if (position < 0 || position >= MEMORY_BASE || journal.has(position)) break
      const size = this.#locations.bytesOf(sequence)
      if (bytes > 0 && bytes + size > limits.pageBytes) break
      sequences.push(sequence)
      positions.push(position)
      sizes.push(size)
      bytes += size
    }
    const places = {
      sequences: Float64Array.from(sequences),
      positions: Float64Array.from(positions),
      bytes: Int32Array.from(sizes),
    }
    const span = { first, last: first + sequences.length - 1, bytes }
    return new QueuePageLoad(span, () => this.#readJournal(places), this.#loaded)
  }

  /** Null if the slot was written over meanwhile: by then its messages are kept, or settled. */
  async #readJournal(places: JournalPlaces): Promise<Page | null> {
    const found = await this.#store.reader.readJournal(places)
    if (!('damage' in found)) return found
    if (this.#locations.find(found.sequence) === found.position) throw found.damage
    return null
  }

  readonly #loaded = (load: QueuePageLoad, page: Page | null, error: Error | null): void => {
    this.#loads.splice(this.#loads.indexOf(load), 1)
    if (error !== null && !this.#isDeleted) this.stop(error)
    if (page !== null) this.#keepPage(page)
    this.#store.pages.loaded(load)
    // Without a page the messages have moved meanwhile, and are asked for anew where they are now.
    this.#owner.wake()
  }

  #keepPage(page: Page): void {
    if (this.#isDeleted) return this.#store.reader.recycle(page)
    this.#pages.push(page)
    this.#store.pages.add(page, this)
  }

  /** Nothing is read any more: what the disk has of it is not what was written. */
  stop(error: Error): void {
    if (this.stopped !== null) return
    this.stopped = error
    this.#store.stopped(this.#owner.name, error)
    this.#owner.stopped()
  }
}

/** One page on its way. */
class QueuePageLoad implements PageLoad {
  readonly first: number
  readonly last: number
  readonly bytes: number
  readonly #read: () => Promise<Page | null>
  readonly #loaded: (load: QueuePageLoad, page: Page | null, error: Error | null) => void

  constructor(
    span: { readonly first: number; readonly last: number; readonly bytes: number },
    read: () => Promise<Page | null>,
    loaded: (load: QueuePageLoad, page: Page | null, error: Error | null) => void,
  ) {
    this.first = span.first
    this.last = span.last
    this.bytes = span.bytes
    this.#read = read
    this.#loaded = loaded
  }

  covers(sequence: number): boolean {
    return sequence >= this.first && sequence <= this.last
  }

  start(): void {
    this.#read().then(
      (page) => this.#loaded(this, page, null),
      (error: unknown) =>
        this.#loaded(this, null, error instanceof Error ? error : new Error(String(error))),
    )
  }
}
