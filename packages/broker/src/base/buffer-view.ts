/** A view of the bytes of the buffer that was asked about last: making one costs more than a short message. */
export class BufferView {
  #buffer: Buffer | null = null
  #view: DataView = new DataView(new ArrayBuffer(0))

  of(buffer: Buffer): DataView {
    if (this.#buffer === buffer) return this.#view
    this.#buffer = buffer
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
    return this.#view
  }
}
