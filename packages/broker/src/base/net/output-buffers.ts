import { limits } from '../limits.ts'

/** A buffer and a view of the same bytes: several octets are written by one store through the view. */
export class OutputBuffer {
  readonly bytes: Buffer
  readonly view: DataView

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size)
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, size)
  }
}

/** What a connection holds that has nothing to write. */
export const noOutput: OutputBuffer = new OutputBuffer(0)

/** Output buffers of one broker, lent to connections for a turn, so that idle ones hold none. */
export class OutputBuffers {
  readonly #free: OutputBuffer[] = []
  #scratch: Buffer = Buffer.alloc(0)

  /** Memory of at least `bytes` for the length of a call: the next one gets the same. */
  scratch(bytes: number): Buffer {
    if (this.#scratch.length >= bytes) return this.#scratch
    const size = 2 ** Math.ceil(Math.log2(bytes))
    if (size > limits.scratchBytesKept) return Buffer.allocUnsafeSlow(bytes)
    this.#scratch = Buffer.allocUnsafeSlow(size)
    return this.#scratch
  }

  /** A buffer of at least `bytes`. */
  take(bytes: number): OutputBuffer {
    if (bytes > limits.outputBufferBytes) return new OutputBuffer(bytes)
    return this.#free.pop() ?? new OutputBuffer(limits.outputBufferBytes)
  }

  give(buffer: OutputBuffer): void {
    if (buffer.bytes.length !== limits.outputBufferBytes) return
    if (this.#free.length < limits.outputBuffersKept) this.#free.push(buffer)
  }
}
