import type { SubscriptionTable } from '../../core/subscription/subscription-table.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import type { Session } from './session.ts'
import { ChannelSubscription, EXCHANGE } from './subscriptions.ts'

/**
 * Who of the Redis clients listens to what in one virtual host, for PUBSUB. Channels and patterns are the core's, and looked up there; sharded
 * channels are ours alone: they do not cross to other protocols. Invariant: a sharded name is in it if and only if somebody listens.
 */
export class Channels {
  readonly shards: Map<string, Set<Session>> = new Map()
  readonly #vhost: VirtualHost

  constructor(vhost: VirtualHost) {
    this.#vhost = vhost
  }

  get #table(): SubscriptionTable | undefined {
    return this.#vhost.subscriptions.at(EXCHANGE)
  }

  /** Channels that somebody listens to. */
  *names(): Generator<string> {
    for (const name of this.#table?.literalKeys() ?? []) if (this.count(name) > 0) yield name
  }

  /** How many there are, for whoever listens, of whatever protocol: those of Redis alone would have to be counted one by one. */
  get channelCount(): number {
    return this.#table?.literalCount ?? 0
  }

  /** How many listen to the channel. */
  count(name: string): number {
    let count = 0
    for (const each of this.#table?.literal(name) ?? []) {
      if (each instanceof ChannelSubscription) count++
    }
    return count
  }

  /** How many patterns there are; nobody else has any of this kind. */
  get patternCount(): number {
    return this.#table?.globCount ?? 0
  }

  addShard(name: string, session: Session): void {
    const sessions = this.shards.get(name)
    if (sessions === undefined) this.shards.set(name, new Set([session]))
    else sessions.add(session)
  }

  removeShard(name: string, session: Session): void {
    const sessions = this.shards.get(name)
    sessions?.delete(session)
    if (sessions?.size === 0) this.shards.delete(name)
  }
}
