/** No arguments yet. */
const NOTHING: Buffer = Buffer.alloc(0)
/** Places of arguments that are kept for the next command. */
const PLACES_KEPT = 64
/** The bit by which letters of lower case differ; what it makes of other octets is no letter. */
const LOWER_CASE = 0x20

/**
 * The words of one command. One a connection, filled anew for each command: what it shows is valid until the next one is read.
 */
export class Request {
  /** Holds all arguments. */
  buffer: Buffer = NOTHING
  count: number = 0
  /** Arguments stand side by side as `$` bytes CRLF octets CRLF, so that they can be passed on as they stand. */
  isPlain: boolean = false
  readonly starts: number[] = []
  readonly ends: number[] = []

  clear(): void {
    this.count = 0
    this.isPlain = false
    if (this.starts.length <= PLACES_KEPT) return
    this.starts.length = 0
    this.ends.length = 0
  }

  add(start: number, end: number): void {
    this.starts[this.count] = start
    this.ends[this.count] = end
    this.count++
  }

  startOf(index: number): number {
    return this.starts[index] as number
  }

  endOf(index: number): number {
    return this.ends[index] as number
  }

  bytesOf(index: number): number {
    return this.endOf(index) - this.startOf(index)
  }

  /** A view of one argument. */
  view(index: number): Buffer {
    return this.buffer.subarray(this.startOf(index), this.endOf(index))
  }

  /** Whether it is this word, which is written in lower case; in a request its case does not count. */
  isWord(index: number, word: Buffer): boolean {
    const start = this.startOf(index)
    if (this.endOf(index) - start !== word.length) return false
    for (let at = 0; at < word.length; at++) {
      if (((this.buffer[start + at] as number) | LOWER_CASE) !== word[at]) return false
    }
    return true
  }

  text(index: number): string {
    return this.buffer.toString('utf8', this.startOf(index), this.endOf(index))
  }

  /** For words of the protocol, which are not told apart by case. */
  lower(index: number): string {
    return this.buffer.toString('latin1', this.startOf(index), this.endOf(index)).toLowerCase()
  }

  /** All arguments after the first `from`, as text. */
  texts(from: number): string[] {
    const texts: string[] = []
    for (let index = from; index < this.count; index++) texts.push(this.text(index))
    return texts
  }

  /** The same in memory of its own. */
  copy(): Request {
    const copy = new Request()
    // Arguments stand in their order, whoever wrote them down.
    const start = this.count === 0 ? 0 : this.startOf(0)
    const end = this.count === 0 ? 0 : this.endOf(this.count - 1)
    copy.buffer = Buffer.from(this.buffer.subarray(start, end))
    for (let index = 0; index < this.count; index++) {
      copy.add(this.startOf(index) - start, this.endOf(index) - start)
    }
    return copy
  }
}
