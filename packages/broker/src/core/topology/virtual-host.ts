import type { RandomSource } from '../auth/random.ts'
import { noArguments, type Arguments, type ArgumentValue } from '../arguments.ts'
import { BrokerError, ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import { Queue, type QueueContext, type QueueOptions } from '../queue/queue.ts'
import { DirectMatcher } from '../routing/direct.ts'
import { FanoutMatcher } from '../routing/fanout.ts'
import { HeadersMatcher, headerMatches } from '../routing/headers.ts'
import type { Matcher } from '../routing/matcher.ts'
import type { RoutingTable } from '../routing/route.ts'
import { TopicMatcher } from '../routing/topic.ts'
import type { StreamContext } from '../stream/partition.ts'
import { Streams } from '../stream/streams.ts'
import {
  alternateOf,
  checkQueueArguments,
  checkSameExchange,
  checkSameQueue,
  lockedQueue,
  typeName,
} from './declarations.ts'
import { Exchange, ExchangeType, type Binding, type ExchangeOptions } from './exchange.ts'

/** What a virtual host needs of its broker. */
export interface VirtualHostContext extends QueueContext, StreamContext {
  readonly random: RandomSource
  nextQueueId(): number
  /** A queue is gone; its id names nothing any more. */
  queueDeleted(queue: Queue): void
}

export interface BindingRequest {
  readonly source: string
  readonly destinationKind: 'queue' | 'exchange'
  readonly destination: string
  readonly routingKey: string
  readonly arguments: Arguments
}

/**
 * One name space: exchanges, queues and the bindings between them.
 *
 * It decides what may be declared and keeps the table consistent; who may declare is asked before.
 * Invariant: both ends of every binding exist, and `version` has changed since any of them did.
 */
export class VirtualHost implements RoutingTable {
  readonly name: string
  version: number = 1
  readonly exchanges: Map<string, Exchange> = new Map()
  readonly queues: Map<string, Queue> = new Map()
  /** A name space of their own, beside that of queues. */
  readonly streams: Streams
  readonly #context: VirtualHostContext

  constructor(name: string, context: VirtualHostContext) {
    this.name = name
    this.#context = context
    this.streams = new Streams(context)
    for (const [exchange, type, internal] of PREDECLARED) {
      const options = { type, durable: true, autoDelete: false, internal, arguments: noArguments }
      this.#addExchange(exchange, options)
    }
  }

  findExchange(name: string): Exchange | undefined {
    return this.exchanges.get(name)
  }

  findQueue(name: string): Queue | undefined {
    return this.queues.get(name)
  }

  getExchange(name: string): Exchange {
    const exchange = this.exchanges.get(name)
    if (exchange === undefined) throw notFound('exchange', name, this.name)
    return exchange
  }

  /** The queue, unless another session owns it. */
  getQueue(name: string, session: number): Queue {
    const queue = this.queues.get(name)
    if (queue === undefined) throw notFound('queue', name, this.name)
    this.checkOwner(queue, session)
    return queue
  }

  /** An exclusive queue is its owner's only. [AMQP 1.7.2.1] */
  checkOwner(queue: Queue, session: number): void {
    const owner = queue.options.exclusiveOwner
    if (owner !== 0 && owner !== session) throw lockedQueue(queue.name, this.name)
  }

  declareExchange(name: string, options: ExchangeOptions): void {
    checkNotDefault(name)
    const existing = this.exchanges.get(name)
    if (existing !== undefined) return checkSameExchange(existing, options, this.name)
    if (name.startsWith('amq.')) {
      throw new BrokerError(
        ErrorCode.accessRefused,
        `exchange name '${name}' contains reserved prefix 'amq.*'`,
      )
    }
    this.#addExchange(name, options)
  }

  #addExchange(name: string, options: ExchangeOptions): void {
    const alternate = alternateOf(name, options.arguments, this.name)
    this.exchanges.set(name, new Exchange(name, options, newMatcher(options.type), alternate))
    this.version++
  }

  /** Deleting what does not exist succeeds. [RabbitMQ >= 3.2] */
  deleteExchange(name: string, options: { readonly ifUnused: boolean }): void {
    checkNotDefault(name)
    if (name.startsWith('amq.')) {
      const where = `exchange '${name}' in vhost '${this.name}'`
      throw new BrokerError(ErrorCode.accessRefused, `deletion of system ${where} not allowed`)
    }
    const exchange = this.exchanges.get(name)
    if (exchange === undefined) return
    if (options.ifUnused && exchange.bindings.size > 0) {
      throw new BrokerError(ErrorCode.inUse, `exchange '${name}' in vhost '${this.name}' in use`)
    }
    this.#removeExchange(exchange)
  }

  /** A work-list instead of recursion: auto-delete exchanges may be bound in a chain of any length. */
  #removeExchange(exchange: Exchange): void {
    const removed = new Set([exchange])
    for (const each of removed) {
      each.deleted = true
      this.exchanges.delete(each.name)
      this.version++
      for (const binding of [...each.bindings, ...each.bindingsTo]) {
        if (this.#unlink(binding)) removed.add(binding.source)
      }
    }
  }

  /** Declares a queue for `session`; an empty name asks for one of ours. */
  declareQueue(name: string, options: QueueOptions, session: number): Queue {
    // One that we have named too: it can be looked for, not declared. [as RabbitMQ]
    if (name.startsWith('amq.')) {
      throw new BrokerError(
        ErrorCode.accessRefused,
        `queue name '${name}' contains reserved prefix 'amq.*'`,
      )
    }
    const existing = name === '' ? undefined : this.queues.get(name)
    if (existing !== undefined) {
      this.checkOwner(existing, session)
      checkSameQueue(existing, options, this.name)
      return existing
    }
    const chosen = name === '' ? this.#inventName() : name
    checkQueueArguments(chosen, options, this.name)
    const queue = new Queue(this.#context.nextQueueId(), chosen, options, this.#context)
    this.queues.set(chosen, queue)
    this.version++
    return queue
  }

  #inventName(): string {
    for (;;) {
      const name = `amq.gen-${this.#context.random.bytes(16).toString('base64url')}`
      if (!this.queues.has(name)) return name
    }
  }

  /** Removes a queue and tells its consumers. Returns how many messages were ready. */
  removeQueue(queue: Queue): number {
    if (queue.deleted) return 0
    const messages = queue.ready
    this.queues.delete(queue.name)
    this.version++
    queue.delete()
    this.#context.queueDeleted(queue)
    for (const binding of this.#bindingsTo(queue)) this.#unbind(binding)
    this.#bindingsByQueue.delete(queue)
    return messages
  }

  /** Rules that end at a queue; kept here, because a queue knows nothing of exchanges. */
  readonly #bindingsByQueue = new Map<Queue, Set<Binding>>()

  #bindingsTo(destination: Queue | Exchange): Set<Binding> {
    if (destination instanceof Exchange) return destination.bindingsTo
    let bindings = this.#bindingsByQueue.get(destination)
    if (bindings === undefined) {
      bindings = new Set()
      this.#bindingsByQueue.set(destination, bindings)
    }
    return bindings
  }

  /** Binding twice is the same as once. */
  bind(request: BindingRequest, session: number): void {
    checkNotDefault(request.source)
    const source = this.getExchange(request.source)
    const destination = this.#destination(request, session)
    checkBinding(source, request)
    if (source.findBinding({ ...request, destination }) !== undefined) return
    if (source.bindings.size >= limits.bindingsMax) {
      throw new BrokerError(
        ErrorCode.resourceError,
        `exchange '${source.name}' has ${limits.bindingsMax} bindings`,
      )
    }
    const { routingKey } = request
    const binding = { source, destination, routingKey, arguments: request.arguments }
    source.addBinding(binding)
    this.#bindingsTo(destination).add(binding)
    this.version++
  }

  /** Unbinding what is not bound, or is not there at all, succeeds. [RabbitMQ >= 3.2] */
  unbind(request: BindingRequest, session: number): void {
    checkNotDefault(request.source)
    const source = this.exchanges.get(request.source)
    const ends = request.destinationKind === 'queue' ? this.queues : this.exchanges
    if (source === undefined || !ends.has(request.destination)) return
    const destination = this.#destination(request, session)
    const binding = source.findBinding({ ...request, destination })
    if (binding !== undefined) this.#unbind(binding)
  }

  #destination(request: BindingRequest, session: number): Queue | Exchange {
    if (request.destinationKind === 'queue') return this.getQueue(request.destination, session)
    checkNotDefault(request.destination)
    return this.getExchange(request.destination)
  }

  /** Removes a binding, and its source if that was to live only as long as it had one. */
  #unbind(binding: Binding): void {
    if (this.#unlink(binding)) this.#removeExchange(binding.source)
  }

  /** True if the source has lost its last binding and is to go with it. */
  #unlink(binding: Binding): boolean {
    const { source, destination } = binding
    if (!source.removeBinding(binding)) return false
    this.#bindingsTo(destination).delete(binding)
    this.version++
    return source.options.autoDelete && source.bindings.size === 0 && !source.deleted
  }
}

const PREDECLARED: readonly (readonly [string, ExchangeType, boolean])[] = [
  ['', ExchangeType.direct, false],
  ['amq.direct', ExchangeType.direct, false],
  ['amq.fanout', ExchangeType.fanout, false],
  ['amq.topic', ExchangeType.topic, false],
  ['amq.headers', ExchangeType.headers, false],
  ['amq.match', ExchangeType.headers, false],
  ['amq.rabbitmq.trace', ExchangeType.topic, true],
]

function newMatcher(type: ExchangeType): Matcher {
  switch (type) {
    case ExchangeType.direct:
      return new DirectMatcher()
    case ExchangeType.fanout:
      return new FanoutMatcher()
    case ExchangeType.topic:
      return new TopicMatcher()
    case ExchangeType.headers:
      return new HeadersMatcher()
  }
}

/** Every queue is bound to it by its name, and that is all there is to it. [RabbitMQ check_not_default_exchange] */
function checkNotDefault(exchange: string): void {
  if (exchange !== '') return
  throw new BrokerError(ErrorCode.accessRefused, 'operation not permitted on the default exchange')
}

function checkBinding(source: Exchange, request: BindingRequest): void {
  const { type } = source.options
  if (type === ExchangeType.headers) {
    checkHeaderMatch(request.arguments.get('x-match'))
  }
  if (type === ExchangeType.topic) {
    const hashes = request.routingKey.split('.').filter((word) => word === '#').length
    if (hashes > limits.topicHashWordsMax) {
      throw new BrokerError(
        ErrorCode.preconditionFailed,
        `Topic binding key '${request.routingKey}' uses ${hashes} '#' wildcards, ` +
          `at most ${limits.topicHashWordsMax} are allowed`,
      )
    }
  }
}

/** In RabbitMQ's words, an Erlang binary included. */
function checkHeaderMatch(how: ArgumentValue | undefined): void {
  if (how === undefined || (typeof how === 'string' && headerMatches.has(how))) return
  const problem =
    typeof how === 'string'
      ? `value <<"${how}">>; expected all, any, all-with-x, or any-with-x`
      : `type ${typeName(how)}; expected longstr`
  throw new BrokerError(ErrorCode.preconditionFailed, `Invalid x-match field ${problem}`)
}

function notFound(kind: 'queue' | 'exchange', name: string, vhost: string): BrokerError {
  return new BrokerError(ErrorCode.notFound, `no ${kind} '${name}' in vhost '${vhost}'`)
}
