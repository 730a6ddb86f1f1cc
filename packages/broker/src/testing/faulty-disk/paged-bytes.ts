export const PAGE_BYTES = 4096

type Page = Uint8Array | undefined

/**
 * The bytes of a file in pages, made so that a copy costs next to nothing: copies share pages and the table of them until one
 * of them changes something. A page that is not there is zeros.
 * Invariant: what lies behind `size` is zeros, so that a file that grows shows none of what it had before.
 */
export class PagedBytes {
  size: number = 0
  #pages: Page[] = []
  #isTableShared: boolean = false
  /** Pages that nobody else has and that may be changed in place. */
  #own: Set<number> = new Set()

  clone(): PagedBytes {
    const copy = new PagedBytes()
    copy.size = this.size
    copy.#pages = this.#pages
    copy.#isTableShared = true
    this.#isTableShared = true
    if (this.#own.size > 0) this.#own = new Set()
    return copy
  }

  /** Fills `target` with the bytes from `at` on; returns how many there were. */
  read(at: number, target: Uint8Array): number {
    const count = Math.max(0, Math.min(target.length, this.size - at))
    for (let done = 0; done < count;) {
      const within = (at + done) % PAGE_BYTES
      const length = Math.min(PAGE_BYTES - within, count - done)
      const page = this.#pages[Math.floor((at + done) / PAGE_BYTES)]
      if (page === undefined) target.fill(0, done, done + length)
      else target.set(page.subarray(within, within + length), done)
      done += length
    }
    return count
  }

  /** The bytes may be kept as they are: they must never change. */
  write(at: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const index = Math.floor((at + done) / PAGE_BYTES)
      const within = (at + done) % PAGE_BYTES
      const length = Math.min(PAGE_BYTES - within, bytes.length - done)
      const piece = bytes.subarray(done, done + length)
      if (length === PAGE_BYTES) this.#share(index, piece)
      else this.#ownPage(index).set(piece, within)
      done += length
    }
    if (bytes.length > 0) this.size = Math.max(this.size, at + bytes.length)
  }

  /** Takes [start, end) over from `other`; the size grows with what is there. */
  copy(other: PagedBytes, start: number, end: number): void {
    for (let at = start; at < end;) {
      const index = Math.floor(at / PAGE_BYTES)
      const next = Math.min(end, (index + 1) * PAGE_BYTES)
      const page = other.#pages[index]
      if (next - at === PAGE_BYTES) {
        other.#own.delete(index)
        this.#share(index, page)
      } else {
        const within = at - index * PAGE_BYTES
        const target = this.#ownPage(index)
        if (page === undefined) target.fill(0, within, within + next - at)
        else target.set(page.subarray(within, within + next - at), within)
      }
      at = next
    }
    this.size = Math.max(this.size, Math.min(end, other.size))
  }

  /** Cuts off, or fills up with zeros. */
  resize(size: number): void {
    if (size < this.size) {
      const pages = Math.ceil(size / PAGE_BYTES)
      const within = size % PAGE_BYTES
      if (within > 0 && this.#pages[pages - 1] !== undefined) {
        this.#ownPage(pages - 1).fill(0, within)
      }
      this.#cutTable(pages)
    }
    this.size = size
  }

  toBuffer(): Buffer {
    const buffer = Buffer.allocUnsafe(this.size)
    this.read(0, buffer)
    return buffer
  }

  #share(index: number, page: Page): void {
    this.#table(index)[index] = page
    this.#own.delete(index)
  }

  #ownPage(index: number): Uint8Array {
    const pages = this.#table(index)
    const page = pages[index]
    if (page !== undefined && this.#own.has(index)) return page
    const own = new Uint8Array(PAGE_BYTES)
    if (page !== undefined) own.set(page)
    pages[index] = own
    this.#own.add(index)
    return own
  }

  #cutTable(pages: number): void {
    if (this.#pages.length <= pages) return
    this.#pages = this.#pages.slice(0, pages)
    this.#isTableShared = false
    for (const index of this.#own) if (index >= pages) this.#own.delete(index)
  }

  /** A table of this file's own, long enough for a page. */
  #table(index: number): Page[] {
    if (this.#isTableShared) {
      this.#pages = this.#pages.slice()
      this.#isTableShared = false
    }
    while (this.#pages.length <= index) this.#pages.push(undefined)
    return this.#pages
  }
}
