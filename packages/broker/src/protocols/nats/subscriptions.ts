import type { Heard } from '../../core/subscription/heard.ts'
import { Dialect, Subscription, type Subscriber } from '../../core/subscription/subscription.ts'
import { patternsFor } from './codec/subjects.ts'
import { writeMessage } from './delivery.ts'
import { natsLimits } from './limits.ts'
import type { Session } from './session.ts'

export interface SubscribeOptions {
  readonly sid: string
  readonly pattern: string
  readonly group: string | null
}

/** One SUB of a client: what it is called, how often it has heard something, and when it has heard enough. */
export class ClientSubscription extends Subscription {
  /** Messages that it has heard. */
  delivered: number = 0
  /** How many it ends after; 0 for never. */
  deliveredMax: number = 0

  constructor(session: Session, { sid, pattern, group }: SubscribeOptions) {
    super({
      pattern,
      dialect: Dialect.nats,
      group,
      subscriber: session.subscriptions,
      tag: sid,
      skipPublisher: session.options.echo ? 0 : session.id,
    })
  }

  get sid(): string {
    return this.tag
  }

  /** Whether it has heard enough already. Messages that it has heard before count. [as nats-server] */
  endAfter(messages: number): boolean {
    this.deliveredMax = messages > this.delivered ? messages : 0
    return this.deliveredMax === 0
  }
}

/** What one connection is subscribed to, by the names that it gave. */
export class ClientSubscriptions implements Subscriber {
  readonly #session: Session
  readonly #bySid = new Map<string, ClientSubscription>()
  /** Those without a group; made when somebody asks, since few clients ever do. */
  #byPattern: Map<string, Set<ClientSubscription>> | null = null

  constructor(session: Session) {
    this.#session = session
  }

  get size(): number {
    return this.#bySid.size
  }

  hear(heard: Heard, subscription: Subscription): void {
    const session = this.#session
    // It may have ended while others heard the same message.
    if (!session.connection.open || subscription.exchange === null) return
    const own = subscription as ClientSubscription
    own.delivered++
    session.watch.wrote(writeMessage(session, own.tag, heard))
    if (own.delivered === own.deliveredMax) this.remove(own)
  }

  find(sid: string): ClientSubscription | undefined {
    return this.#bySid.get(sid)
  }

  values(): IterableIterator<ClientSubscription> {
    return this.#bySid.values()
  }

  add(subscription: ClientSubscription): void {
    this.#bySid.set(subscription.sid, subscription)
    if (this.#byPattern !== null) this.#index(this.#byPattern, subscription)
  }

  /** It hears nothing more, from now on. */
  remove(subscription: ClientSubscription): void {
    this.forget(subscription)
    const { broker } = this.#session.head
    broker.unsubscribe(this.#session, 0, subscription)
  }

  /** The core does not have it. */
  forget(subscription: ClientSubscription): void {
    if (this.#bySid.get(subscription.sid) === subscription) this.#bySid.delete(subscription.sid)
    const { pattern } = subscription
    const others = this.#byPattern?.get(pattern)
    others?.delete(subscription)
    if (others?.size === 0) this.#byPattern?.delete(pattern)
  }

  /** One without a group that hears what comes under this subject. */
  findHearing(subject: string): ClientSubscription | undefined {
    this.#byPattern ??= this.#indexAll()
    for (const pattern of patternsFor(subject, natsLimits.patternWordsMax)) {
      const found = this.#byPattern.get(pattern)
      if (found !== undefined) for (const subscription of found) return subscription
    }
    return undefined
  }

  /** Ends up to `count` of them; false if none is left. */
  removeSome(count: number): boolean {
    this.#byPattern = null
    let left = count
    for (const subscription of this.#bySid.values()) {
      if (left-- === 0) return true
      this.remove(subscription)
    }
    return false
  }

  #indexAll(): Map<string, Set<ClientSubscription>> {
    const index = new Map<string, Set<ClientSubscription>>()
    for (const subscription of this.#bySid.values()) this.#index(index, subscription)
    return index
  }

  #index(index: Map<string, Set<ClientSubscription>>, subscription: ClientSubscription): void {
    const { pattern, group } = subscription
    if (group !== null) return
    const others = index.get(pattern)
    if (others === undefined) index.set(pattern, new Set([subscription]))
    else others.add(subscription)
  }
}
