import type { Turn } from '../../base/turn.ts'
import { BrokerError, ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import { Publication, Origin, type MessageFormats } from '../message.ts'
import { Announcements } from './announcements.ts'
import { Heard } from './heard.ts'
import type { Subscription } from './subscription.ts'
import { SubscriptionTable, type Match } from './subscription-table.ts'

/**
 * Who listens in one virtual host, by exchange. It keeps nothing for anybody: a message is heard by those who listen while it is
 * published, or not at all.
 * Invariant: `size` is the number of subscriptions in all tables.
 */
export class Subscriptions {
  size: number = 0
  /** Messages that were heard; one that ten hear counts ten times. */
  heard: number = 0
  /** Messages that some who listen by words were not shown, because the key is no subject of theirs. */
  notOffered: number = 0
  /** Grows when anybody may hear other messages than before. */
  version: number = 1
  readonly #tables = new Map<string, SubscriptionTable>()
  readonly #heard: Heard
  readonly #announcements: Announcements
  /** Members of groups take turns. */
  #nextMember: number = 0

  constructor({ formats, turn }: { readonly formats: MessageFormats; readonly turn: Turn }) {
    this.#heard = new Heard(formats, new Publication(Origin.amqp))
    this.#announcements = new Announcements(turn, new Heard(formats, new Publication(Origin.amqp)))
  }

  /** Throws resource-error at the bound. */
  add(exchange: string, subscription: Subscription): void {
    if (this.size >= limits.subscriptionsMax) {
      const text = `there are ${limits.subscriptionsMax} subscriptions already`
      throw new BrokerError(ErrorCode.resourceError, text)
    }
    let table = this.#tables.get(exchange)
    if (table === undefined) this.#tables.set(exchange, (table = new SubscriptionTable()))
    table.add(subscription)
    subscription.exchange = exchange
    this.size++
    this.version++
  }

  /** What is not there is not missed. */
  remove(subscription: Subscription): void {
    const { exchange } = subscription
    if (exchange === null) return
    subscription.exchange = null
    this.#tables.get(exchange)?.remove(subscription)
    this.size--
    this.version++
  }

  /** Those who listen at an exchange; undefined if nobody ever has. */
  at(exchange: string): SubscriptionTable | undefined {
    return this.#tables.get(exchange)
  }

  /** Who hears what comes under this key through these exchanges. */
  match(exchanges: readonly string[], key: string): readonly Match[] {
    if (exchanges.length === 1) {
      const match = this.#tables.get(exchanges[0] as string)?.match(key)
      return match === undefined ? NONE : match.alone
    }
    const matches: Match[] = []
    for (const exchange of exchanges) {
      const match = this.#tables.get(exchange)?.match(key)
      if (match !== undefined) matches.push(...match.alone)
    }
    return matches
  }

  /**
   * Shows them a message; returns how many hear it. If they are too many for one go, they hear it in the turns that come, and those of what is published
   * until then behind them.
   */
  tell(matches: readonly Match[], publication: Publication): number {
    let listeners = 0
    for (const match of matches) {
      listeners += match.listeners
      if (match.isWithheld) this.notOffered++
    }
    const isTooMany = listeners > limits.heardAtOnce
    const count =
      isTooMany || !this.#announcements.isEmpty
        ? this.#announce(matches, publication)
        : this.#tellNow(matches, publication)
    this.heard += count
    return count
  }

  #tellNow(matches: readonly Match[], publication: Publication): number {
    const heard = this.#heard
    const { publisher } = publication
    heard.begin(publication)
    let count = 0
    for (const { all, groups } of matches) {
      for (const subscription of all) {
        if (isOwn(subscription, publisher)) continue
        subscription.subscriber.hear(heard, subscription)
        count++
      }
      for (const members of groups) {
        const member = this.#memberOf(members, publisher)
        if (member === undefined) continue
        member.subscriber.hear(heard, member)
        count++
      }
    }
    return count
  }

  #announce(matches: readonly Match[], publication: Publication): number {
    const { publisher } = publication
    const hearers: Subscription[] = []
    for (const { all, groups } of matches) {
      for (const subscription of all) {
        if (!isOwn(subscription, publisher)) hearers.push(subscription)
      }
      for (const members of groups) {
        const member = this.#memberOf(members, publisher)
        if (member !== undefined) hearers.push(member)
      }
    }
    if (hearers.length > 0) this.#announcements.add(publication, hearers)
    return hearers.length
  }

  /** Whose turn it is; undefined if that is nobody's but the publisher's own. */
  #memberOf(members: readonly Subscription[], publisher: number): Subscription | undefined {
    const first = this.#nextMember++
    for (let i = 0; i < members.length; i++) {
      const member = members[(first + i) % members.length] as Subscription
      if (!isOwn(member, publisher)) return member
    }
    return undefined
  }
}

const NONE: readonly Match[] = []

function isOwn({ skipPublisher }: Subscription, publisher: number): boolean {
  return skipPublisher !== 0 && skipPublisher === publisher
}
