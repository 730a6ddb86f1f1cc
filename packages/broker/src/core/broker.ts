import type { Logger } from '../base/log.ts'
import type { Timers } from '../base/timers.ts'
import type { Turn } from '../base/turn.ts'
import type { RecordLog } from '../storage/message-log.ts'
import { Alarms } from './alarms.ts'
import {
  AccessControl,
  describeRefusal,
  type Action,
  type NamedResource,
  type Resource,
} from './auth/access-control.ts'
import { FailedLogins } from './auth/failed-logins.ts'
import type { RandomSource } from './auth/random.ts'
import type { User } from './auth/user.ts'
import type { Committer, Durability, Safety } from './commits.ts'
import { Completions, type BrokerStore } from './completions.ts'
import { Connections } from './connections.ts'
import { Delivery } from './consumer.ts'
import { BrokerError, ErrorCode } from './errors.ts'
import { Groups } from './groups.ts'
import { FeedCursors } from './feed/feed-cursors.ts'
import { Identity } from './identity.ts'
import { limits } from './limits.ts'
import { Memory } from './memory.ts'
import { MessageFormats, StoredMessage } from './message.ts'
import { done, empty, type Caller, type Outcome, type QueueOutcome } from './outcome.ts'
import { Publisher, type PublisherContext } from './publisher.ts'
import { checkDeletion, checkThere, getSoundQueue, refuseStream, whereOf } from './queue-checks.ts'
import { ConsumerEntry } from './queue/consumers.ts'
import { QueueHomes } from './queue/queue-homes.ts'
import type { Queue } from './queue/queue.ts'
import type {
  ConsumeRequest,
  DeleteExchangeRequest,
  DeleteQueueRequest,
  ExchangeRequest,
  FeedRequest,
  QueueRequest,
  SubscribeRequest,
} from './requests.ts'
import type { DecompressLater } from './stream/partition-reader.ts'
import { StreamAppender } from './stream/stream-appender.ts'
import { StreamConsumers } from './stream/stream-consumers.ts'
import type { Stream } from './stream/stream.ts'
import type { Subscription } from './subscription/subscription.ts'
import type { Declaration } from './topology/declaration.ts'
import { Definitions } from './topology/definitions.ts'
import { isStreamQueue } from './topology/stream-queue.ts'
import type { BindingRequest, VirtualHost } from './topology/virtual-host.ts'
import { VirtualHosts, type VirtualHostsContext } from './topology/virtual-hosts.ts'
import { Totals } from './totals.ts'

export interface BrokerOptions {
  readonly turn: Turn
  readonly timers: Timers
  readonly messageLog: RecordLog
  readonly memoryBytesMax: number
  readonly random: RandomSource
  readonly logger: Logger
  /** Where everything that is to last is kept; absent, nothing lasts. */
  readonly store?: BrokerStore
  /** For feeds and consumers of streams; absent, compressed batches cannot be opened. */
  readonly decompress?: DecompressLater
}

/**
 * What a head may ask of the core.
 *
 * Every call is answered by a completion (caller, token), later in the turn or when the disk has what the call did, never by its
 * return: that is what lets a queue live elsewhere one day. Only a publish says at once how many it reached. A token of 0 asks for no
 * answer. It knows no protocol. Invariant: an error of one caller changes nothing for the others, and nobody is told of
 * a change that a power cut could still take back.
 */
export class Broker {
  readonly turn: Turn
  readonly timers: Timers
  readonly messages: RecordLog
  readonly memory: Memory
  readonly alarms: Alarms
  readonly access: AccessControl
  readonly failedLogins: FailedLogins = new FailedLogins()
  readonly formats: MessageFormats = new MessageFormats()
  readonly decompress: DecompressLater
  /** Of all that is published but by feeds. */
  readonly appender: StreamAppender
  readonly feedCursors: FeedCursors = new FeedCursors()
  readonly streamConsumers: StreamConsumers
  readonly random: RandomSource
  readonly logger: Logger
  readonly identity: Identity
  readonly completions: Completions
  readonly connections: Connections
  readonly groups: Groups = new Groups()
  readonly totals: Totals = new Totals()
  /** Of queues and streams that do not say. */
  readonly durability: Durability
  readonly #store: BrokerStore | null
  readonly virtualHosts: VirtualHosts
  /** All that is declared, to be kept and to be taken back. */
  readonly definitions: Definitions
  readonly #queues = new QueueHomes()
  readonly #consumers = new Map<number, ConsumerHome>()
  /** What basic.get got, for the length of its answer. */
  readonly #message = new StoredMessage()
  #lastId: number = 0

  constructor(options: BrokerOptions) {
    const { store = null, turn, timers, random, logger, memoryBytesMax } = options
    this.turn = turn
    this.timers = timers
    this.messages = options.messageLog
    this.messages.bytesMax = memoryBytesMax
    this.random = random
    this.logger = logger
    this.memory = new Memory(memoryBytesMax, limits.memoryResumeRatio)
    const diskFreeBytesMin = store?.diskFreeBytesMin ?? 0
    this.alarms = new Alarms({ memory: this.memory, diskFreeBytesMin, timers, logger })
    this.durability = store?.durability ?? 'memory'
    this.#store = store
    this.decompress = options.decompress ?? (() => Promise.resolve(null))
    this.appender = new StreamAppender({ turn, formats: this.formats })
    this.streamConsumers = new StreamConsumers(this)
    const gather = (): void => this.appender.flush()
    this.completions = new Completions(store, { turn, logger, gather })
    const declared = (declarations: readonly Declaration[]): void =>
      this.completions.declared(declarations)
    this.identity = new Identity(random, declared)
    this.connections = new Connections(turn.clock)
    const onUserRemoved = ({ name }: User): void => this.connections.disconnectUser(name)
    this.access = new AccessControl({ random, declared, onUserRemoved })
    this.virtualHosts = new VirtualHosts(this.#newContext(declared))
    this.definitions = new Definitions(this)
    turn.setHooks({ answer: () => this.completions.answer(), commit: () => this.#endTurn() })
  }

  #newContext(declared: (declarations: readonly Declaration[]) => void): VirtualHostsContext {
    const { durability } = this
    return {
      store: this.#store?.queues ?? null,
      streams: this.#store?.streams ?? null,
      declarations: this.#store === null ? null : { durability, declared },
      nextObjectId: (count: number) => this.identity.nextObjectId(count),
      objectIdsBelow: () => this.identity.objectIdsBelow,
      queueAdded: (queue: Queue, vhost: VirtualHost) => this.#queues.add({ queue, vhost }),
      log: this.messages,
      memory: this.memory,
      delivery: new Delivery(new StoredMessage()),
      random: this.random,
      turn: this.turn,
      timers: this.timers,
      alarms: this.alarms,
      logger: this.logger,
      formats: this.formats,
      decompress: this.decompress,
      feedCursors: this.feedCursors,
      feedPublishing: { ...this.#publishing, access: everythingAllowed },
      whenSafe: (committer: Committer, safety: Safety) => this.whenSafe(committer, safety),
      nextQueueId: () => this.nextId(),
      queueDeleted: (queue: Queue) => this.#queueDeleted(queue),
      queueStopped: (queue: Queue) => this.#cancelConsumers(queue),
      streamDeleted: (stream: Stream) => this.#streamDeleted(stream),
    }
  }

  #endTurn(): void {
    this.completions.endTurn()
    this.alarms.measureMemory(this.messages.bytes)
  }

  /** A number that nothing else in this broker has; it names sessions and consumers. */
  nextId(): number {
    return ++this.#lastId
  }

  addVirtualHost(name: string): VirtualHost {
    return this.virtualHosts.add(name)
  }

  /** With all that is in it. Who is in it is told and disconnected; users whose own it is stay. */
  deleteVirtualHost(caller: Caller, token: number, name: string): void {
    this.completions.change(caller, token, () => {
      this.#require(caller, 'administer', { kind: 'broker' })
      const vhost = this.virtualHosts.remove(name)
      this.access.permissions.removeVhost(name)
      this.connections.disconnectVirtualHost(name)
      this.groups.removeVirtualHost(vhost)
      this.totals.virtualHostGone(vhost)
      return done
    })
  }

  findVirtualHost(name: string): VirtualHost | undefined {
    return this.virtualHosts.find(name)
  }

  /** A source of messages for this caller. Throws nothing; what it may do is asked at each new address. */
  newPublisher(caller: Caller): Publisher {
    return new Publisher(this.#publishing, caller.vhost, caller.principal)
  }

  get #publishing(): PublisherContext {
    const { messages: log, access, formats, appender } = this
    return { log, journal: this.#store?.queues?.journal ?? null, access, formats, appender }
  }

  /** Has `commit` called when all that is appended in this turn is as safe as that. Asking once a turn and safety is enough. */
  whenSafe(committer: Committer, safety: Safety): void {
    this.completions.whenSafe(committer, safety)
  }

  declareExchange(caller: Caller, token: number, request: ExchangeRequest): void {
    this.completions.change(caller, token, () => {
      const { name, options } = request
      this.#authorize(caller, 'configure', { kind: 'exchange', name })
      const alternate = options.arguments.get('alternate-exchange')
      if (typeof alternate === 'string') {
        this.#authorize(caller, 'read', { kind: 'exchange', name })
        this.#authorize(caller, 'write', { kind: 'exchange', name: alternate })
      }
      caller.vhost.declareExchange(name, options)
      return done
    })
  }

  /** Completes with done if the exchange exists. */
  checkExchange(caller: Caller, token: number, name: string): void {
    this.completions.call(caller, token, () => {
      this.#authorize(caller, 'describe', { kind: 'exchange', name })
      caller.vhost.getExchange(name)
      return done
    })
  }

  deleteExchange(caller: Caller, token: number, request: DeleteExchangeRequest): void {
    this.completions.change(caller, token, () => {
      this.#authorize(caller, 'configure', { kind: 'exchange', name: request.name })
      caller.vhost.deleteExchange(request.name, request)
      return done
    })
  }

  bind(caller: Caller, token: number, request: BindingRequest): void {
    this.completions.change(caller, token, () => {
      this.#authorizeBinding(caller, request)
      caller.vhost.bind(request, caller.id)
      return done
    })
  }

  unbind(caller: Caller, token: number, request: BindingRequest): void {
    this.completions.change(caller, token, () => {
      this.#authorizeBinding(caller, request)
      caller.vhost.unbind(request, caller.id)
      return done
    })
  }

  /** Who declares a feed must be allowed to read the stream and to write to the exchange. */
  declareFeed(caller: Caller, token: number, { name, options }: FeedRequest): void {
    this.completions.change(caller, token, () => {
      this.#authorize(caller, 'read', { kind: 'stream', name: options.stream })
      this.#authorize(caller, 'write', { kind: 'exchange', name: options.exchange })
      caller.vhost.feeds.declare(name, options)
      return done
    })
  }

  deleteFeed(caller: Caller, token: number, name: string): void {
    this.completions.change(caller, token, () => {
      const feed = caller.vhost.feeds.find(name)
      if (feed === undefined) return done
      this.#authorize(caller, 'read', { kind: 'stream', name: feed.options.stream })
      this.#authorize(caller, 'write', { kind: 'exchange', name: feed.options.exchange })
      caller.vhost.feeds.delete(name)
      return done
    })
  }

  #authorizeBinding(caller: Caller, request: BindingRequest): void {
    this.#authorize(caller, 'write', { kind: request.destinationKind, name: request.destination })
    this.#authorize(caller, 'read', { kind: 'exchange', name: request.source })
  }

  /** Completes with the queue's name and counts. */
  declareQueue(caller: Caller, token: number, request: QueueRequest): void {
    this.completions.change(caller, token, () => {
      const { name, options } = request
      // A name of ours is anything; RabbitMQ asks about the name it has made, which no sane pattern names.
      if (name !== '') this.#authorize(caller, 'configure', { kind: 'queue', name })
      const { vhost, id } = caller
      const isStream = isStreamQueue(options) || vhost.findStreamQueue(name) !== undefined
      return isStream
        ? this.#streamCounts(vhost.declareStreamQueue(name, options, id))
        : countsOf(vhost.declareQueue(name, options, id))
    })
  }

  #streamCounts(stream: Stream): QueueOutcome {
    const { name, records: messages } = stream
    return { kind: 'queue', name, messages, consumers: this.streamConsumers.count(stream) }
  }

  /** As declareQueue, of a queue that must exist. */
  checkQueue(caller: Caller, token: number, name: string): void {
    this.completions.call(caller, token, () => {
      this.#authorize(caller, 'describe', { kind: 'queue', name })
      const stream = caller.vhost.findStreamQueue(name)
      if (stream !== undefined) return this.#streamCounts(stream)
      return countsOf(caller.vhost.getQueue(name, caller.id))
    })
  }

  /** Completes with `removed`; deleting what does not exist succeeds. */
  deleteQueue(caller: Caller, token: number, request: DeleteQueueRequest): void {
    this.completions.change(caller, token, () => {
      const { name } = request
      this.#authorize(caller, 'configure', { kind: 'queue', name })
      const { vhost } = caller
      const stream = vhost.findStreamQueue(name)
      const queue = vhost.findQueue(name)
      if (stream !== undefined) return this.#deleteStream(vhost, stream, request)
      if (queue === undefined) return { kind: 'removed', messages: 0 }
      vhost.checkOwner(queue, caller.id)
      checkDeletion(whereOf(vhost, name), request, countsOf(queue))
      return { kind: 'removed', messages: vhost.removeQueue(queue) }
    })
  }

  #deleteStream(vhost: VirtualHost, stream: Stream, request: DeleteQueueRequest): Outcome {
    const counts = this.#streamCounts(stream)
    checkDeletion(whereOf(vhost, stream.name), request, counts)
    vhost.streams.delete(stream)
    return { kind: 'removed', messages: counts.messages }
  }

  purgeQueue(caller: Caller, token: number, name: string): void {
    this.completions.call(caller, token, () => {
      this.#authorize(caller, 'read', { kind: 'queue', name })
      refuseStream(caller.vhost, name, 'queue.purge')
      return { kind: 'removed', messages: caller.vhost.getQueue(name, caller.id).purge() }
    })
  }

  /** Completes with the consumer's id, before its first message. */
  consume(caller: Caller, token: number, request: ConsumeRequest): void {
    this.completions.callLater(caller, token, () => {
      const { queue: name, consumer, options } = request
      this.#authorize(caller, 'read', { kind: 'queue', name })
      const stream = caller.vhost.findStreamQueue(name)
      if (stream !== undefined) return this.#consumeStream(caller.vhost, stream, request)
      const queue = getSoundQueue(caller, name)
      const others = queue.consumers
      if (others.size > 0 && (options.exclusive || others.hasExclusive())) {
        const where = whereOf(caller.vhost, name)
        throw new BrokerError(ErrorCode.accessRefused, `${where} in exclusive use`)
      }
      const entry = new ConsumerEntry(this.nextId(), consumer, caller.id, options)
      this.#consumers.set(entry.id, { entry, queue, vhost: caller.vhost })
      queue.consumers.add(entry)
      this.turn.schedule(queue)
      return { kind: 'consuming', consumer: entry.id }
    })
  }

  #consumeStream(vhost: VirtualHost, stream: Stream, request: ConsumeRequest): Outcome {
    const { consumer, reading, options } = request
    const [id, where] = [this.nextId(), whereOf(vhost, stream.name)]
    this.streamConsumers.add(stream, { id, consumer, noAck: options.noAck, reading, where })
    return { kind: 'consuming', consumer: id }
  }

  /** The consumer gets no more messages from now on; those that are out stay out. */
  cancel(caller: Caller, token: number, consumer: number): void {
    this.completions.call(caller, token, () => {
      const home = this.#consumers.get(consumer)
      if (home === undefined) this.streamConsumers.cancel(consumer)
      if (home === undefined) return done
      this.#consumers.delete(consumer)
      home.queue.consumers.remove(home.entry)
      if (home.queue.options.autoDelete && home.queue.consumers.size === 0)
        home.vhost.removeQueue(home.queue)
      return done
    })
  }

  /** A consumer that was not ready is again. */
  consumerReady(consumer: number): void {
    const home = this.#consumers.get(consumer)
    if (home === undefined) return this.streamConsumers.ready(consumer)
    home.queue.consumers.ready(home.entry)
    if (home.queue.ready > 0) this.turn.schedule(home.queue)
  }

  /** Completes with one message, held until it is settled, or with empty. */
  get(caller: Caller, token: number, name: string): void {
    this.completions.callLater(caller, token, () => {
      this.#authorize(caller, 'read', { kind: 'queue', name })
      refuseStream(caller.vhost, name, 'basic.get')
      const queue = getSoundQueue(caller, name)
      const got = queue.get()
      if (got === null) return empty
      if (got === 'later') {
        queue.await({ retry: () => this.completions.retry(caller) })
        return null
      }
      const message = this.#message
      queue.load(got.sequence, message)
      return { kind: 'got', queue: queue.id, messages: queue.ready, message, ...got }
    })
  }

  /** From now on, in this turn already, the subscriber hears what comes to the exchange. */
  subscribe(caller: Caller, token: number, { exchange, subscription }: SubscribeRequest): void {
    this.completions.call(caller, token, () => {
      this.#authorize(caller, 'read', { kind: 'exchange', name: exchange })
      caller.vhost.getExchange(exchange)
      caller.vhost.subscriptions.add(exchange, subscription)
      return done
    })
  }

  /** What is no subscription, or none any more, is not missed. */
  unsubscribe(caller: Caller, token: number, subscription: Subscription): void {
    this.completions.call(caller, token, () => {
      caller.vhost.subscriptions.remove(subscription)
      return done
    })
  }

  /** The message is done with. What was delivered by a queue that is gone is done with already. */
  settle(queue: number, sequence: number): void {
    this.#queues.find(queue)?.settle(sequence)
  }

  /** The message goes back to its place in the queue. */
  requeue(queue: number, sequence: number): void {
    this.#queues.find(queue)?.requeue(sequence)
  }

  /** Ends all that a caller owns exclusively. Its consumers and messages the head has given back before. */
  disconnect(caller: Caller): void {
    for (const { queue, vhost } of this.#queues.ownedBy(caller.id)) vhost.removeQueue(queue)
  }

  #queueDeleted(queue: Queue): void {
    this.#queues.remove(queue)
    this.totals.queueGone(queue)
    this.#cancelConsumers(queue)
  }

  #streamDeleted(stream: Stream): void {
    this.totals.streamGone(stream)
    this.streamConsumers.streamRemoved(stream)
  }

  #cancelConsumers(queue: Queue): void {
    for (const entry of [...queue.consumers.values()]) {
      queue.consumers.remove(entry)
      this.#consumers.delete(entry.id)
      entry.consumer.cancelled()
    }
  }

  #authorize(caller: Caller, action: Action, named: Pick<NamedResource, 'kind' | 'name'>): void {
    checkThere(caller.vhost)
    this.#require(caller, action, { ...named, vhost: caller.vhost.name })
  }

  #require(caller: Caller, action: Action, resource: Resource): void {
    if (this.access.authorize(caller.principal, action, resource)) return
    throw new BrokerError(
      ErrorCode.accessRefused,
      describeRefusal(caller.principal, action, resource),
    )
  }
}

const everythingAllowed = { version: 0, authorize: () => true }

interface ConsumerHome {
  readonly entry: ConsumerEntry
  readonly queue: Queue
  readonly vhost: VirtualHost
}

function countsOf(queue: Queue): QueueOutcome {
  return { kind: 'queue', name: queue.name, messages: queue.ready, consumers: queue.consumers.size }
}
