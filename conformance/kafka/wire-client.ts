import { connect, type Socket } from 'node:net'
import { Reader } from '../../packages/broker/src/base/reader.ts'
import { Writer } from '../../packages/broker/src/base/writer.ts'
import { ApiKey } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import {
  decodeResponse,
  encodeRequest,
} from '../../packages/broker/src/protocols/kafka/codec/message-codec.ts'
import type {
  RequestBodies,
  ResponseBodies,
} from '../../packages/broker/src/protocols/kafka/codec/messages.ts'
import {
  decodeResponseHeader,
  encodeRequestHeader,
} from '../../packages/broker/src/protocols/kafka/codec/request-header.ts'
import { eventually } from '../clients/support/eventually.ts'

export interface WireClientOptions {
  readonly host: string
  readonly port: number
}

/**
 * A client that sends exactly the bytes it is told to and shows the frames that come back, in the
 * order in which they came: for what well-behaved clients never do.
 */
export class WireClient {
  /** Frames that nobody has taken yet, without their size. */
  readonly frames: Buffer[] = []
  /** The server has closed its side, or the socket is gone. */
  ended: boolean = false
  #rest: Buffer = Buffer.alloc(0)
  #correlationId: number = 0
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('end', () => (this.ended = true))
    socket.on('close', () => (this.ended = true))
    // A reset is one more way to be closed.
    socket.on('error', () => (this.ended = true))
  }

  static async connect({ host, port }: WireClientOptions): Promise<WireClient> {
    const socket = connect({ host, port, noDelay: true })
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new WireClient(socket)
  }

  /** Sends a request and returns the decoded answer. */
  async request<K extends ApiKey>(
    api: K,
    version: number,
    body: Partial<RequestBodies[K]>,
  ): Promise<ResponseBodies[K]> {
    const correlationId = this.post(api, version, body)
    return this.answer(api, version, correlationId)
  }

  /** Sends a request and does not wait. Returns its correlation id. */
  post<K extends ApiKey>(api: K, version: number, body: Partial<RequestBodies[K]>): number {
    this.#correlationId++
    this.send(encodeFrame(api, version, body, this.#correlationId))
    return this.#correlationId
  }

  /** The next frame, which must be the answer to the request of this id, every byte of it decoded. */
  async answer<K extends ApiKey>(
    api: K,
    version: number,
    correlationId: number,
  ): Promise<ResponseBodies[K]> {
    const reader = new Reader(await this.frame())
    const answered = decodeResponseHeader(api, version, reader)
    if (answered !== correlationId) throw new Error(`answer ${answered}, awaited ${correlationId}`)
    const response = decodeResponse(api, version, reader)
    if (reader.remaining > 0) throw new Error(`${reader.remaining} bytes behind the answer`)
    return response
  }

  async frame(): Promise<Buffer> {
    return eventually('a frame from the server', () => {
      const frame = this.frames.shift()
      if (frame === undefined && this.ended) throw new Error('the server closed the socket')
      return frame
    })
  }

  async closed(): Promise<void> {
    await eventually('the server closes the socket', () => this.ended)
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** Stops the reading of what the server sends. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #onData(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (this.#rest.length >= 4) {
      const end = 4 + this.#rest.readInt32BE(0)
      if (this.#rest.length < end) return
      this.frames.push(this.#rest.subarray(4, end))
      this.#rest = this.#rest.subarray(end)
    }
  }
}

/** A whole request as it goes over the wire, its size in front. */
export function encodeFrame<K extends ApiKey>(
  api: K,
  version: number,
  body: Partial<RequestBodies[K]>,
  correlationId: number = 1,
): Buffer {
  const writer = new Writer(256)
  writer.skip(4)
  encodeRequestHeader(
    { apiKey: api, apiVersion: version, correlationId, clientId: 'conformance' },
    writer,
  )
  encodeRequest(api, version, body, writer)
  const frame = writer.written()
  frame.writeInt32BE(frame.length - 4)
  return frame
}
