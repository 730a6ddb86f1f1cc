/** A broker with the control API on a real port, and a client of it that holds every answer against the contract. */
import assert from 'node:assert/strict'
import { systemClock } from '../base/clock.ts'
import { Timers } from '../base/timers.ts'
import { Turn } from '../base/turn.ts'
import { openControlListener, type ControlListenerOptions } from '../admin/control-listener.ts'
import type { LazyPort } from '../admin/lazy-port.ts'
import { Broker } from '../core/broker.ts'
import { defaultStreamConfig } from '../core/stream/stream-config.ts'
import { amqpMessageFormat } from '../protocols/amqp/message-format.ts'
import { kafkaMessageFormat } from '../protocols/kafka/message-format.ts'
import { MemoryLog } from '../storage/memory-log.ts'
import { OpenApi } from './openapi.ts'
import { RecordingLogger } from './recording-logger.ts'
import { SeededRandom } from './seeded-random.ts'

export interface Ended {
  after(run: () => Promise<void>): void
}

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Parsed; the text where it is no JSON. */
  readonly body: unknown
}

export interface Ask {
  /** `name:password`; null for no login. */
  readonly login?: string | null
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export class ControlBroker {
  readonly broker: Broker
  readonly logger: RecordingLogger
  readonly listener: LazyPort
  readonly openApi: OpenApi = new OpenApi()
  /** Ids of the operations that were asked and answered without an error. */
  readonly answered: Set<string> = new Set()
  readonly #timers: Timers

  private constructor(parts: {
    readonly broker: Broker
    readonly logger: RecordingLogger
    readonly listener: LazyPort
    readonly timers: Timers
  }) {
    this.broker = parts.broker
    this.logger = parts.logger
    this.listener = parts.listener
    this.#timers = parts.timers
  }

  static async open(
    t: Ended,
    options: {
      readonly deadlines?: ControlListenerOptions['deadlines']
      readonly memoryBytesMax?: number
      readonly hostNames?: readonly string[]
    } = {},
  ): Promise<ControlBroker> {
    const turn = new Turn(systemClock)
    const timers = new Timers(systemClock)
    const logger = new RecordingLogger()
    const broker = new Broker({
      turn,
      timers,
      messageLog: new MemoryLog((task) => turn.schedule(task)),
      memoryBytesMax: options.memoryBytesMax ?? 2 ** 28,
      random: new SeededRandom(1),
      logger,
    })
    broker.access.addDefaultGuest()
    broker.formats.register(amqpMessageFormat)
    broker.formats.register(kafkaMessageFormat)
    const { deadlines, hostNames = [] } = options
    const listener = await openControlListener({
      broker,
      hosts: ['127.0.0.1'],
      port: 0,
      hostNames,
      surroundings: surroundings(),
      ...(deadlines !== undefined && { deadlines }),
    })
    const opened = new ControlBroker({ broker, logger, listener, timers })
    t.after(() => opened.close())
    return opened
  }

  async close(): Promise<void> {
    await this.listener.close()
    this.#timers.close()
  }

  get url(): string {
    return `http://127.0.0.1:${this.listener.port}`
  }

  async ask(method: string, path: string, ask: Ask = {}): Promise<Reply> {
    const { login = 'guest:guest', headers = {}, body } = ask
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(login !== null && { authorization: basic(login) }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return this.#checked(method, path, { status: response.status, headers: response.headers, text })
  }

  #checked(method: string, path: string, answer: Omit<Reply, 'body'>): Reply {
    const { status, headers, text } = answer
    const type = headers.get('content-type') ?? ''
    const operation = this.openApi.find(method, path.split('?', 1)[0] as string)
    if (operation !== undefined && status < 400) this.answered.add(operation.id)
    if (type.startsWith('application/x-ndjson')) {
      const lines = linesOf(text)
      for (const line of lines) this.openApi.checkLine(line)
      return { ...answer, body: lines }
    }
    if (type.startsWith('text/plain')) return { ...answer, body: text }
    const body: unknown = text === '' ? '' : JSON.parse(text)
    this.openApi.check(operation, status, body)
    return { ...answer, body }
  }

  /** Asks, and expects what succeeds. */
  async get(path: string, ask: Ask = {}): Promise<Record<string, unknown>> {
    return this.#expect(await this.ask('GET', path, ask), `GET ${path}`)
  }

  async put(path: string, body: unknown = {}, ask: Ask = {}): Promise<Record<string, unknown>> {
    return this.#expect(await this.ask('PUT', path, { ...ask, body }), `PUT ${path}`)
  }

  async post(path: string, body: unknown = {}, ask: Ask = {}): Promise<Record<string, unknown>> {
    return this.#expect(await this.ask('POST', path, { ...ask, body }), `POST ${path}`)
  }

  async remove(path: string, ask: Ask = {}): Promise<Record<string, unknown>> {
    return this.#expect(await this.ask('DELETE', path, ask), `DELETE ${path}`)
  }

  #expect({ status, text, body }: Reply, what: string): Record<string, unknown> {
    assert.ok(status < 400, `${what}: ${status} ${text}`)
    return body as Record<string, unknown>
  }

  async publish(message: object): Promise<Record<string, unknown>> {
    return this.post('/api/polymq/vhosts/%2F/publish', message)
  }

  /** All lines of a subscription that ends by itself. */
  async lines(parameters: Readonly<Record<string, string>>): Promise<Record<string, unknown>[]> {
    const path = `/api/polymq/vhosts/%2F/messages?${new URLSearchParams(parameters).toString()}`
    const { status, body, text } = await this.ask('GET', path)
    assert.equal(status, 200, text)
    return body as Record<string, unknown>[]
  }

  /** A user without a hash to wait for: its password is guest's. */
  addUser(
    name: string,
    options: { readonly tags: readonly string[]; readonly vhost?: string },
  ): void {
    const guest = this.broker.access.users.find('guest')
    assert.ok(guest !== null)
    const credential = guest.credential.format()
    this.broker.access.users.addWithCredential({ name, tags: options.tags, credential })
  }
}

export function basic(login: string): string {
  return `Basic ${Buffer.from(login).toString('base64')}`
}

export function linesOf(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** What app/control-surroundings.ts brings in earnest. */
function surroundings(): ControlListenerOptions['surroundings'] {
  return {
    version: '0.0.0',
    nodeVersion: 'v24.0.0',
    startedMs: Date.now(),
    data: null,
    listeners: () => [],
    processBytes: () => 1,
    decompress: () => null,
    loadStreamCreator: async () => (vhost, stream) => {
      const { name, partitions = 1 } = stream
      if (vhost.streams.find(name) !== undefined) return
      vhost.streams.create(name, { partitions, config: defaultStreamConfig, settings: new Map() })
    },
  }
}
