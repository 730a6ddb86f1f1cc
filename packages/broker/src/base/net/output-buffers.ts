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

/** Each size is so many times the one before. */
const GROWTH = 4
/** Sizes of buffers that are kept, from the smallest. */
const SIZES: readonly number[] = sizes()

/**
 * Output buffers of one broker, lent to connections for a turn, so that idle ones hold none. They begin small, because one message to ten thousand
 * subscribers is a few bytes for each, and grow, because one of a hundred subscribers may hear a thousand messages in a turn.
 * Invariant: those that wait here take `outputBytesKept` at most.
 */
export class OutputBuffers {
  readonly #free: readonly OutputBuffer[][] = SIZES.map(() => [])
  #freeBytes: number = 0
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
    const index = SIZES.findIndex((size) => size >= bytes)
    if (index < 0) return new OutputBuffer(bytes)
    const free = this.#free[index]?.pop()
    if (free === undefined) return new OutputBuffer(SIZES[index] as number)
    this.#freeBytes -= free.bytes.length
    return free
  }

  give(buffer: OutputBuffer): void {
    const { length } = buffer.bytes
    const index = SIZES.indexOf(length)
    if (index < 0 || this.#freeBytes + length > limits.outputBytesKept) return
    this.#freeBytes += length
    this.#free[index]?.push(buffer)
  }
}

function sizes(): number[] {
  const all: number[] = []
  const { smallestOutputBufferBytes, outputBufferBytes } = limits
  for (let size: number = smallestOutputBufferBytes; size < outputBufferBytes; size *= GROWTH) {
    all.push(size)
  }
  return [...all, outputBufferBytes]
}

/** The size to take when `bytes` are too much for what there is. */
export function grownBytes(buffer: OutputBuffer, bytes: number): number {
  return Math.max(bytes, Math.min(buffer.bytes.length * GROWTH, limits.outputBufferBytes))
}
