import type { Logger } from '../base/log.ts'
import { Ring } from '../base/ring.ts'
import type { Timers } from '../base/timers.ts'
import type { Turn } from '../base/turn.ts'
import type { RecordLog } from '../storage/message-log.ts'
import {
  AccessControl,
  describeRefusal,
  type Action,
  type NamedResource,
} from './auth/access-control.ts'
import { FailedLogins } from './auth/failed-logins.ts'
import type { RandomSource } from './auth/random.ts'
import { Delivery, type Consumer } from './consumer.ts'
import { BrokerError, ErrorCode } from './errors.ts'
import { limits } from './limits.ts'
import { Memory } from './memory.ts'
import { MessageFormats, StoredMessage } from './message.ts'
import { done, empty, type Caller, type Outcome } from './outcome.ts'
import { Publisher } from './publisher.ts'
import { ConsumerEntry, type ConsumeOptions } from './queue/consumers.ts'
import type { Queue, QueueOptions } from './queue/queue.ts'
import type { ExchangeOptions } from './topology/exchange.ts'
import {
  VirtualHost,
  type BindingRequest,
  type VirtualHostContext,
} from './topology/virtual-host.ts'

export interface BrokerOptions {
  readonly turn: Turn
  readonly timers: Timers
  readonly messageLog: RecordLog
  readonly memoryBytesMax: number
  readonly random: RandomSource
  readonly logger: Logger
}

/** Something with work for the end of the turn: confirms to send, marks to raise, readers to wake. */
export interface Committer {
  /** What was appended before this call is now as safe as it was promised to be. */
  commit(): void
}

/** Told when publishers must wait, and when they may go on. */
export interface MemoryListener {
  memoryChanged(): void
}

/**
 * What a head may ask of the core.
 *
 * Every call is answered by a completion (caller, token) later in the turn, never by its return: that is what lets a queue
 * live elsewhere one day. Only a publish says at once how many it reached. A token of 0 asks for no answer.
 * It knows no protocol. Invariant: an error of one caller changes nothing for the others.
 */
export class Broker {
  readonly turn: Turn
  readonly timers: Timers
  readonly messages: RecordLog
  readonly memory: Memory
  readonly access: AccessControl
  readonly failedLogins: FailedLogins = new FailedLogins()
  readonly formats: MessageFormats = new MessageFormats()
  readonly random: RandomSource
  readonly logger: Logger
  readonly #context: VirtualHostContext
  readonly #vhosts = new Map<string, VirtualHost>()
  readonly #queues = new Map<number, QueueHome>()
  /** Exclusive queues by their owner, so that a disconnect does not look at everybody else's. */
  readonly #owned = new Map<number, Set<QueueHome>>()
  readonly #consumers = new Map<number, ConsumerHome>()
  readonly #memoryListeners = new Set<MemoryListener>()
  /** Answers that wait for the end of the task that caused them. */
  readonly #answers = new Ring<Answer>()
  #committers: Committer[] = []
  #lastId: number = 0

  constructor(options: BrokerOptions) {
    this.turn = options.turn
    this.timers = options.timers
    this.messages = options.messageLog
    this.messages.bytesMax = options.memoryBytesMax
    this.random = options.random
    this.logger = options.logger
    this.memory = new Memory(options.memoryBytesMax, limits.memoryResumeRatio)
    this.access = new AccessControl({ random: options.random })
    this.#context = {
      log: options.messageLog,
      memory: this.memory,
      delivery: new Delivery(new StoredMessage()),
      random: options.random,
      turn: options.turn,
      timers: options.timers,
      whenSafe: (committer: Committer) => this.whenSafe(committer),
      nextQueueId: () => this.nextId(),
      queueDeleted: (queue: Queue) => this.#queueDeleted(queue),
    }
    this.turn.setHooks({ answer: () => this.#answer(), commit: () => this.#commit() })
    this.addVirtualHost('/')
  }

  /** A number that nothing else in this broker has. */
  nextId(): number {
    return ++this.#lastId
  }

  addVirtualHost(name: string): VirtualHost {
    const vhost = new VirtualHost(name, this.#context)
    this.#vhosts.set(name, vhost)
    return vhost
  }

  findVirtualHost(name: string): VirtualHost | undefined {
    return this.#vhosts.get(name)
  }

  /** A source of messages for this caller. Throws nothing; what it may do is asked at each new address. */
  newPublisher(caller: Caller): Publisher {
    const context = { log: this.messages, access: this.access, formats: this.formats }
    return new Publisher(context, caller.vhost, caller.principal)
  }

  /** Has `commit` called once, when all that was appended so far is safe. */
  whenSafe(committer: Committer): void {
    this.#committers.push(committer)
    this.turn.arm()
  }

  onMemoryChange(listener: MemoryListener): void {
    this.#memoryListeners.add(listener)
  }

  offMemoryChange(listener: MemoryListener): void {
    this.#memoryListeners.delete(listener)
  }

  declareExchange(caller: Caller, token: number, request: ExchangeRequest): void {
    this.#call(caller, token, () => {
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
    this.#call(caller, token, () => {
      this.#authorize(caller, 'describe', { kind: 'exchange', name })
      caller.vhost.getExchange(name)
      return done
    })
  }

  deleteExchange(
    caller: Caller,
    token: number,
    request: { name: string; ifUnused: boolean },
  ): void {
    this.#call(caller, token, () => {
      this.#authorize(caller, 'configure', { kind: 'exchange', name: request.name })
      caller.vhost.deleteExchange(request.name, request)
      return done
    })
  }

  bind(caller: Caller, token: number, request: BindingRequest): void {
    this.#call(caller, token, () => {
      this.#authorizeBinding(caller, request)
      caller.vhost.bind(request, caller.id)
      return done
    })
  }

  unbind(caller: Caller, token: number, request: BindingRequest): void {
    this.#call(caller, token, () => {
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
    this.#call(caller, token, () => {
      const { name, options } = request
      // A name of ours is anything; RabbitMQ asks about the name it has made, which no sane pattern names.
      if (name !== '') this.#authorize(caller, 'configure', { kind: 'queue', name })
      const queue = caller.vhost.declareQueue(name, options, caller.id)
      if (!this.#queues.has(queue.id)) this.#addQueue({ queue, vhost: caller.vhost })
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
    this.#call(caller, token, () => {
      this.#authorize(caller, 'describe', { kind: 'queue', name })
      return countsOf(caller.vhost.getQueue(name, caller.id))
    })
  }

  /** Completes with `removed`; deleting what does not exist succeeds. */
  deleteQueue(caller: Caller, token: number, request: DeleteQueueRequest): void {
    this.#call(caller, token, () => {
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
    this.#call(caller, token, () => {
      this.#authorize(caller, 'read', { kind: 'queue', name })
      return { kind: 'removed', messages: caller.vhost.getQueue(name, caller.id).purge() }
    })
  }

  /** Completes with the consumer's id, before its first message. */
  consume(caller: Caller, token: number, request: ConsumeRequest): void {
    this.#call(caller, token, () => {
      const { queue: name, consumer, options } = request
      this.#authorize(caller, 'read', { kind: 'queue', name })
      const queue = caller.vhost.getQueue(name, caller.id)
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
    this.#call(caller, token, () => {
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
    this.#call(caller, token, () => {
      this.#authorize(caller, 'read', { kind: 'queue', name })
      const queue = caller.vhost.getQueue(name, caller.id)
      const got = queue.get()
      return got === null ? empty : { kind: 'got', queue: queue.id, messages: queue.ready, ...got }
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

  #call(caller: Caller, token: number, work: () => Outcome): void {
    const outcome = attempt(work)
    if (token === 0) return
    this.#answers.push({ caller, token, outcome })
    this.turn.arm()
  }

  #answer(): void {
    // Taken out before it is handed over: what fails is not to be answered twice.
    for (;;) {
      const answer = this.#answers.shift()
      if (answer === undefined) return
      answer.caller.complete(answer.token, answer.outcome)
    }
  }

  #commit(): void {
    // Calls made outside of any task, as by the embedding program.
    this.#answer()
    const committers = this.#committers
    if (committers.length > 0) {
      this.#committers = []
      for (const committer of committers) committer.commit()
    }
    if (!this.memory.update(this.messages.bytes)) return
    for (const listener of [...this.#memoryListeners]) listener.memoryChanged()
  }
}

export interface ExchangeRequest {
  readonly name: string
  readonly options: ExchangeOptions
}

export interface QueueRequest {
  readonly name: string
  readonly options: QueueOptions
}

export interface DeleteQueueRequest {
  readonly name: string
  readonly ifUnused: boolean
  readonly ifEmpty: boolean
}

export interface ConsumeRequest {
  readonly queue: string
  readonly consumer: Consumer
  readonly options: ConsumeOptions
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

interface Answer {
  readonly caller: Caller
  readonly token: number
  readonly outcome: Outcome
}

/** What the peer did wrong is an answer; what we did wrong is thrown on. */
function attempt(work: () => Outcome): Outcome {
  try {
    return work()
  } catch (error) {
    if (error instanceof BrokerError) return { kind: 'failed', error }
    throw error
  }
}

function countsOf(queue: Queue): Outcome {
  return { kind: 'queue', name: queue.name, messages: queue.ready, consumers: queue.consumers.size }
}
