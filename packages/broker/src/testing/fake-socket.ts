import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/**
 * A socket whose kernel the test plays: it takes `room` bytes at once, and what does not fit only
 * when takeOldest() is called, as a whole write each, as the runtime counts them.
 */
export class FakeSocket extends Duplex {
  room: number = Infinity
  /** All that the kernel has taken, in order. */
  readonly taken: Buffer[] = []
  readonly #waiting: { readonly chunk: Buffer; readonly done: () => void }[] = []

  constructor() {
    super({ allowHalfOpen: true })
  }

  /** As the type that a connection wants; it uses no more of it than this class has. */
  get asSocket(): Socket {
    return this as unknown as Socket
  }

  /** Takes the oldest write that waits. */
  takeOldest(): void {
    const oldest = this.#waiting.shift()
    if (oldest === undefined) return
    this.taken.push(Buffer.from(oldest.chunk))
    oldest.done()
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#waiting.length === 0 && chunk.length <= this.room) {
      this.room -= chunk.length
      this.taken.push(Buffer.from(chunk))
      return done()
    }
    this.#waiting.push({ chunk, done })
  }

  override _read(): void {}
}
