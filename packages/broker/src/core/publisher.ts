import { isUtf8 } from 'node:buffer'
import type { RecordLog } from '../storage/message-log.ts'
import type { AccessControl } from './auth/access-control.ts'
import { describeRefusal } from './auth/access-control.ts'
import type { Principal } from './auth/principal.ts'
import type { Arguments } from './arguments.ts'
import { BrokerError, ErrorCode } from './errors.ts'
import { nameAt, routingKeyOf, store, type MessageFormats, type Publication } from './message.ts'
import type { Queue } from './queue/queue.ts'
import type { Subject } from './routing/matcher.ts'
import { Route, routeOf } from './routing/route.ts'
import type { VirtualHost } from './topology/virtual-host.ts'

/** Exchange and routing key, each of at most 255 bytes after an octet with its length. */
const ADDRESS_BYTES = 512

export interface PublisherContext {
  readonly log: RecordLog
  readonly access: AccessControl
  readonly formats: MessageFormats
}

/**
 * One source of messages, for a principal in a virtual host.
 *
 * It remembers the last address by its bytes, because a publisher nearly always repeats itself: then neither
 * names are decoded nor permissions asked, and a publish is a comparison, a copy and a push.
 */
export class Publisher implements Subject {
  routingKey: string = ''
  readonly #context: PublisherContext
  readonly #vhost: VirtualHost
  readonly #principal: Principal
  readonly #address: Buffer = Buffer.allocUnsafeSlow(ADDRESS_BYTES)
  #addressBytes: number = -1
  #route: Route = NO_ROUTE
  #topologyVersion: number = 0
  #accessVersion: number = 0
  #publication: Publication | null = null

  constructor(context: PublisherContext, vhost: VirtualHost, principal: Principal) {
    this.#context = context
    this.#vhost = vhost
    this.#principal = principal
  }

  /**
   * Routes a message and stores it once for all queues that get it. Returns how many those are; at 0 nothing was stored.
   * Throws not-found (no such exchange) or access-refused; then nothing was stored either.
   */
  publish(publication: Publication): number {
    if (!this.#isLastAddress(publication)) this.#resolve(publication)
    const queues = this.#route.queues
    const count = queues.length
    if (count === 0) return 0
    const log = this.#context.log
    const position = store(log, publication)
    if (count > 1) log.hold(position, count)
    for (let i = 0; i < count; i++) (queues[i] as Queue).push(position)
    return count
  }

  /** Headers of the message that is being routed. */
  headers(): Arguments {
    return this.#context.formats.viewOf(this.#publication as Publication).headers
  }

  #isLastAddress(publication: Publication): boolean {
    const { address, addressStart, addressEnd } = publication
    const bytes = addressEnd - addressStart
    if (bytes !== this.#addressBytes) return false
    if (this.#topologyVersion !== this.#vhost.version) return false
    if (this.#accessVersion !== this.#context.access.version) return false
    const known = this.#address
    for (let i = 0; i < bytes; i++) if (address[addressStart + i] !== known[i]) return false
    return true
  }

  #resolve(publication: Publication): void {
    const { address, addressStart, addressEnd } = publication
    // Nothing is remembered until all of it has succeeded.
    this.#addressBytes = -1
    const keyAt = addressStart + 1 + (address[addressStart] as number)
    checkText(address, addressStart)
    checkText(address, keyAt)
    const exchange = this.#vhost.getExchange(nameAt(address, addressStart))
    const resource = { kind: 'exchange', vhost: this.#vhost.name, name: exchange.name } as const
    if (!this.#context.access.authorize(this.#principal, 'write', resource)) {
      throw new BrokerError(
        ErrorCode.accessRefused,
        describeRefusal(this.#principal, 'write', resource),
      )
    }
    if (exchange.options.internal) {
      throw new BrokerError(
        ErrorCode.accessRefused,
        `cannot publish to internal exchange '${exchange.name}' in vhost '${this.#vhost.name}'`,
      )
    }
    this.routingKey = routingKeyOf(address, addressStart)
    this.#publication = publication
    this.#route = routeOf(this.#vhost, exchange, this)
    this.#publication = null
    if (!this.#route.byKeyOnly) return
    address.copy(this.#address, 0, addressStart, addressEnd)
    this.#topologyVersion = this.#vhost.version
    this.#accessVersion = this.#context.access.version
    this.#addressBytes = addressEnd - addressStart
  }
}

/** A name that is not UTF-8 would be another once it was decoded, and longer. */
function checkText(address: Buffer, at: number): void {
  const bytes = address.subarray(at + 1, at + 1 + (address[at] as number))
  if (!isUtf8(bytes)) throw new BrokerError(ErrorCode.malformedName, 'a name is not UTF-8')
}

const NO_ROUTE = new Route([], true)
