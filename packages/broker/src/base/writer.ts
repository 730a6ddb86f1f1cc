/** A buffer that grows as it is written; for answers that are not on the hot path. */
export class Writer {
  buffer: Buffer
  position: number = 0

  constructor(bytes: number = 256) {
    this.buffer = Buffer.allocUnsafe(bytes)
  }

  /** What was written, as a view of this writer's buffer. */
  written(): Buffer {
    return this.buffer.subarray(0, this.position)
  }

  /** Makes room for `bytes`, moves over them and returns where they start. */
  skip(bytes: number): number {
    const start = this.position
    if (start + bytes > this.buffer.length) this.#grow(start + bytes)
    this.position = start + bytes
    return start
  }

  int8(value: number): void {
    const at = this.skip(1)
    this.buffer.writeInt8(value, at)
  }

  uint8(value: number): void {
    const at = this.skip(1)
    this.buffer[at] = value
  }

  int16(value: number): void {
    const at = this.skip(2)
    this.buffer.writeInt16BE(value, at)
  }

  uint16(value: number): void {
    const at = this.skip(2)
    this.buffer.writeUInt16BE(value, at)
  }

  int32(value: number): void {
    const at = this.skip(4)
    this.buffer.writeInt32BE(value, at)
  }

  uint32(value: number): void {
    const at = this.skip(4)
    this.buffer.writeUInt32BE(value, at)
  }

  int64(value: number): void {
    const at = this.skip(8)
    this.buffer.writeInt32BE(Math.floor(value / 2 ** 32), at)
    this.buffer.writeUInt32BE(value >>> 0, at + 4)
  }

  float64(value: number): void {
    const at = this.skip(8)
    this.buffer.writeDoubleBE(value, at)
  }

  bytes(source: Uint8Array): void {
    const at = this.skip(source.length)
    this.buffer.set(source, at)
  }

  utf8(text: string): void {
    const bytes = Buffer.byteLength(text)
    const at = this.skip(bytes)
    this.buffer.write(text, at, bytes, 'utf8')
  }

  #grow(bytesMin: number): void {
    const grown = Buffer.allocUnsafe(Math.max(bytesMin, this.buffer.length * 2))
    this.buffer.copy(grown, 0, 0, this.position)
    this.buffer = grown
  }
}
