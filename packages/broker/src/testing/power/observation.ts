import type { Consumer, Delivery } from '../../core/consumer.ts'
import type { Queue } from '../../core/queue/queue.ts'
import type { Declaration } from '../../core/topology/declaration.ts'
import type { DurableBroker } from '../durable-broker.ts'
import { bindingKey, exchangeKey, queueKey } from './history.ts'
import { offsetKey, streamKey } from './stream-history.ts'
import { observeStreams, type ObservedStream } from './stream-observation.ts'
import type { Messages } from './messages.ts'

export interface ObservedMessage {
  readonly id: number
  readonly sequence: number
  readonly redelivered: boolean
  readonly returns: number
  readonly isWhole: boolean
}

export interface ObservedQueue {
  readonly name: string
  readonly objectId: number
  /** How many there were to be. */
  readonly ready: number
  /** In the order in which they were delivered. */
  readonly messages: readonly ObservedMessage[]
  /** Why it stopped; null if it did not. */
  readonly stopped: Error | null
}

/** All that a broker has after a start. */
export interface Observation {
  /** What each thing is that is declared, by the keys of a history's timelines. */
  readonly definitions: ReadonlyMap<string, string>
  /** By object id. */
  readonly queues: ReadonlyMap<number, ObservedQueue>
  /** By id in hexadecimal. */
  readonly streams: ReadonlyMap<string, ObservedStream>
}

/** Takes everything out of all queues, and settles nothing. The broker is to have nobody else. */
export async function observe(durable: DurableBroker, messages: Messages): Promise<Observation> {
  const caller = durable.newCaller()
  const definitions = definitionsOf(durable)
  const drains: Drain[] = []
  for (const queue of durable.vhost.queues.values()) {
    const drain = new Drain(queue, messages)
    drains.push(drain)
    const options = { noAck: false, exclusive: false, priority: 0 }
    durable.broker.consume(caller, 1, { queue: queue.name, consumer: drain, options })
  }
  await durable.settle()
  const streams = await observeStreams(durable)
  const queues = new Map(drains.map((drain) => [drain.objectId, drain.result()]))
  return { definitions, queues, streams }
}

/** What is declared of queues, exchanges, bindings and streams, and which offsets are committed. */
function definitionsOf(durable: DurableBroker): Map<string, string> {
  const definitions = new Map<string, string>()
  for (const declaration of durable.broker.definitions.declarations()) {
    const fact = declaration === null ? null : factOf(declaration)
    if (fact !== null) definitions.set(fact.key, fact.value)
  }
  for (const queue of durable.vhost.queues.values()) {
    definitions.set(queueKey(queue.name), String(queue.options.objectId))
  }
  return definitions
}

function factOf(declaration: Declaration): { key: string; value: string } | null {
  switch (declaration.kind) {
    case 'queue':
      return { key: queueKey(declaration.name), value: String(declaration.objectId) }
    case 'exchange':
      return { key: exchangeKey(declaration.name), value: declaration.type }
    case 'binding':
      return { key: bindingKey(declaration), value: 'bound' }
    case 'stream':
      return { key: streamKey(declaration.name), value: declaration.id.toString('hex') }
    case 'offset': {
      const stream = declaration.stream.toString('hex')
      return { key: offsetKey({ ...declaration, stream }), value: String(declaration.offset) }
    }
    default:
      return null
  }
}

class Drain implements Consumer {
  readonly objectId: number
  readonly #queue: Queue
  readonly #messages: Messages
  readonly #ready: number
  readonly #found: ObservedMessage[] = []

  constructor(queue: Queue, messages: Messages) {
    this.objectId = queue.options.objectId ?? 0
    this.#queue = queue
    this.#messages = messages
    this.#ready = queue.ready
  }

  ready(): boolean {
    return true
  }

  deliver({ sequence, redelivered, message }: Delivery): void {
    const returns = this.#queue.returns(sequence)
    this.#found.push({ sequence, redelivered, returns, ...this.#messages.identify(message) })
  }

  cancelled(): void {}

  result(): ObservedQueue {
    const { name, durable } = this.#queue
    const stopped = durable?.stopped ?? null
    return {
      name,
      objectId: this.objectId,
      ready: this.#ready,
      messages: this.#found,
      stopped,
    }
  }
}
