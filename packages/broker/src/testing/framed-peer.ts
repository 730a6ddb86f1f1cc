import type { Connection, ConnectionHandler } from '../base/net/connection.ts'

/** The simplest protocol there is: each frame is its length as a u32, then that many bytes. */
export function framed(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(4 + payload.length)
  frame.writeUInt32BE(payload.length)
  frame.set(payload, 4)
  return frame
}

/** The broker's side of such a connection: writes down what arrives. */
export class FramedHandler implements ConnectionHandler {
  readonly connection: Connection
  readonly frames: Buffer[] = []
  /** Bytes that each call was allowed to begin frames in. */
  readonly slices: number[] = []
  drains: number = 0
  closes: number = 0
  error: Error | null = null
  onFrame: ((frame: Buffer) => void) | null = null
  onDrained: (() => void) | null = null

  constructor(connection: Connection) {
    this.connection = connection
    connection.handle(this)
  }

  receive(buffer: Buffer, start: number, end: number, softEnd: number): number {
    this.slices.push(softEnd - start)
    const { connection } = this
    connection.bytesNeeded = 1
    let at = start
    while (at < softEnd && !connection.held && connection.open) {
      const needed = end - at < 4 ? 4 : 4 + buffer.readUInt32BE(at)
      if (needed > end - at) {
        connection.bytesNeeded = needed
        return at
      }
      // A copy: the buffer is the connection's.
      const frame = Buffer.from(buffer.subarray(at + 4, at + needed))
      at += needed
      this.frames.push(frame)
      this.onFrame?.(frame)
    }
    return at
  }

  drained(): void {
    this.drains++
    this.onDrained?.()
  }

  closed(error: Error | null): void {
    this.closes++
    this.error = error
  }
}
