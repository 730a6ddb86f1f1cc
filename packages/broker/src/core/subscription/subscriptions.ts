import { BrokerError, ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import { Publication, Origin, type MessageFormats } from '../message.ts'
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
  /** Members of groups take turns. */
  #turn: number = 0

  constructor(formats: MessageFormats) {
    this.#heard = new Heard(formats, new Publication(Origin.amqp))
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

  /** Shows them a message; returns how many have heard it. */
  tell(matches: readonly Match[], publication: Publication): number {
    const heard = this.#heard
    const { publisher } = publication
    heard.begin(publication)
    let count = 0
    for (const { all, groups, isWithheld } of matches) {
      if (isWithheld) this.notOffered++
      for (const subscription of all) {
        if (isOwn(subscription, publisher)) continue
        subscription.subscriber.hear(heard, subscription)
        count++
      }
      for (const members of groups) count += this.#tellOne(members, heard)
    }
    this.heard += count
    return count
  }

  #tellOne(members: readonly Subscription[], heard: Heard): 0 | 1 {
    const { publisher } = heard.publication
    const first = this.#turn++
    for (let i = 0; i < members.length; i++) {
      const subscription = members[(first + i) % members.length] as Subscription
      if (isOwn(subscription, publisher)) continue
      subscription.subscriber.hear(heard, subscription)
      return 1
    }
    return 0
  }
}

const NONE: readonly Match[] = []

function isOwn({ skipPublisher }: Subscription, publisher: number): boolean {
  return skipPublisher !== 0 && skipPublisher === publisher
}
