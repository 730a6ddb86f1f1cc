import { connect, type Socket } from 'node:net'
import { encodeFrame } from '../../kafka/wire-client.ts'
import { Reader } from '../../../packages/broker/src/base/reader.ts'
import type { ApiKey } from '../../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { decodeResponse } from '../../../packages/broker/src/protocols/kafka/codec/message-codec.ts'
import type {
  RequestBodies,
  ResponseBodies,
} from '../../../packages/broker/src/protocols/kafka/codec/messages.ts'
import { decodeResponseHeader } from '../../../packages/broker/src/protocols/kafka/codec/request-header.ts'
import { tortureLimits } from '../limits.ts'
import { messageOf } from './amqp-link.ts'
import { FrameSplitter } from './frame-splitter.ts'
import { UnansweredError, within, type Load } from './load.ts'

/** The connection ended before the answer: nobody knows what became of the request. */
export class LostError extends Error {
  override readonly name = 'LostError'
}

interface Waiting {
  readonly correlationId: number
  readonly decode: (reader: Reader) => void
  readonly reject: (error: Error) => void
}

/**
 * One Kafka connection of a load process. No stock client: those hide what was never answered behind
 * retries of their own, and it is this that has to be known.
 */
export class KafkaLink {
  readonly conn: string
  isGone: boolean = false
  readonly #load: Load
  readonly #socket: Socket
  readonly #frames = new FrameSplitter()
  /** In the order in which they were asked, which is that of the answers. */
  readonly #waiting: Waiting[] = []
  #correlationId: number = 0

  private constructor(load: Load, conn: string, socket: Socket) {
    this.#load = load
    this.conn = conn
    this.#socket = socket
    let reason: string | undefined
    socket.on('error', (error: Error) => (reason = error.message))
    socket.on('close', () => {
      if (!this.isGone) this.#end('info', reason)
      for (const { reject } of this.#waiting.splice(0)) reject(new LostError(this.conn))
    })
    socket.on('data', (chunk: Buffer) => {
      for (const frame of this.#frames.push(chunk)) this.#answer(frame)
    })
  }

  /** Tries until it succeeds; null when the load is to stop. */
  static async open(load: Load, what: string): Promise<KafkaLink | null> {
    while (!load.isStopping) {
      const link = await KafkaLink.#attempt(load, load.unique(what))
      if (link !== null) return link
      await load.backOff()
    }
    return null
  }

  static async #attempt(load: Load, conn: string): Promise<KafkaLink | null> {
    const event = { f: 'connect', proto: 'kafka', conn } as const
    load.log('invoke', event)
    const { host, kafkaPort: port = 0 } = load.config
    const socket = connect({ host, port, noDelay: true })
    try {
      await within(connected(socket), tortureLimits.connectMs, `the connecting of ${conn}`)
      load.log('ok', event)
      return new KafkaLink(load, conn, socket)
    } catch (error) {
      socket.destroy()
      load.log('fail', { ...event, err: messageOf(error) })
      if (error instanceof UnansweredError) load.fault(error.message)
      return null
    }
  }

  /** Rejects with a LostError if the connection ends before the answer comes. */
  async request<K extends ApiKey>(
    api: K,
    version: number,
    body: Partial<RequestBodies[K]>,
  ): Promise<ResponseBodies[K]> {
    if (this.isGone) throw new LostError(this.conn)
    const { promise, resolve, reject } = Promise.withResolvers<ResponseBodies[K]>()
    const correlationId = ++this.#correlationId
    const decode = (reader: Reader): void => resolve(decodeResponse(api, version, reader))
    const header = (reader: Reader): void => {
      const answered = decodeResponseHeader(api, version, reader)
      if (answered !== correlationId) throw new Error(`answer ${answered} to ${correlationId}`)
      decode(reader)
    }
    this.#waiting.push({ correlationId, decode: header, reject })
    this.#socket.write(encodeFrame(api, version, body, correlationId))
    try {
      return await within(promise, tortureLimits.answerMs, `${this.conn}: request ${api}`)
    } catch (error) {
      if (error instanceof UnansweredError) {
        this.#load.fault(error.message)
        this.cut()
        throw new LostError(this.conn)
      }
      throw error
    }
  }

  /** Cuts the connection without a word, with all that is under way. */
  cut(): void {
    if (!this.isGone) this.#end('invoke')
    this.#socket.destroy()
  }

  /** Kafka knows no goodbye. */
  close(): void {
    if (!this.isGone) this.#end('invoke')
    this.#socket.end()
    this.#socket.destroySoon()
  }

  #answer(frame: Buffer): void {
    if (this.isGone) return
    const waiting = this.#waiting.shift()
    try {
      if (waiting === undefined) throw new Error('an answer that nobody asked for')
      waiting.decode(new Reader(frame))
    } catch (error) {
      this.#load.fault(`${this.conn}: ${messageOf(error)}`)
      this.cut()
      waiting?.reject(new LostError(this.conn))
    }
  }

  #end(type: 'invoke' | 'info', err?: string): void {
    this.isGone = true
    const event = { f: 'disconnect', proto: 'kafka', conn: this.conn } as const
    this.#load.log(type, err === undefined ? event : { ...event, err })
  }
}

/**
 * Opens connections one after the other and works on each until it ends: by a LostError, whose
 * reason is in the history, or by a no of the broker's, which is a fault.
 */
export async function onKafkaLinks(
  load: Load,
  what: string,
  work: (link: KafkaLink) => Promise<void>,
): Promise<void> {
  for (;;) {
    const link = await KafkaLink.open(load, what)
    if (link === null) return
    await work(link).catch((error: unknown) => {
      if (!link.isGone) load.fault(`${link.conn}: ${messageOf(error)}`)
    })
    link.close()
    await load.backOff()
  }
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
}
