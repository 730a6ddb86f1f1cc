import { PAGE_BYTES, PagedBytes } from './paged-bytes.ts'
import type { PagesAfterFailure } from './operation.ts'

/** A change of a file that no sync has made safe. `bytes` is null for one of the size alone. */
export interface PendingWrite {
  readonly sequence: number
  readonly at: number
  readonly bytes: Uint8Array | null
  /** Of the file, after this. */
  readonly size: number
}

/** A file: what the disk has, what readers see, and what is still on its way from one to the other. */
export class FileNode {
  durable: PagedBytes = new PagedBytes()
  cache: PagedBytes = new PagedBytes()
  pending: PendingWrite[] = []
  /** Pages of the cache that count as clean although the disk never got them. */
  #stale: Set<number> = new Set()

  clone(): FileNode {
    const copy = new FileNode()
    copy.durable = this.durable.clone()
    copy.cache = this.cache.clone()
    copy.pending = this.pending.slice()
    copy.#stale = new Set(this.#stale)
    return copy
  }

  write(at: number, bytes: Uint8Array, sequence: number): void {
    this.cache.write(at, bytes)
    const size = this.cache.size
    if (this.#stale.size > 0 && bytes.length > 0) this.#writePages(at, bytes, sequence)
    else this.pending.push({ sequence, at, bytes, size })
  }

  resize(size: number, sequence: number): void {
    this.cache.resize(size)
    this.pending.push({ sequence, at: size, bytes: null, size })
  }

  sync(): void {
    for (const { at, bytes, size } of this.pending) {
      if (bytes === null) this.durable.resize(size)
      else this.durable.write(at, bytes)
    }
    this.pending = []
  }

  failSync(pages: PagesAfterFailure): void {
    if (pages === 'kept') return
    if (pages === 'dropped') {
      this.pending = []
      this.#stale.clear()
      this.cache = this.durable.clone()
      return
    }
    for (const { at, bytes } of this.pending) {
      for (const page of pagesOf(at, bytes?.length ?? 0)) this.#stale.add(page)
    }
    // The size is not a page: it is still to be written, and gets there with the next sync.
    this.pending = this.pending.map((each) => ({ ...each, at: each.size, bytes: null }))
  }

  /** On the disk and for readers alike. */
  damage(at: number, bytes: Uint8Array): void {
    this.durable.write(at, bytes)
    this.cache.write(at, bytes)
  }

  /** A write into a page makes all of it dirty, and so brings back what was lost in it. */
  #writePages(at: number, bytes: Uint8Array, sequence: number): void {
    let [start, end] = [at, at + bytes.length]
    for (const page of pagesOf(at, bytes.length)) {
      if (!this.#stale.delete(page)) continue
      start = Math.min(start, page * PAGE_BYTES)
      end = Math.max(end, Math.min((page + 1) * PAGE_BYTES, this.cache.size))
    }
    const whole = new Uint8Array(end - start)
    this.cache.read(start, whole)
    this.pending.push({ sequence, at: start, bytes: whole, size: this.cache.size })
  }
}

function* pagesOf(at: number, bytes: number): Iterable<number> {
  for (let page = Math.floor(at / PAGE_BYTES); page * PAGE_BYTES < at + bytes; page++) yield page
}
