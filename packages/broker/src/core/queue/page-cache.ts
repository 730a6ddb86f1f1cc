import { Ring } from '../../base/ring.ts'
import type { Page } from '../../storage/keep/page.ts'
import { limits } from '../limits.ts'

/** Whoever has pages in memory. */
export interface PageOwner {
  /** The page goes, because others need its memory more. */
  dropPage(page: Page): void
}

/** A page to be read. */
export interface PageLoad {
  /** About how much memory it takes. */
  readonly bytes: number
  /** Begins to read; `PageCache.loaded` is called when it is over, however it went. */
  start(): void
}

/**
 * The memory of all pages of a broker: one budget. A page is only a copy, so the one used longest ago goes when another is
 * needed; a consumer that has stopped reading holds up nobody. Reads under way take at most half of it, the rest wait in line.
 */
export class PageCache {
  readonly #bytesMax: number
  readonly #recycle: (page: Page) => void
  /** In the order of last use. */
  readonly #owners = new Map<Page, PageOwner>()
  readonly #waiting = new Ring<PageLoad>()
  bytes: number = 0
  #loadingBytes: number = 0

  constructor(recycle: (page: Page) => void, bytesMax: number = limits.pageBytesMax) {
    this.#recycle = recycle
    this.#bytesMax = bytesMax
  }

  load(request: PageLoad): void {
    this.#waiting.push(request)
    this.#startSome()
  }

  /** A read is over. */
  loaded(request: PageLoad): void {
    this.#loadingBytes -= request.bytes
    this.#startSome()
  }

  add(page: Page, owner: PageOwner): void {
    this.#owners.set(page, owner)
    this.bytes += page.bytes
    for (const [oldest, itsOwner] of this.#owners) {
      if (this.bytes <= this.#bytesMax || oldest === page) return
      itsOwner.dropPage(oldest)
      this.remove(oldest)
    }
  }

  /** The page was used. */
  touch(page: Page): void {
    const owner = this.#owners.get(page)
    if (owner === undefined) return
    this.#owners.delete(page)
    this.#owners.set(page, owner)
  }

  /** Its owner is done with it. */
  remove(page: Page): void {
    if (!this.#owners.delete(page)) return
    this.bytes -= page.bytes
    this.#recycle(page)
  }

  #startSome(): void {
    for (;;) {
      const next = this.#waiting.peek()
      if (next === undefined) return
      // One that is larger than all there is must go alone.
      if (this.#loadingBytes > 0 && this.#loadingBytes + next.bytes > this.#bytesMax / 2) return
      this.#waiting.shift()
      this.#loadingBytes += next.bytes
      next.start()
    }
  }
}
