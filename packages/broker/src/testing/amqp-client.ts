import { Connection } from '../base/net/connection.ts'
import { OutputBuffers } from '../base/net/output-buffers.ts'
import { Reader } from '../base/reader.ts'
import { Writer } from '../base/writer.ts'
import { FakeSocket } from './fake-socket.ts'
import type { TestBroker } from './test-broker.ts'
import { readFrame, sendChannelOpen, type Frame } from '../protocols/amqp/codec/client-methods.ts'
import { Session } from '../protocols/amqp/session.ts'

/** A client of a session without network: guest, logged in, channel 1 open. The test plays its kernel and its turns. */
export class FakeClient {
  readonly world: TestBroker
  readonly socket: FakeSocket = new FakeSocket()
  readonly connection: Connection
  readonly session: Session
  #taken: number = 0
  #received: Buffer = Buffer.alloc(0)

  constructor(world: TestBroker) {
    this.world = world
    const { broker } = world
    const loopback = { remoteAddress: '127.0.0.1', localAddress: '127.0.0.1', loopback: true }
    this.connection = new Connection(this.socket.asSocket, {
      id: broker.nextId(),
      endpoint: { ...loopback, remotePort: 1, localPort: 2 },
      turn: broker.turn,
      timers: broker.timers,
      buffers: new OutputBuffers(),
    })
    this.session = new Session(broker, this.connection, () => {})
    this.connection.handle(this.session)
    const { principal, vhost } = world.newCaller()
    this.session.loggedIn(principal)
    this.session.frameBytesMax = 131_072
    this.session.opened(vhost)
    this.send((writer) => sendChannelOpen(writer, 1))
    this.takeFrames()
  }

  /** Sends what `build` writes and runs turns until nothing is left to do. */
  send(build: (writer: Writer) => void): void {
    const writer = new Writer()
    build(writer)
    this.sendBytes(Buffer.from(writer.written()))
  }

  sendBytes(bytes: Buffer): void {
    this.socket.emit('data', bytes)
    this.world.run()
  }

  /** The kernel takes all that waits, and what follows from that, until nothing waits. */
  drain(): void {
    this.socket.room = Infinity
    for (let before = -1; before !== this.socket.taken.length;) {
      before = this.socket.taken.length
      this.socket.takeOldest()
      this.world.run()
    }
  }

  /** Frames that the kernel has taken since the last call. */
  takeFrames(): Frame[] {
    this.#received = Buffer.concat([this.#received, ...this.socket.taken.slice(this.#taken)])
    this.#taken = this.socket.taken.length
    const reader = new Reader(this.#received)
    const frames: Frame[] = []
    for (let frame = readFrame(reader); frame !== null; frame = readFrame(reader))
      frames.push(frame)
    this.#received = this.#received.subarray(reader.position)
    return frames
  }

  /** Class and method of the method frames among them, as `60.71`. */
  takeMethods(): string[] {
    return this.takeFrames()
      .filter(({ type }) => type === 1)
      .map(({ payload }) => `${payload.readUInt16BE(0)}.${payload.readUInt16BE(2)}`)
  }
}
