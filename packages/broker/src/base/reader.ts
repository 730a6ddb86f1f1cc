/**
 * Bytes that end before what they announce, or announce what cannot be. Always the peer's fault;
 * each session turns it into its protocol's own error.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}

/**
 * A cursor over [position, end) of a buffer that it does not own: the buffer may be overwritten
 * once the call that handed it in returns, so nothing read as a view outlives that call.
 * Every read checks the end first and throws DecodeError.
 */
export class Reader {
  buffer: Buffer
  position: number
  end: number

  constructor(buffer: Buffer, position: number = 0, end: number = buffer.length) {
    this.buffer = buffer
    this.position = position
    this.end = end
  }

  /** Points the same reader at other bytes, so that a session needs only one. */
  reset(buffer: Buffer, position: number, end: number): this {
    this.buffer = buffer
    this.position = position
    this.end = end
    return this
  }

  get remaining(): number {
    return this.end - this.position
  }

  /** Moves over `bytes` and returns where they start. */
  skip(bytes: number): number {
    const start = this.position
    if (bytes < 0 || bytes > this.end - start) {
      throw new DecodeError(`${bytes} bytes announced at ${start}, ${this.end - start} left`)
    }
    this.position = start + bytes
    return start
  }

  int8(): number {
    return this.buffer.readInt8(this.skip(1))
  }

  uint8(): number {
    return this.buffer[this.skip(1)] as number
  }

  int16(): number {
    return this.buffer.readInt16BE(this.skip(2))
  }

  uint16(): number {
    return this.buffer.readUInt16BE(this.skip(2))
  }

  int32(): number {
    return this.buffer.readInt32BE(this.skip(4))
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.skip(4))
  }

  /** A signed 64-bit number that must be safe as a double; beyond 2^53 it is a DecodeError. */
  int64(): number {
    const at = this.skip(8)
    const value = this.buffer.readInt32BE(at) * 2 ** 32 + this.buffer.readUInt32BE(at + 4)
    if (!Number.isSafeInteger(value)) throw new DecodeError(`64-bit number at ${at} exceeds 2^53`)
    return value
  }

  /** As int64, unsigned. */
  uint64(): number {
    const at = this.skip(8)
    const value = this.buffer.readUInt32BE(at) * 2 ** 32 + this.buffer.readUInt32BE(at + 4)
    if (!Number.isSafeInteger(value)) throw new DecodeError(`64-bit number at ${at} exceeds 2^53`)
    return value
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.skip(8))
  }

  utf8(bytes: number): string {
    const at = this.skip(bytes)
    return this.buffer.toString('utf8', at, at + bytes)
  }

  /** A copy, safe to keep. */
  bytes(bytes: number): Buffer {
    const at = this.skip(bytes)
    return Buffer.from(this.buffer.subarray(at, at + bytes))
  }

  /** A view, valid only as long as the buffer is. */
  view(bytes: number): Buffer {
    const at = this.skip(bytes)
    return this.buffer.subarray(at, at + bytes)
  }
}
