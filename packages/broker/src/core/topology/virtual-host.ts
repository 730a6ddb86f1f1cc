import type { RandomSource } from '../auth/random.ts'
import { BrokerError, ErrorCode } from '../errors.ts'
import { Feeds, type FeedsContext } from '../feed/feeds.ts'
import { limits } from '../limits.ts'
import { Queue, type QueueContext, type QueueOptions } from '../queue/queue.ts'
import { AddressTable } from '../routing/address-table.ts'
import type { RoutingTable } from '../routing/route.ts'
import { CommittedOffsets } from '../stream/committed-offsets.ts'
import type { StreamContext } from '../stream/partition.ts'
import type { Stream } from '../stream/stream.ts'
import { Streams } from '../stream/streams.ts'
import { Subscriptions } from '../subscription/subscriptions.ts'
import { checkBinding, checkRoomForBinding, type BindingRequest } from './binding-checks.ts'
import type { Declaration, DeclarationContext, DeclarationStore } from './declaration.ts'
import {
  checkQueueArguments,
  checkSameExchange,
  checkSameQueue,
  durabilityOf,
  isKept,
  lockedQueue,
  type QueueTraits,
} from './declarations.ts'
import type { Binding, Destination, Exchange, ExchangeOptions } from './exchange.ts'
import { newExchange, predeclaredExchanges } from './exchanges.ts'
import {
  bindingGone,
  describeBinding,
  describeExchange,
  describeQueue,
  exchangeGone,
  isLasting,
  isLastingBinding,
  listNames,
  listStreamBindings,
  queueGone,
} from './listing.ts'
import { NameTable } from './name-table.ts'
import { NameRestorer } from './restore-names.ts'
import {
  checkAdoptable,
  checkSameStreamQueue,
  checkStreamQueue,
  streamOptionsOf,
} from './stream-queue.ts'

export type { BindingRequest } from './binding-checks.ts'

/** What a virtual host needs of its broker. */
export interface VirtualHostContext
  extends QueueContext, StreamContext, DeclarationContext, FeedsContext {
  readonly random: RandomSource
  nextQueueId(): number
  /** A queue is there: declared, or restored. */
  queueAdded(queue: Queue, vhost: VirtualHost): void
  /** A queue is gone; its id names nothing any more. */
  queueDeleted(queue: Queue): void
  /** A stream is gone: its consumers are to be told. */
  streamDeleted(stream: Stream): void
}

/**
 * One name space: exchanges, queues and the bindings between them.
 *
 * It decides what may be declared, what goes with what, and tells what of it is to be kept; who may declare is asked before.
 * Invariant: what is lasting in the table is what all that was told adds up to.
 */
export class VirtualHost implements RoutingTable {
  readonly name: string
  /** It names nothing any more, and tells nothing: everything here went with it. */
  deleted: boolean = false
  /** A name space of their own, beside that of queues. */
  readonly streams: Streams
  readonly committedOffsets: CommittedOffsets
  readonly feeds: Feeds
  readonly subscriptions: Subscriptions
  /** Known to all who publish here. */
  readonly addresses: AddressTable = new AddressTable()
  readonly #context: VirtualHostContext
  readonly #table = new NameTable({ find: (name) => this.streams.find(name) })
  readonly #restorer: NameRestorer

  constructor(name: string, given: VirtualHostContext) {
    const context = { ...given, declarations: this.#untilDeleted(given.declarations) }
    this.name = name
    this.#context = context
    this.streams = new Streams(name, context, {
      deleted: (stream) => this.#streamDeleted(stream),
      forgotten: (stream) => this.#streamForgotten(stream),
      replaced: (stream, by) => this.#streamReplaced(stream, by),
    })
    this.feeds = new Feeds({ ...context, vhost: this })
    this.subscriptions = new Subscriptions(context)
    this.committedOffsets = new CommittedOffsets({
      vhost: name,
      streams: this.streams,
      declarations: context.declarations,
      metadataBytesMax: limits.offsetMetadataBytesMax,
      bytesMax: limits.offsetBytesMax,
    })
    this.#restorer = new NameRestorer({
      vhost: name,
      table: this.#table,
      addQueue: (queue, options) => this.#addQueue(queue, options),
      removeQueue: (queue) => {
        this.#table.removeQueue(queue)
        this.#dropQueue(queue)
      },
    })
    for (const exchange of predeclaredExchanges(name)) this.#table.addExchange(exchange)
  }

  #untilDeleted(store: DeclarationStore | null): DeclarationStore | null {
    if (store === null) return null
    const declared = (declarations: readonly Declaration[]): void => {
      if (!this.deleted) store.declared(declarations)
    }
    return { durability: store.durability, declared }
  }

  get version(): number {
    return this.#table.version
  }

  get exchanges(): ReadonlyMap<string, Exchange> {
    return this.#table.exchanges
  }

  get queues(): ReadonlyMap<string, Queue> {
    return this.#table.queues
  }

  findExchange(name: string): Exchange | undefined {
    return this.#table.findExchange(name)
  }

  findQueue(name: string): Queue | undefined {
    return this.#table.findQueue(name)
  }

  /** The stream that goes by this name among queues. */
  findStreamQueue(name: string): Stream | undefined {
    return this.#table.findStreamQueue(name)
  }

  /** All of those. */
  *streamQueues(): Generator<Stream> {
    for (const stream of this.streams.values()) if (stream.queueArguments !== null) yield stream
  }

  getExchange(name: string): Exchange {
    const exchange = this.#table.findExchange(name)
    if (exchange === undefined) throw notFound('exchange', name, this.name)
    return exchange
  }

  /** The queue, unless another session owns it. */
  getQueue(name: string, session: number): Queue {
    const queue = this.#table.findQueue(name)
    if (queue === undefined) throw notFound('queue', name, this.name)
    this.checkOwner(queue, session)
    return queue
  }

  getStream(name: string): Stream {
    const stream = this.streams.find(name)
    if (stream === undefined) throw notFound('stream', name, this.name)
    return stream
  }

  /** An exclusive queue is its owner's only. [AMQP 1.7.2.1] */
  checkOwner(queue: Queue, session: number): void {
    const owner = queue.options.exclusiveOwner
    if (owner !== 0 && owner !== session) throw lockedQueue(queue.name, this.name)
  }

  declareExchange(name: string, options: ExchangeOptions): void {
    checkNotDefault(name)
    const existing = this.#table.findExchange(name)
    if (existing !== undefined) return checkSameExchange(existing, options, this.name)
    if (name.startsWith('amq.')) {
      throw new BrokerError(
        ErrorCode.accessRefused,
        `exchange name '${name}' contains reserved prefix 'amq.*'`,
      )
    }
    const exchange = newExchange(name, options, this.name)
    this.feeds.checkNew(exchange)
    this.#table.addExchange(exchange)
    if (isLasting(exchange)) this.#tell([describeExchange(this.name, exchange)])
  }

  /** Deleting what does not exist succeeds. [RabbitMQ >= 3.2] */
  deleteExchange(name: string, options: { readonly ifUnused: boolean }): void {
    checkNotDefault(name)
    if (name.startsWith('amq.')) {
      const where = `exchange '${name}' in vhost '${this.name}'`
      throw new BrokerError(ErrorCode.accessRefused, `deletion of system ${where} not allowed`)
    }
    const exchange = this.#table.findExchange(name)
    if (exchange === undefined) return
    if (options.ifUnused && exchange.bindings.size > 0) {
      throw new BrokerError(ErrorCode.inUse, `exchange '${name}' in vhost '${this.name}' in use`)
    }
    const gone: Declaration[] = []
    this.#removeExchanges([exchange], gone)
    this.#tell(gone)
  }

  /** A work-list instead of recursion: auto-delete exchanges may be bound in a chain of any length. */
  #removeExchanges(exchanges: Iterable<Exchange>, gone: Declaration[]): void {
    const removed = new Set(exchanges)
    for (const each of removed) {
      for (const { source } of this.#table.removeExchange(each)) {
        if (isLeftOver(source)) removed.add(source)
      }
      if (isLasting(each)) gone.push(exchangeGone(this.name, each))
    }
  }

  /** Declares a queue for `session`; an empty name asks for one of ours. */
  declareQueue(name: string, traits: QueueTraits, session: number): Queue {
    checkNotReserved(name)
    const existing = name === '' ? undefined : this.#table.findQueue(name)
    if (existing !== undefined) {
      this.checkOwner(existing, session)
      checkSameQueue(existing, traits, this.name)
      return existing
    }
    const chosen = name === '' ? this.#inventName() : name
    const { declarations } = this.#context
    checkQueueArguments(chosen, traits, { vhost: this.name, declarations })
    const queue = this.#addQueue(chosen, this.#optionsOf(traits))
    if (isLasting(queue)) this.#tell([describeQueue(this.name, queue)])
    return queue
  }

  /** As declareQueue, of a queue that is a stream, or has the name of one: a new stream, or the topic that is there. */
  declareStreamQueue(name: string, traits: QueueTraits, session: number): Stream {
    checkNotReserved(name)
    const queue = this.#table.findQueue(name)
    if (queue !== undefined) {
      this.checkOwner(queue, session)
      // It is of another type, at least.
      checkSameQueue(queue, traits, this.name)
    }
    const existing = this.findStreamQueue(name)
    if (existing !== undefined) {
      checkSameStreamQueue(existing, traits, this.name)
      return existing
    }
    checkStreamQueue(name, traits, { vhost: this.name, declarations: this.#context.declarations })
    const topic = this.streams.find(name)
    if (topic !== undefined) {
      checkAdoptable(topic, traits, this.name)
      // The default exchange leads to it from now on.
      this.feeds.checkLink(this.getExchange(''), topic)
    }
    const stream = topic ?? this.streams.create(name, streamOptionsOf(traits, this.streams))
    this.streams.declareQueue(stream, traits.arguments)
    this.#table.version++
    return stream
  }

  #inventName(): string {
    for (;;) {
      const name = `amq.gen-${this.#context.random.bytes(16).toString('base64url')}`
      if (!this.#table.queues.has(name)) return name
    }
  }

  #optionsOf(traits: QueueTraits): QueueOptions {
    const { declarations } = this.#context
    const hasId = declarations !== null && isKept(traits)
    const objectId = hasId ? this.#context.nextObjectId(1) : 0
    return { ...traits, objectId, durability: durabilityOf(traits, declarations) }
  }

  #addQueue(name: string, options: QueueOptions): Queue {
    const queue = new Queue(this.#context.nextQueueId(), name, options, this.#context)
    this.#table.addQueue(queue)
    this.#context.queueAdded(queue, this)
    return queue
  }

  /** Removes a queue and tells its consumers. Returns how many messages were ready. */
  removeQueue(queue: Queue): number {
    if (queue.deleted) return 0
    const messages = queue.ready
    const gone: Declaration[] = isLasting(queue) ? [queueGone(this.name, queue)] : []
    const leftOver: Exchange[] = []
    for (const { source } of this.#table.removeQueue(queue)) {
      if (isLeftOver(source)) leftOver.push(source)
    }
    this.#removeExchanges(leftOver, gone)
    this.#tell(gone)
    this.#dropQueue(queue)
    return messages
  }

  /** What only led to it goes with it. */
  #streamDeleted(stream: Stream): void {
    const gone: Declaration[] = []
    const leftOver = this.#streamForgotten(stream).map(({ source }) => source)
    this.#removeExchanges(leftOver.filter(isLeftOver), gone)
    this.#tell(gone)
    this.#context.streamDeleted(stream)
  }

  #streamForgotten(stream: Stream): readonly Binding[] {
    this.feeds.streamRemoved(stream)
    return this.#table.removeStream(stream)
  }

  #streamReplaced(stream: Stream, by: Stream): void {
    this.#table.replaceStream(stream, by)
    this.feeds.streamReplaced(stream, by)
  }

  #dropQueue(queue: Queue): void {
    queue.delete()
    this.#context.queueDeleted(queue)
  }

  /** Binding twice is the same as once. */
  bind(request: BindingRequest, session: number): void {
    checkNotDefault(request.source)
    const source = this.getExchange(request.source)
    const destination = this.#destination(request, session)
    checkBinding(source, request)
    if (source.findBinding({ ...request, destination }) !== undefined) return
    checkRoomForBinding(source)
    this.feeds.checkLink(source, destination)
    const { routingKey } = request
    const binding = { source, destination, routingKey, arguments: request.arguments }
    this.#table.link(binding)
    if (isLastingBinding(binding)) this.#tell([describeBinding(this.name, binding)])
  }

  /** Unbinding what is not bound, or is not there at all, succeeds. [RabbitMQ >= 3.2] */
  unbind(request: BindingRequest, session: number): void {
    checkNotDefault(request.source)
    const source = this.#table.findExchange(request.source)
    const { destinationKind: kind, destination: name } = request
    const end =
      this.#table.findEnd(kind, name) ?? (kind === 'queue' ? this.findStreamQueue(name) : undefined)
    if (source === undefined || end === undefined) return
    const destination = this.#destination(request, session)
    const binding = source.findBinding({ ...request, destination })
    if (binding !== undefined) this.#unbind(binding)
  }

  /** Removes a binding, and its source if that was to live only as long as it had one. */
  #unbind(binding: Binding): void {
    const { source } = binding
    this.#table.unlink(binding)
    const gone: Declaration[] = isLastingBinding(binding) ? [bindingGone(this.name, binding)] : []
    if (isLeftOver(source)) this.#removeExchanges([source], gone)
    this.#tell(gone)
  }

  /** Nothing is in it that has to be let go. */
  get isEmpty(): boolean {
    return this.queues.size === 0 && this.streams.size === 0 && this.feeds.size === 0
  }

  /** It is deleted from now on. Each step then removes one thing that holds something: the rest goes with the object. */
  takeApart(): Generator<void> {
    this.deleted = true
    return this.#removeAll()
  }

  *#removeAll(): Generator<void> {
    // Maps go on rightly when what was just looked at is removed.
    for (const { name } of this.feeds.values()) yield this.feeds.delete(name)
    for (const queue of this.queues.values()) yield void this.removeQueue(queue)
    for (const stream of this.streams.values()) yield this.streams.delete(stream)
  }

  #destination(
    { destinationKind: kind, destination }: BindingRequest,
    session: number,
  ): Destination {
    if (kind === 'stream') return this.getStream(destination)
    if (kind === 'queue') {
      return this.findStreamQueue(destination) ?? this.getQueue(destination, session)
    }
    checkNotDefault(destination)
    return this.getExchange(destination)
  }

  #tell(declarations: readonly Declaration[]): void {
    if (declarations.length > 0) this.#context.declarations?.declared(declarations)
  }

  /** Takes back what is declared here. It is not told again; see NameRestorer for what may be missing. */
  restore(declaration: Declaration): void {
    switch (declaration.kind) {
      case 'exchange':
        return this.#restorer.exchange(declaration)
      case 'exchange-gone':
        return this.#restorer.exchangeGone(declaration.name)
      case 'queue':
        return this.#restorer.queue(declaration)
      case 'queue-gone':
        return this.#restorer.queueGone(declaration)
      case 'binding':
        return this.#restorer.binding(declaration)
      case 'binding-gone':
        return this.#restorer.bindingGone(declaration)
      case 'stream':
      case 'stream-gone':
        return this.streams.restore(declaration)
      case 'stream-queue':
        return this.streams.restoreQueue(declaration)
      case 'feed':
      case 'feed-gone':
        return this.feeds.restore(declaration)
      case 'offset':
      case 'offset-gone':
      case 'group-gone':
        return this.committedOffsets.restore(declaration)
    }
  }

  /** The life has ended to which all belongs that has a lower object id, and all that has none. */
  restoreGone(objectIdsBelow: number): void {
    this.#restorer.allGone(objectIdsBelow)
    this.feeds.restoreGone(objectIdsBelow)
    this.streams.restoreGone(objectIdsBelow)
  }

  /** All has been restored. */
  finishRestoring(): void {
    this.#table.check()
    this.streams.finishRestoring()
  }

  /** All that lasts here, as firstOf() lists things that change meanwhile; null is a step past something that does not last. */
  *declarations(): Generator<Declaration | null> {
    yield* listNames(this.name, this.#table)
    yield* this.streams.declarations()
    yield* listStreamBindings(this.name, this.#table)
    yield* this.feeds.declarations()
    yield* this.committedOffsets.declarations()
  }
}

/** It was to live only as long as it had a binding, and has lost the last one. */
function isLeftOver({ options, bindings, deleted }: Exchange): boolean {
  return options.autoDelete && bindings.size === 0 && !deleted
}

/** One that we have named too: it can be looked for, not declared. [as RabbitMQ] */
function checkNotReserved(queue: string): void {
  if (!queue.startsWith('amq.')) return
  throw new BrokerError(
    ErrorCode.accessRefused,
    `queue name '${queue}' contains reserved prefix 'amq.*'`,
  )
}

/** Every queue is bound to it by its name, and that is all there is to it. [RabbitMQ check_not_default_exchange] */
function checkNotDefault(exchange: string): void {
  if (exchange !== '') return
  throw new BrokerError(ErrorCode.accessRefused, 'operation not permitted on the default exchange')
}

function notFound(kind: 'queue' | 'exchange' | 'stream', name: string, vhost: string): BrokerError {
  return new BrokerError(ErrorCode.notFound, `no ${kind} '${name}' in vhost '${vhost}'`)
}
