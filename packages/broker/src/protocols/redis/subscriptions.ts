import type { Outcome } from '../../core/outcome.ts'
import { Dialect, Subscription, type Subscriber } from '../../core/subscription/subscription.ts'
import type { RedisCaller } from './caller.ts'
import { messageHead, messageHeadView, patternMessageHead, viewOf } from './codec/message-frame.ts'
import { CommandError, errorTextOf, errorTexts } from './errors.ts'
import { Hold } from './hold.ts'
import { redisLimits } from './limits.ts'
import type { Session } from './session.ts'

/** Where everything that Redis clients publish goes, and what they hear comes from. */
export const EXCHANGE = 'amq.topic'

export const Kind = { channel: 'channel', pattern: 'pattern', shard: 'shard' } as const
export type Kind = (typeof Kind)[keyof typeof Kind]

/** As its answers are called. */
const SUBSCRIBED = { channel: 'subscribe', pattern: 'psubscribe', shard: 'ssubscribe' } as const
const UNSUBSCRIBED = {
  channel: 'unsubscribe',
  pattern: 'punsubscribe',
  shard: 'sunsubscribe',
} as const

/** One channel or pattern of a session. */
export class ChannelSubscription extends Subscription {
  /** What each of its messages begins with. */
  readonly frameHead: Buffer
  readonly frameHeadView: DataView

  constructor(pattern: string, dialect: Dialect, subscriber: Subscriber) {
    super({ pattern, dialect, subscriber })
    const isPattern = dialect === Dialect.glob
    this.frameHead = isPattern ? patternMessageHead(pattern) : messageHead
    this.frameHeadView = isPattern ? viewOf(this.frameHead) : messageHeadView
  }
}

/** An answer that is due. */
interface Due {
  readonly kind: Kind
  readonly name: string
  /** The core is asked for it; null if nobody need be. */
  readonly subscription: ChannelSubscription | null
}

/**
 * What one connection listens to. One answer a name, in their order; while the core has not answered, the session's input is held.
 * Invariant: what is in the maps is subscribed in the core, or about to be.
 */
export class Subscriptions {
  readonly channels: Map<string, ChannelSubscription> = new Map()
  readonly patterns: Map<string, ChannelSubscription> = new Map()
  readonly shards: Set<string> = new Set()
  readonly #session: Session
  /** Channels and patterns that have been answered. */
  #count: number = 0
  readonly #due: Due[] = []
  #answered: number = 0

  constructor(session: Session) {
    this.#session = session
  }

  /** Of all kinds: whether a client of RESP2 is in subscriber mode. */
  get size(): number {
    return this.#count + this.shards.size
  }

  /** Each as often as it is named, also what is subscribed already. [as Redis] */
  subscribe(kind: Kind, names: readonly string[]): void {
    const { channels, patterns, shards } = this
    const size = channels.size + patterns.size + shards.size
    if (size + names.length > redisLimits.subscriptionsMax) {
      throw new CommandError(`ERR more than ${redisLimits.subscriptionsMax} subscriptions`)
    }
    if (kind === Kind.shard) return this.#subscribeShards(names)
    const session = this.#session
    const caller = session.caller as RedisCaller
    const { map, dialect } = this.#placeOf(kind)
    for (const name of names) {
      const isNew = !map.has(name)
      const subscription = isNew ? new ChannelSubscription(name, dialect, session) : null
      if (subscription !== null) map.set(name, subscription)
      this.#due.push({ kind, name, subscription })
    }
    session.connection.hold(Hold.call)
    for (const { subscription } of this.#due) {
      if (subscription === null) continue
      session.head.broker.subscribe(caller, 1, { exchange: EXCHANGE, subscription })
    }
    this.#answerKnown()
  }

  /** The core's answers come in the order of the questions. */
  complete(outcome: Outcome): void {
    const due = this.#due[this.#answered++]
    if (due === undefined) return
    const { kind, name } = due
    const { map } = this.#placeOf(kind)
    if (outcome.kind === 'failed') {
      map.delete(name)
      this.#session.pushError(errorTextOf(outcome.error))
    } else {
      this.#count++
      this.#session.pushSubscribed(SUBSCRIBED[kind], name, this.#count)
    }
    this.#answerKnown()
  }

  /** Answers what the core need not be asked. */
  #answerKnown(): void {
    for (; this.#answered < this.#due.length; this.#answered++) {
      const { kind, name, subscription } = this.#due[this.#answered] as Due
      if (subscription !== null) return
      // It was refused earlier in the same command.
      if (!this.#placeOf(kind).map.has(name)) this.#session.pushError(errorTexts.noChannel)
      else this.#session.pushSubscribed(SUBSCRIBED[kind], name, this.#count)
    }
    this.#due.length = 0
    this.#answered = 0
    this.#session.connection.release(Hold.call)
  }

  #subscribeShards(names: readonly string[]): void {
    const session = this.#session
    if (!session.may('read')) throw new CommandError(errorTexts.noChannel)
    for (const name of names) {
      this.shards.add(name)
      session.channels.addShard(name, session)
      session.pushSubscribed(SUBSCRIBED.shard, name, this.shards.size)
    }
  }

  /** All of the kind if none is named; then, if there are none, one answer says so. */
  unsubscribe(kind: Kind, names: readonly string[]): void {
    const own = kind === Kind.shard ? this.shards : this.#placeOf(kind).map
    const meant = names.length > 0 ? names : [...own.keys()]
    for (const name of meant) {
      this.#end(kind, name)
      this.#session.pushSubscribed(UNSUBSCRIBED[kind], name, this.#countOf(kind))
    }
    if (meant.length > 0) return
    this.#session.pushSubscribed(UNSUBSCRIBED[kind], null, this.#countOf(kind))
  }

  /** Without a word: the client is gone, or begins anew. */
  endAll(): void {
    for (const kind of [Kind.channel, Kind.pattern] as const) {
      for (const name of [...this.#placeOf(kind).map.keys()]) this.#end(kind, name)
    }
    for (const name of [...this.shards]) this.#end(Kind.shard, name)
    this.#due.length = 0
    this.#answered = 0
    this.#count = 0
  }

  #end(kind: Kind, name: string): void {
    const session = this.#session
    if (kind === Kind.shard) {
      if (this.shards.delete(name)) session.channels.removeShard(name, session)
      return
    }
    const { map } = this.#placeOf(kind)
    const subscription = map.get(name)
    if (subscription === undefined) return
    map.delete(name)
    const isDue = this.#due.some((due, index) => {
      return index >= this.#answered && due.subscription === subscription
    })
    if (!isDue) this.#count--
    session.head.broker.unsubscribe(session.caller as RedisCaller, 0, subscription)
  }

  #countOf(kind: Kind): number {
    return kind === Kind.shard ? this.shards.size : this.#count
  }

  #placeOf(kind: Kind): {
    readonly map: Map<string, ChannelSubscription>
    readonly dialect: Dialect
  } {
    return kind === Kind.pattern
      ? { map: this.patterns, dialect: Dialect.glob }
      : { map: this.channels, dialect: Dialect.literal }
  }
}
