import { connect, type Socket } from 'node:net'
import { Reader } from '../../packages/broker/src/base/reader.ts'
import { Writer } from '../../packages/broker/src/base/writer.ts'
import {
  readFrame,
  sendConnectionOpen,
  sendStartOk,
  sendTuneOk,
  sendChannelOpen,
  type Frame,
} from '../../packages/broker/src/protocols/amqp/codec/client-methods.ts'
import {
  FrameType,
  PROTOCOL_HEADER,
} from '../../packages/broker/src/protocols/amqp/codec/constants.ts'
import type { Field } from '../../packages/broker/src/protocols/amqp/codec/field-table.ts'
import { eventually } from '../clients/support/eventually.ts'

/** How a server closed a channel or the connection. */
export interface Closing {
  /** 0 for the connection. */
  readonly channel: number
  readonly code: number
  readonly text: string
  readonly classId: number
  readonly methodId: number
}

/** Where a handshake may be left, to do something else instead of its next step. */
export type HandshakeStep = 'header' | 'startOk' | 'tuneOk' | 'open'

export interface RawClientOptions {
  readonly host: string
  readonly port: number
}

export interface HandshakeOptions {
  readonly user?: string
  readonly password?: string
  readonly virtualHost?: string
  readonly capabilities?: Readonly<Record<string, boolean>>
  readonly channelMax?: number
  readonly frameBytesMax?: number
  readonly heartbeatSeconds?: number
}

const CHANNEL_CLOSE = (20 << 16) | 40
const CONNECTION_CLOSE = (10 << 16) | 50

/**
 * A client that sends exactly the bytes it is told to and shows exactly the frames that come back:
 * for what well-behaved clients never do.
 */
export class RawClient {
  /** All bytes that have come and are no frame yet. */
  received: Buffer = Buffer.alloc(0)
  /** Frames that nobody has taken yet; heartbeats are not kept. */
  readonly frames: Frame[] = []
  /** The server has closed its side, or the socket is gone. */
  ended: boolean = false
  /** Off for servers' answers that are not frames. */
  framed: boolean = true
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('end', () => (this.ended = true))
    socket.on('close', () => (this.ended = true))
    // A reset is one more way to be closed.
    socket.on('error', () => (this.ended = true))
  }

  /** A socket, no byte sent. */
  static async connect({ host, port }: RawClientOptions): Promise<RawClient> {
    const socket = connect({ host, port, noDelay: true })
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new RawClient(socket)
  }

  /** A connection after connection.open-ok, with channel 1 open. */
  static async open(at: RawClientOptions, options: HandshakeOptions = {}): Promise<RawClient> {
    const client = await RawClient.connect(at)
    await client.shakeHands(options)
    client.write((writer) => sendChannelOpen(writer, 1))
    await client.method(20, 11)
    return client
  }

  /** The handshake, all of it or up to but without the step `before`. */
  async shakeHands(options: HandshakeOptions = {}, before?: HandshakeStep): Promise<void> {
    const { user = 'guest', password = 'guest', virtualHost = '/' } = options
    const { channelMax = 2047, frameBytesMax = 131_072, heartbeatSeconds = 0 } = options
    this.send(Uint8Array.from(PROTOCOL_HEADER))
    await this.method(10, 10)
    if (before === 'startOk') return
    const properties = clientProperties(options.capabilities ?? {})
    this.write((writer) => sendStartOk(writer, { user, password, properties }))
    await this.method(10, 30)
    if (before === 'tuneOk') return
    this.write((writer) => sendTuneOk(writer, { channelMax, frameBytesMax, heartbeatSeconds }))
    if (before === 'open') return
    this.write((writer) => sendConnectionOpen(writer, virtualHost))
    await this.method(10, 41)
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** Sends what `build` writes, in one write. */
  write(build: (writer: Writer) => void): void {
    this.send(bytesOf(build))
  }

  /** Stops the reading of what the server sends. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** FIN, after all that was sent. */
  finish(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  async frame(): Promise<Frame> {
    return eventually('a frame from the server', () => {
      const frame = this.frames.shift()
      if (frame === undefined && this.ended) throw new Error('the server closed the socket')
      return frame
    })
  }

  /** The next frame, which must be this method; the reader stands at its arguments. */
  async method(classId: number, methodId: number): Promise<Reader> {
    const frame = await this.frame()
    const got = `${frame.type}: ${frame.payload.readUInt16BE(0)}.${frame.payload.readUInt16BE(2)}`
    const wanted = `${FrameType.method}: ${classId}.${methodId}`
    if (got !== wanted)
      throw new Error(`frame ${got} came instead of ${wanted}: ${describe(frame)}`)
    return new Reader(frame.payload, 4)
  }

  /** The close that comes next, whatever comes before it. */
  async closing(): Promise<Closing> {
    for (;;) {
      const frame = await this.frame()
      const closing = closingFrom(frame)
      if (closing !== null) return closing
    }
  }

  /** Resolves with what the server still said when it has closed the socket. */
  async end(): Promise<readonly Frame[]> {
    await eventually('the server closes the socket', () => this.ended)
    return this.frames.splice(0)
  }

  #onData(chunk: Buffer): void {
    this.received = Buffer.concat([this.received, chunk])
    if (!this.framed) return
    const reader = new Reader(this.received)
    for (;;) {
      const frame = readFrame(reader)
      if (frame === null) break
      if (frame.type !== FrameType.heartbeat) this.frames.push(frame)
    }
    this.received = this.received.subarray(reader.position)
  }
}

/** What `build` writes. */
export function bytesOf(build: (writer: Writer) => void): Buffer {
  const writer = new Writer()
  build(writer)
  return Buffer.from(writer.written())
}

/** A frame of any kind, sound or not. */
export function frameBytes(frame: {
  readonly type: number
  readonly channel: number
  readonly payload: Uint8Array
  readonly end?: number
}): Buffer {
  const { type, channel, payload, end = 0xce } = frame
  const bytes = Buffer.alloc(payload.length + 8)
  bytes[0] = type
  bytes.writeUInt16BE(channel, 1)
  bytes.writeUInt32BE(payload.length, 3)
  bytes.set(payload, 7)
  bytes[payload.length + 7] = end
  return bytes
}

/** A method frame with these argument bytes. */
export function methodBytes(method: {
  readonly channel: number
  readonly classId: number
  readonly methodId: number
  readonly args?: Uint8Array
}): Buffer {
  const { channel, classId, methodId, args = new Uint8Array(0) } = method
  const payload = Buffer.alloc(4 + args.length)
  payload.writeUInt16BE(classId, 0)
  payload.writeUInt16BE(methodId, 2)
  payload.set(args, 4)
  return frameBytes({ type: FrameType.method, channel, payload })
}

export function closingFrom(frame: Frame): Closing | null {
  if (frame.type !== FrameType.method || frame.payload.length < 11) return null
  const method = frame.payload.readInt32BE(0)
  if (method !== CHANNEL_CLOSE && method !== CONNECTION_CLOSE) return null
  const reader = new Reader(frame.payload, 4)
  const code = reader.uint16()
  const text = reader.utf8(reader.uint8())
  const classId = reader.uint16()
  const methodId = reader.uint16()
  return { channel: frame.channel, code, text, classId, methodId }
}

function clientProperties(capabilities: Readonly<Record<string, boolean>>): Map<string, Field> {
  const fields = Object.entries(capabilities).map(([name, value]): [string, Field] => [
    name,
    { type: 't', value },
  ])
  return new Map([['capabilities', { type: 'F', value: new Map(fields) }]])
}

function describe(frame: Frame): string {
  const closing = closingFrom(frame)
  return closing === null ? frame.payload.toString('latin1') : JSON.stringify(closing)
}
