import { isUtf8 } from 'node:buffer'
import type { Journal } from '../storage/journal/journal.ts'
import type { RecordLog } from '../storage/message-log.ts'
import type { AccessControl } from './auth/access-control.ts'
import { describeRefusal } from './auth/access-control.ts'
import type { Principal } from './auth/principal.ts'
import type { Arguments } from './arguments.ts'
import { Safety } from './commits.ts'
import { BrokerError, ErrorCode } from './errors.ts'
import { limits } from './limits.ts'
import {
  MessageFlag,
  nameAt,
  routingKeyOf,
  store,
  storedBytes,
  writeMessage,
  type MessageFormats,
  type Publication,
} from './message.ts'
import type { DurableState } from './queue/durable-state.ts'
import type { Queue } from './queue/queue.ts'
import { RecordKind } from './record-kind.ts'
import { KnownAddress } from './routing/address-table.ts'
import type { Subject } from './routing/matcher.ts'
import { routeOf, type Route } from './routing/route.ts'
import type { StreamAppender } from './stream/stream-appender.ts'
import type { Match } from './subscription/subscription-table.ts'
import type { Exchange } from './topology/exchange.ts'
import type { VirtualHost } from './topology/virtual-host.ts'

export interface PublisherContext {
  readonly log: RecordLog
  /** Null in a broker that keeps everything in memory. */
  readonly journal: Journal | null
  readonly access: Pick<AccessControl, 'version' | 'authorize'>
  readonly formats: MessageFormats
  readonly appender: StreamAppender
}

/**
 * One source of messages, for a principal in a virtual host.
 *
 * It remembers the last address by its bytes, because a publisher nearly always repeats itself: then neither
 * names are decoded nor permissions asked, and a publish is a comparison, a copy and a push. Other addresses are looked up by their bytes too.
 */
export class Publisher implements Subject {
  routingKey: string = ''
  /** How safe the message published last has to be before it is confirmed. */
  safety: Safety = Safety.turn
  /** How many have heard the message published last. */
  heard: number = 0
  readonly #context: PublisherContext
  readonly #vhost: VirtualHost
  readonly #principal: Principal
  /** The last address; null if messages of the same address may go elsewhere. */
  #known: KnownAddress | null = null
  /** The exchange that it was let publish to last. */
  #admitted: Exchange | null = null
  #accessVersion: number = -1
  /** Who hears what comes under this address, as of this version of the subscriptions. */
  #matches: readonly Match[] = []
  #matched: KnownAddress | null = null
  #matchesVersion: number = -1
  #publication: Publication | null = null

  constructor(context: PublisherContext, vhost: VirtualHost, principal: Principal) {
    this.#context = context
    this.#vhost = vhost
    this.#principal = principal
  }

  /**
   * Routes a message and stores it once for all queues that get it, and in each stream; who listens hears it. Returns how many all those
   * are; at 0 nothing was stored. Throws not-found (no such exchange), access-refused, or what a stream says that cannot take it; then nothing was stored either.
   */
  publish(publication: Publication): number {
    const known = this.#addressOf(publication)
    const { route } = known
    if (route.streams.length > 0) this.#context.appender.publish(route.streams, publication)
    const isPersistent = (publication.flags & MessageFlag.persistent) !== 0
    if (isPersistent && route.durable.length > 0) {
      this.safety = route.safety
      this.#journal(publication, route.durable)
      if (route.transient.length > 0) this.#store(publication, route.transient)
    } else {
      this.safety = route.streamSafety
      if (route.queues.length > 0) this.#store(publication, route.queues)
    }
    const { subscriptions } = this.#vhost
    this.heard = subscriptions.size === 0 ? 0 : this.#tell(publication, known)
    return route.size + this.heard
  }

  /** Those who listen hear it; returns how many. */
  #tell(publication: Publication, known: KnownAddress): number {
    const { subscriptions } = this.#vhost
    if (this.#matched !== known || this.#matchesVersion !== subscriptions.version) {
      this.#matched = known
      this.#matchesVersion = subscriptions.version
      this.#matches = subscriptions.match(known.route.exchanges, known.routingKey)
    }
    return this.#matches.length === 0 ? 0 : subscriptions.tell(this.#matches, publication)
  }

  /** Where the message would go; throws what publish() throws. */
  routeOf(publication: Publication): Route {
    return this.#addressOf(publication).route
  }

  #store(publication: Publication, queues: readonly Queue[]): void {
    const log = this.#context.log
    const count = queues.length
    const position = store(log, publication)
    if (count > 1) log.hold(position, count)
    for (let i = 0; i < count; i++) (queues[i] as Queue).push(position)
  }

  /** One record for all of the queues, naming each of them with the number that it gives. */
  #journal(publication: Publication, queues: readonly Queue[]): void {
    const journal = this.#context.journal as Journal
    const count = queues.length
    const position = journal.reserve(RecordKind.message, count, storedBytes(publication))
    const bytes = journal.recordBytes(position)
    writeMessage(journal, journal.offset, publication)
    for (let i = 0; i < count; i++) {
      const queue = queues[i] as Queue
      journal.setTarget(i, (queue.durable as DurableState).id, queue.tail)
    }
    journal.finish()
    // Only now: a queue may write records of its own.
    for (let i = 0; i < count; i++) (queues[i] as Queue).pushJournaled(position, bytes)
  }

  /** Headers of the message that is being routed. */
  headers(): Arguments {
    return this.#context.formats.viewOf(this.#publication as Publication).headers
  }

  #addressOf(publication: Publication): KnownAddress {
    const known = this.#known
    if (known === null || this.#accessVersion !== this.#context.access.version) {
      return this.#find(publication)
    }
    if (known.topologyVersion !== this.#vhost.version) return this.#find(publication)
    if (publication.sameAddress) return known
    const { address, addressStart, addressEnd } = publication
    return known.isAt(address, addressStart, addressEnd) ? known : this.#find(publication)
  }

  #find(publication: Publication): KnownAddress {
    // Nothing is remembered until all of it has succeeded.
    this.#known = null
    const { addresses, version } = this.#vhost
    const found = addresses.find(publication, version)
    if (found === undefined) return this.#resolve(publication)
    this.#admit(found.exchange)
    this.#known = found
    return found
  }

  #resolve(publication: Publication): KnownAddress {
    const { address, addressStart, addressEnd } = publication
    const keyAt = addressStart + 1 + (address[addressStart] as number)
    checkText(address, addressStart)
    checkText(address, keyAt)
    const vhost = this.#vhost
    const exchange = vhost.getExchange(nameAt(address, addressStart))
    this.#admit(exchange)
    if (exchange.options.internal) {
      throw new BrokerError(
        ErrorCode.accessRefused,
        `cannot publish to internal exchange '${exchange.name}' in vhost '${vhost.name}'`,
      )
    }
    this.routingKey = routingKeyOf(address, addressStart)
    this.#publication = publication
    const route = routeOf(vhost, exchange, this)
    this.#publication = null
    const known = new KnownAddress({
      bytes: Buffer.from(address.subarray(addressStart, addressEnd)),
      exchange,
      routingKey: this.routingKey,
      route,
      topologyVersion: vhost.version,
    })
    if (!route.byKeyOnly) return known
    if (route.size <= limits.addressTargetsMax) vhost.addresses.add(known)
    this.#known = known
    return known
  }

  #admit(exchange: Exchange): void {
    const { access } = this.#context
    if (this.#admitted === exchange && this.#accessVersion === access.version) return
    this.#admitted = null
    const resource = { kind: 'exchange', vhost: this.#vhost.name, name: exchange.name } as const
    if (!access.authorize(this.#principal, 'write', resource)) {
      throw new BrokerError(
        ErrorCode.accessRefused,
        describeRefusal(this.#principal, 'write', resource),
      )
    }
    this.#admitted = exchange
    this.#accessVersion = access.version
  }
}

/** A name that is not UTF-8 would be another once it was decoded, and longer. */
function checkText(address: Buffer, at: number): void {
  const bytes = address.subarray(at + 1, at + 1 + (address[at] as number))
  if (!isUtf8(bytes)) throw new BrokerError(ErrorCode.malformedName, 'a name is not UTF-8')
}
