/**
 * Walks the records of a batch, uncompressed or already decompressed:
 *
 *   length varint | attributes int8 | timestampDelta varlong | offsetDelta varint
 *   | keyLength varint, key | valueLength varint, value
 *   | headerCount varint | per header: keyLength varint, key | valueLength varint, value
 *
 * Varints are zigzag here, unlike the lengths of the Kafka protocol; a length of -1 is null.
 * One object for all records, its fields overwritten by each next(). Bytes that break the structure
 * do not throw, since they come from producers and are answered with an error code: next() returns
 * false and `isBroken` is set.
 */
export class RecordCursor {
  isBroken: boolean = false
  /** To be added to the batch's base offset. */
  offsetDelta: number = 0
  /** To be added to the batch's base timestamp, unless that is log-append time. */
  timestampDelta: number = 0
  /** Positions in the buffer; -1 for null. */
  keyStart: number = -1
  keyEnd: number = -1
  valueStart: number = -1
  valueEnd: number = -1
  headerCount: number = 0
  #headersStart: number = 0
  #buffer: Buffer
  #at: number
  #end: number

  /** `start` is the first record's first byte, `end` the last one's end. */
  constructor(buffer: Buffer, start: number, end: number) {
    this.#buffer = buffer
    this.#at = start
    this.#end = end
  }

  /** Moves to the next record; false at the end or at broken bytes. */
  next(): boolean {
    if (this.#at === this.#end || this.isBroken) return false
    const bytes = this.#varint()
    const batchEnd = this.#end
    if (this.isBroken || bytes < 0 || bytes > batchEnd - this.#at) return this.#break()
    // Until the record's end nothing may be read beyond it.
    const recordEnd = this.#at + bytes
    this.#end = recordEnd
    this.#readFields()
    this.#end = batchEnd
    return this.isBroken || this.#at !== recordEnd ? this.#break() : true
  }

  /** The current record's key, as a view of the buffer. */
  key(): Buffer | null {
    return this.keyStart === -1 ? null : this.#buffer.subarray(this.keyStart, this.keyEnd)
  }

  /** The current record's value, as a view of the buffer. */
  value(): Buffer | null {
    return this.valueStart === -1 ? null : this.#buffer.subarray(this.valueStart, this.valueEnd)
  }

  /** The current record's headers; their values are views of the buffer. Leaves the cursor alone. */
  headers(): RecordHeader[] {
    const next = this.#at
    this.#at = this.#headersStart
    const headers: RecordHeader[] = []
    while (headers.length < this.headerCount) headers.push(this.#header())
    this.#at = next
    return headers
  }

  #readFields(): void {
    this.#skip(1)
    this.timestampDelta = this.#varlong()
    this.offsetDelta = this.#varint()
    const keyBytes = this.#varint()
    this.keyStart = keyBytes === -1 ? -1 : this.#at
    this.keyEnd = this.#skipNullable(keyBytes)
    const valueBytes = this.#varint()
    this.valueStart = valueBytes === -1 ? -1 : this.#at
    this.valueEnd = this.#skipNullable(valueBytes)
    this.headerCount = this.#varint()
    this.#headersStart = this.#at
    if (this.headerCount < 0 || this.headerCount > this.#end - this.#at) this.#break()
    for (let left = this.headerCount; left > 0 && !this.isBroken; left--) {
      this.#skip(this.#varint())
      this.#skipNullable(this.#varint())
    }
  }

  #header(): RecordHeader {
    const keyBytes = this.#varint()
    const keyStart = this.#at
    this.#skip(keyBytes)
    const key = this.#buffer.toString('utf8', keyStart, this.#at)
    const valueBytes = this.#varint()
    const valueStart = this.#at
    const valueEnd = this.#skipNullable(valueBytes)
    return { key, value: valueEnd === -1 ? null : this.#buffer.subarray(valueStart, valueEnd) }
  }

  #skip(bytes: number): void {
    if (bytes < 0 || bytes > this.#end - this.#at) this.#break()
    else this.#at += bytes
  }

  /** Returns where the bytes end, -1 for null. */
  #skipNullable(bytes: number): number {
    if (bytes === -1) return -1
    this.#skip(bytes)
    return this.#at
  }

  #break(): false {
    this.isBroken = true
    return false
  }

  #varint(): number {
    const first = this.#at < this.#end ? this.#buffer[this.#at]! : 0x80
    if (first < 0x80) {
      this.#at++
      return (first >>> 1) ^ -(first & 1)
    }
    const bits = this.#unsigned()
    if (bits > 0xffff_ffff) this.#break()
    return (bits >>> 1) ^ -(bits & 1)
  }

  #varlong(): number {
    const bits = this.#unsigned()
    return bits % 2 === 0 ? bits / 2 : -(bits + 1) / 2
  }

  /** Up to 64 bits, rounded beyond 2^53. */
  #unsigned(): number {
    let value = 0
    for (let factor = 1; factor <= 2 ** 63; factor *= 2 ** 7) {
      if (this.#at === this.#end) break
      const byte = this.#buffer[this.#at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    this.#break()
    return 0
  }
}

export interface RecordHeader {
  readonly key: string
  readonly value: Buffer | null
}
