import type { Logger } from '../../base/log.ts'
import { Ring } from '../../base/ring.ts'
import { Timer, type Timers } from '../../base/timers.ts'
import type { Task, Turn } from '../../base/turn.ts'
import type { BatchPlace, RawPage } from '../../storage/segments/batch-reader.ts'
import { limits } from '../limits.ts'
import { checkPage, type BatchPage, type BrokenBatch } from './batch-page.ts'

/** Somebody who waits for a page. */
export interface PageWaiter {
  /** It is there, or never will be. The waiter has been taken off the list. */
  wake(): void
}

/** A partition, as far as its pages go. */
export interface PageOwner {
  readonly pages: BatchPage[]
  readonly loads: PageLoad[]
  /** Batches below are in its files. */
  readonly flushedTo: number
  readonly leaderEpoch: number
  /** Whether the batch with this offset is in a file and no longer in memory. */
  isOnDiskOnly(offset: number): boolean
  /** Whether it is there at all. */
  keeps(offset: number): boolean
  read(offset: number, hint: BatchPlace | null): Promise<RawPage>
  release(raw: RawPage): void
  /** Bytes in a file are not what was written. */
  broke(batch: BrokenBatch): void
}

/** A page that is being read, or waits for its turn. */
export class PageLoad {
  readonly owner: PageOwner
  readonly offset: number
  isSequential: boolean = false
  readonly #pages: BatchPages
  readonly #waiters: Set<PageWaiter> = new Set()

  constructor(pages: BatchPages, owner: PageOwner, offset: number) {
    this.#pages = pages
    this.owner = owner
    this.offset = offset
  }

  get isAwaited(): boolean {
    return this.#waiters.size > 0
  }

  wait(waiter: PageWaiter): void {
    this.#waiters.add(waiter)
  }

  /** It need not be read for this one. */
  stopWaiting(waiter: PageWaiter): void {
    if (!this.#waiters.delete(waiter) || this.isAwaited) return
    this.#pages.abandon(this)
  }

  end(): void {
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const waiter of waiters) waiter.wake()
  }
}

interface Arrival {
  readonly load: PageLoad
  readonly raw: RawPage
}

/** What is set aside for a page before it is known how large it is. */
const PAGE_BYTES = 1_048_576

export interface BatchPagesOptions {
  readonly turn: Turn
  readonly timers: Timers
  readonly logger: Logger
  readonly bytesMax?: number
}

/**
 * Batches that are no longer in memory and have been read back: one budget for all partitions.
 *
 * A page is only a copy: the one used longest ago goes when another is needed, but not before those who asked for it have seen
 * it. A reader that comes from the page before finds the next one on its way. Pages are checked as a task of the turn.
 * Invariant: `bytes` and what is set aside stay within the budget, one page that is larger than all of it apart.
 */
export class BatchPages implements Task {
  queued: boolean = false
  bytes: number = 0
  readonly #options: BatchPagesOptions
  readonly #bytesMax: number
  /** In the order of last use. */
  readonly #pages = new Map<BatchPage, PageOwner>()
  /** In the order in which they were asked for. */
  readonly #waiting = new Set<PageLoad>()
  #reading: number = 0
  readonly #arrived = new Ring<Arrival>()
  readonly #retry: Timer
  /** The system had no means to read. */
  #isPaused: boolean = false

  constructor(options: BatchPagesOptions) {
    this.#options = options
    this.#bytesMax = options.bytesMax ?? limits.batchPageBytesMax
    this.#retry = new Timer(() => {
      this.#isPaused = false
      this.startSome()
    })
  }

  /** The page that has the offset, if it is in memory. */
  find(owner: PageOwner, offset: number): BatchPage | null {
    for (const page of owner.pages) {
      if (!page.has(offset)) continue
      this.#used(page, owner)
      return page
    }
    return null
  }

  #used(page: BatchPage, owner: PageOwner): void {
    this.#pages.delete(page)
    this.#pages.set(page, owner)
    if (page.isAwaited) {
      page.isAwaited = false
      this.startSome()
    }
    if (page.isSequential) this.#readAhead(page.to, owner)
  }

  /** Asks for a page that begins with the batch that has the offset; the same for all who ask before it is there. */
  load(owner: PageOwner, offset: number): PageLoad {
    let load = owner.loads.find((each) => each.offset === offset)
    if (load === undefined) {
      load = this.#add(owner, offset)
      this.startSome()
    }
    return load
  }

  #add(owner: PageOwner, offset: number): PageLoad {
    const load = new PageLoad(this, owner, offset)
    owner.loads.push(load)
    this.#waiting.add(load)
    return load
  }

  /** Only if that costs nobody a page that was asked for: it is a guess. */
  #readAhead(offset: number, owner: PageOwner): void {
    const isKnown =
      owner.pages.some((page) => page.has(offset)) ||
      owner.loads.some((load) => load.offset === offset)
    if (isKnown || !owner.isOnDiskOnly(offset)) return
    if (this.#waiting.size > 0 || this.#reading >= limits.batchPageReadsMax / 2) return
    if (!this.#isPaused && this.#hasRoom()) this.#start(this.#add(owner, offset))
  }

  /** Starts what waits, as far as there is room: in order, but for those whose batches are not in a file yet. */
  startSome(): void {
    if (this.#isPaused || this.#waiting.size === 0) return
    for (const load of this.#waiting) {
      if (load.offset >= load.owner.flushedTo) continue
      if (!this.#hasRoom()) return this.#lookAgain()
      this.#start(load)
    }
  }

  /** Pages that nobody came for are let go of after a while. */
  #lookAgain(): void {
    if (this.#reading > 0 || this.#arrived.size > 0) return
    this.#options.timers.set(this.#retry, limits.batchPageRetryMs)
  }

  #hasRoom(): boolean {
    if (this.#reading >= limits.batchPageReadsMax) return false
    const setAside = (this.#reading + this.#arrived.size + 1) * PAGE_BYTES
    this.#makeRoom(this.#bytesMax - setAside)
    const isOnlyOne = this.bytes === 0 && setAside === PAGE_BYTES
    return isOnlyOne || this.bytes + setAside <= this.#bytesMax
  }

  /** Lets go of pages, those used longest ago first, until the rest fits. */
  #makeRoom(bytesMax: number): void {
    const keptFromMs = this.#options.turn.clock.nowMs() - limits.batchPageKeptMs
    for (const [page, owner] of this.#pages) {
      if (this.bytes <= bytesMax) return
      if (!page.isAwaited || page.loadedMs < keptFromMs) this.#drop(page, owner)
    }
  }

  #start(load: PageLoad): void {
    const { owner, offset } = load
    this.#waiting.delete(load)
    const before = owner.pages.find((page) => page.to === offset)
    load.isSequential = before !== undefined
    this.#reading++
    owner.read(offset, before?.next ?? null).then(
      (raw) => {
        this.#reading--
        this.#arrived.push({ load, raw })
        this.#options.turn.schedule(this)
      },
      (error: unknown) => {
        this.#reading--
        this.#failed(load, error)
      },
    )
  }

  /** Checks one page that has arrived: a checksum of a megabyte takes half a millisecond. */
  run(): boolean {
    const arrival = this.#arrived.shift()
    if (arrival !== undefined) this.#check(arrival)
    return this.#arrived.size > 0
  }

  #check({ load, raw }: Arrival): void {
    const { owner } = load
    const page = checkPage(raw, { isSequential: load.isSequential, leaderEpoch: owner.leaderEpoch })
    if ('reason' in page) {
      owner.release(raw)
      owner.broke(page)
    } else if (!owner.keeps(page.from)) {
      // Let go of while it was on its way.
      owner.release(raw)
    } else {
      page.isAwaited = load.isAwaited
      page.loadedMs = this.#options.turn.clock.nowMs()
      owner.pages.push(page)
      this.#pages.set(page, owner)
      this.bytes += page.bytes
      this.#makeRoom(this.#bytesMax)
    }
    this.#end(load)
  }

  #failed(load: PageLoad, error: unknown): void {
    if (isDamage(error)) load.owner.broke(error)
    else if (!isGone(error)) return this.#tryLater(load, error)
    this.#end(load)
  }

  /** That the system has no descriptor to spare says nothing of the file. */
  #tryLater(load: PageLoad, error: unknown): void {
    const { logger, timers } = this.#options
    const text = error instanceof Error ? error.message : String(error)
    if (!this.#isPaused) logger.warn(`reading records back failed, and is tried again: ${text}`)
    this.#isPaused = true
    this.#waiting.add(load)
    timers.set(this.#retry, limits.batchPageRetryMs)
  }

  #end(load: PageLoad): void {
    const { loads } = load.owner
    const index = loads.indexOf(load)
    if (index >= 0) loads.splice(index, 1)
    load.end()
    this.startSome()
  }

  /** Nobody waits for it any more: it need not be read if that has not begun. */
  abandon(load: PageLoad): void {
    if (!load.isAwaited && this.#waiting.delete(load)) this.#end(load)
  }

  /** Lets go of what lies before `offset`; all that waits is woken if nothing is left. */
  dropBefore(owner: PageOwner, offset: number): void {
    for (const page of [...owner.pages]) if (page.to <= offset) this.#drop(page, owner)
    for (const load of [...owner.loads]) {
      if (load.offset < offset && this.#waiting.delete(load)) this.#end(load)
    }
  }

  #drop(page: BatchPage, owner: PageOwner): void {
    if (!this.#pages.delete(page)) return
    this.bytes -= page.bytes
    owner.pages.splice(owner.pages.indexOf(page), 1)
    owner.release(page.raw)
  }
}

/** Storage's errors are known here by their names. */
export function isDamage(error: unknown): error is BrokenBatch & Error {
  return error instanceof Error && error.name === 'StoreDamage'
}

export function isGone(error: unknown): boolean {
  return error instanceof Error && error.name === 'GoneError'
}
