import { Socket, type SocketConstructorOpts } from 'node:net'
import { limits } from '../limits.ts'

/**
 * Memory for what sockets bring.
 *
 * For each read the runtime makes 64 KiB of new memory, which its collector gets around to only after many megabytes: all input then goes through
 * memory that no cache holds. Here all sockets read into the same bytes, out of which each read is copied at once: little into a piece of its own, much into a
 * buffer that was used before. NATS at 1 KiB a message: 1.35 times the messages, half the process.
 *
 * Invariant: a lent buffer is in one connection's input and nowhere else.
 */
export class InputBuffers {
  readonly #shared: Buffer = Buffer.allocUnsafeSlow(limits.readBytes)
  readonly #free: Buffer[] = []
  /** By the memory that they are a view of. */
  readonly #lent: Map<ArrayBufferLike, Buffer> = new Map()

  /**
   * The same connection as a socket that reads in this way: it emits its data as others do. The runtime has `onread` for sockets that one
   * makes, and none for those that a server accepts, so one is made around what the accepted one holds. `accepted` must be paused since it was
   * accepted, and is nobody's afterwards.
   */
  adopt(accepted: Socket): Socket {
    const shell = accepted as Socket & { _handle?: { useUserBuffer?: unknown } | null }
    const handle = shell._handle
    // Not in the runtime's documents: one that has it no more reads in its own way.
    if (typeof handle?.useUserBuffer !== 'function') return accepted.resume()
    shell._handle = null
    shell.destroy()
    const onread = {
      buffer: this.#shared,
      callback: (bytes: number): boolean => {
        socket.emit('data', this.#copy(bytes))
        return true
      },
    }
    const options: unknown = { handle, allowHalfOpen: true, onread }
    const socket = new Socket(options as SocketConstructorOpts)
    return socket
  }

  #copy(bytes: number): Buffer {
    const shared = this.#shared
    if (bytes < limits.readBytes / 2) return Buffer.from(shared.subarray(0, bytes))
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(limits.readBytes)
    this.#lent.set(buffer.buffer, buffer)
    shared.copy(buffer, 0, 0, bytes)
    return bytes === buffer.length ? buffer : buffer.subarray(0, bytes)
  }

  /** Nobody looks at it any more. What was not lent is not missed. */
  give(chunk: Buffer): void {
    const buffer = this.#lent.get(chunk.buffer)
    if (buffer === undefined) return
    this.#lent.delete(chunk.buffer)
    if (this.#free.length < limits.inputBuffersKept) this.#free.push(buffer)
  }
}
