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
} from './auth/access-control.ts'
import { FailedLogins } from './auth/failed-logins.ts'
import type { RandomSource } from './auth/random.ts'
import type { Committer, Durability, Safety } from './commits.ts'
import { Completions, type BrokerStore } from './completions.ts'
import { Delivery } from './consumer.ts'
import { BrokerError, ErrorCode } from './errors.ts'
import { Identity } from './identity.ts'
import { limits } from './limits.ts'
import { Memory } from './memory.ts'
import { MessageFormats, StoredMessage } from './message.ts'
import { done, empty, type Caller, type Outcome } from './outcome.ts'
import { Publisher } from './publisher.ts'
import { ConsumerEntry } from './queue/consumers.ts'
import type { Queue } from './queue/queue.ts'
import type {
  ConsumeRequest,
  DeleteExchangeRequest,
  DeleteQueueRequest,
  ExchangeRequest,
  QueueRequest,
} from './requests.ts'
import type { Declaration } from './topology/declaration.ts'
import { Definitions } from './topology/definitions.ts'
import type { BindingRequest, VirtualHost, VirtualHostContext } from './topology/virtual-host.ts'
import { VirtualHosts } from './topology/virtual-hosts.ts'

export interface BrokerOptions {
  readonly turn: Turn
  readonly timers: Timers
  readonly messageLog: RecordLog
  readonly memoryBytesMax: number
  readonly random: RandomSource
  readonly logger: Logger
  /** Where everything that is to last is kept; absent, nothing lasts. */
  readonly store?: BrokerStore
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
  readonly random: RandomSource
  readonly logger: Logger
  readonly identity: Identity
  readonly completions: Completions
  /** Of queues and streams that do not say. */
  readonly durability: Durability
  readonly #store: BrokerStore | null
  readonly virtualHosts: VirtualHosts
  /** All that is declared, to be kept and to be taken back. */
  readonly definitions: Definitions
  readonly #queues = new Map<number, QueueHome>()
  /** Exclusive queues by their owner, so that a disconnect does not look at everybody else's. */
  readonly #owned = new Map<number, Set<QueueHome>>()
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
    this.completions = new Completions(store, { turn, logger })
    const declared = (declarations: readonly Declaration[]): void =>
      this.completions.declared(declarations)
    this.identity = new Identity(random, declared)
    this.access = new AccessControl({ random, declared })
    this.virtualHosts = new VirtualHosts(this.#newContext(declared))
    this.definitions = new Definitions(this)
    turn.setHooks({ answer: () => this.completions.answer(), commit: () => this.#endTurn() })
  }

  #newContext(declared: (declarations: readonly Declaration[]) => void): VirtualHostContext {
    const { durability } = this
    return {
      store: this.#store?.queues ?? null,
      streams: this.#store?.streams ?? null,
      declarations: this.#store === null ? null : { durability, declared },
      nextObjectId: (count: number) => this.identity.nextObjectId(count),
      queueAdded: (queue: Queue, vhost: VirtualHost) => this.#addQueue({ queue, vhost }),
      log: this.messages,
      memory: this.memory,
      delivery: new Delivery(new StoredMessage()),
      random: this.random,
      turn: this.turn,
      timers: this.timers,
      whenSafe: (committer: Committer, safety: Safety) => this.whenSafe(committer, safety),
      nextQueueId: () => this.nextId(),
      queueDeleted: (queue: Queue) => this.#queueDeleted(queue),
      queueStopped: (queue: Queue) => this.#cancelConsumers(queue),
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

  findVirtualHost(name: string): VirtualHost | undefined {
    return this.virtualHosts.find(name)
  }

  /** A source of messages for this caller. Throws nothing; what it may do is asked at each new address. */
  newPublisher(caller: Caller): Publisher {
    const { messages: log, access, formats } = this
    const context = { log, journal: this.#store?.queues?.journal ?? null, access, formats }
    return new Publisher(context, caller.vhost, caller.principal)
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
      const queue = caller.vhost.declareQueue(name, options, caller.id)
      return countsOf(queue)
    })
  }

  #addQueue(home: QueueHome): void {
    this.#queues.set(home.queue.id, home)
    const owner = home.queue.options.exclusiveOwner
    if (owner === 0) return
    const owned = this.#owned.get(owner)
    if (owned === undefined) this.#owned.set(owner, new Set([home]))
    else owned.add(home)
  }

  /** As declareQueue, of a queue that must exist. */
  checkQueue(caller: Caller, token: number, name: string): void {
    this.completions.call(caller, token, () => {
      this.#authorize(caller, 'describe', { kind: 'queue', name })
      return countsOf(caller.vhost.getQueue(name, caller.id))
    })
  }

  /** Completes with `removed`; deleting what does not exist succeeds. */
  deleteQueue(caller: Caller, token: number, request: DeleteQueueRequest): void {
    this.completions.change(caller, token, () => {
      const { name } = request
      this.#authorize(caller, 'configure', { kind: 'queue', name })
      const queue = caller.vhost.findQueue(name)
      if (queue === undefined) return { kind: 'removed', messages: 0 }
      caller.vhost.checkOwner(queue, caller.id)
      const where = `queue '${name}' in vhost '${caller.vhost.name}'`
      if (request.ifUnused && queue.consumers.size > 0) {
        throw new BrokerError(ErrorCode.inUse, `${where} in use`)
      }
      if (request.ifEmpty && queue.ready > 0)
        throw new BrokerError(ErrorCode.inUse, `${where} not empty`)
      return { kind: 'removed', messages: caller.vhost.removeQueue(queue) }
    })
  }

  purgeQueue(caller: Caller, token: number, name: string): void {
    this.completions.call(caller, token, () => {
      this.#authorize(caller, 'read', { kind: 'queue', name })
      return { kind: 'removed', messages: caller.vhost.getQueue(name, caller.id).purge() }
    })
  }

  /** Completes with the consumer's id, before its first message. */
  consume(caller: Caller, token: number, request: ConsumeRequest): void {
    this.completions.callLater(caller, token, () => {
      const { queue: name, consumer, options } = request
      this.#authorize(caller, 'read', { kind: 'queue', name })
      const queue = getSoundQueue(caller, name)
      const others = queue.consumers
      if (others.size > 0 && (options.exclusive || others.hasExclusive())) {
        const where = `queue '${name}' in vhost '${caller.vhost.name}'`
        throw new BrokerError(ErrorCode.accessRefused, `${where} in exclusive use`)
      }
      const entry = new ConsumerEntry(this.nextId(), consumer, caller.id, options)
      this.#consumers.set(entry.id, { entry, queue, vhost: caller.vhost })
      queue.consumers.add(entry)
      this.turn.schedule(queue)
      return { kind: 'consuming', consumer: entry.id }
    })
  }

  /** The consumer gets no more messages from now on; those that are out stay out. */
  cancel(caller: Caller, token: number, consumer: number): void {
    this.completions.call(caller, token, () => {
      const home = this.#consumers.get(consumer)
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
    if (home === undefined) return
    home.queue.consumers.ready(home.entry)
    if (home.queue.ready > 0) this.turn.schedule(home.queue)
  }

  /** Completes with one message, held until it is settled, or with empty. */
  get(caller: Caller, token: number, name: string): void {
    this.completions.callLater(caller, token, () => {
      this.#authorize(caller, 'read', { kind: 'queue', name })
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

  /** The message is done with. What was delivered by a queue that is gone is done with already. */
  settle(queue: number, sequence: number): void {
    this.#findQueue(queue)?.settle(sequence)
  }

  /** The message goes back to its place in the queue. */
  requeue(queue: number, sequence: number): void {
    this.#findQueue(queue)?.requeue(sequence)
  }

  /** Ends all that a caller owns exclusively. Its consumers and messages the head has given back before. */
  disconnect(caller: Caller): void {
    for (const { queue, vhost } of this.#owned.get(caller.id) ?? []) vhost.removeQueue(queue)
  }

  /** The queue that was asked for last: acks come from one queue for a while. */
  #lastQueue: Queue | null = null

  #findQueue(id: number): Queue | undefined {
    if (this.#lastQueue !== null && this.#lastQueue.id === id) return this.#lastQueue
    const queue = this.#queues.get(id)?.queue
    if (queue !== undefined) this.#lastQueue = queue
    return queue
  }

  #queueDeleted(queue: Queue): void {
    this.#removeHome(queue)
    if (this.#lastQueue === queue) this.#lastQueue = null
    this.#cancelConsumers(queue)
  }

  #cancelConsumers(queue: Queue): void {
    for (const entry of [...queue.consumers.values()]) {
      queue.consumers.remove(entry)
      this.#consumers.delete(entry.id)
      entry.consumer.cancelled()
    }
  }

  #removeHome(queue: Queue): void {
    const home = this.#queues.get(queue.id)
    if (home === undefined) return
    this.#queues.delete(queue.id)
    const { exclusiveOwner } = queue.options
    const owned = this.#owned.get(exclusiveOwner)
    if (owned?.delete(home) === true && owned.size === 0) this.#owned.delete(exclusiveOwner)
  }

  #authorize(caller: Caller, action: Action, named: Pick<NamedResource, 'kind' | 'name'>): void {
    const resource = { ...named, vhost: caller.vhost.name }
    if (this.access.authorize(caller.principal, action, resource)) return
    throw new BrokerError(
      ErrorCode.accessRefused,
      describeRefusal(caller.principal, action, resource),
    )
  }
}

interface QueueHome {
  readonly queue: Queue
  readonly vhost: VirtualHost
}

interface ConsumerHome {
  readonly entry: ConsumerEntry
  readonly queue: Queue
  readonly vhost: VirtualHost
}

function countsOf(queue: Queue): Outcome {
  return { kind: 'queue', name: queue.name, messages: queue.ready, consumers: queue.consumers.size }
}

/** The queue, unless what the disk has of it is damaged. */
function getSoundQueue({ vhost, id }: Caller, name: string): Queue {
  const queue = vhost.getQueue(name, id)
  const stopped = queue.durable?.stopped ?? null
  if (stopped === null) return queue
  const where = `queue '${name}' in vhost '${vhost.name}'`
  throw new BrokerError(ErrorCode.damaged, `${where} has stopped: ${stopped.message}`)
}
