import { Connection } from '../base/net/connection.ts'
import { OutputBuffers } from '../base/net/output-buffers.ts'
import { Reader } from '../base/reader.ts'
import { Writer } from '../base/writer.ts'
import type { ApiKey } from '../protocols/kafka/codec/api-keys.ts'
import { decodeResponse, encodeRequest } from '../protocols/kafka/codec/message-codec.ts'
import type { RequestBodies, ResponseBodies } from '../protocols/kafka/codec/messages.ts'
import {
  decodeResponseHeader,
  encodeRequestHeader,
} from '../protocols/kafka/codec/request-header.ts'
import type { KafkaHead } from '../protocols/kafka/head.ts'
import { FakeSocket } from './fake-socket.ts'
import type { TestBroker } from './test-broker.ts'

/** A Kafka client without network, on this machine: guest. The test plays its kernel and its turns. */
export class FakeKafkaClient {
  readonly world: TestBroker
  readonly socket: FakeSocket = new FakeSocket()
  readonly connection: Connection
  /** The socket is closed by the broker. */
  ended: boolean = false
  #taken: number = 0
  #received: Buffer = Buffer.alloc(0)
  #correlationId: number = 0

  constructor(world: TestBroker, head: KafkaHead) {
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
    this.socket.on('finish', () => (this.ended = true))
    head.accept(this.connection)
  }

  /** Sends a request, runs turns until nothing is left to do, and returns its correlation id. */
  send<K extends ApiKey>(apiKey: K, apiVersion: number, body: Partial<RequestBodies[K]>): number {
    const correlationId = ++this.#correlationId
    const writer = new Writer(256)
    writer.skip(4)
    encodeRequestHeader({ apiKey, apiVersion, correlationId, clientId: 'test' }, writer)
    encodeRequest(apiKey, apiVersion, body, writer)
    writer.buffer.writeInt32BE(writer.position - 4, 0)
    this.socket.emit('data', Buffer.from(writer.written()))
    this.world.run()
    return correlationId
  }

  /** Frames that have come since the last call, without their size. */
  takeFrames(): Buffer[] {
    this.#received = Buffer.concat([this.#received, ...this.socket.taken.slice(this.#taken)])
    this.#taken = this.socket.taken.length
    const frames: Buffer[] = []
    let at = 0
    while (this.#received.length - at >= 4) {
      const end = at + 4 + this.#received.readInt32BE(at)
      if (end > this.#received.length) break
      frames.push(this.#received.subarray(at + 4, end))
      at = end
    }
    this.#received = this.#received.subarray(at)
    return frames
  }

  /** Answers to requests of one kind that have come since the last call, by correlation id. */
  takeAnswers<K extends ApiKey>(apiKey: K, apiVersion: number): [number, ResponseBodies[K]][] {
    return this.takeFrames().map((frame) => {
      const reader = new Reader(frame)
      const correlationId = decodeResponseHeader(apiKey, apiVersion, reader)
      const body = decodeResponse(apiKey, apiVersion, reader)
      if (reader.remaining > 0) throw new Error(`${reader.remaining} bytes behind the answer`)
      return [correlationId, body]
    })
  }
}
