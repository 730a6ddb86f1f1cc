import { limits } from '../limits.ts'
import type { Publication } from '../message.ts'
import type { Exchange } from '../topology/exchange.ts'
import type { Route } from './route.ts'

/** Where messages of one address go: an exchange and a routing key, and the route that was found for them. */
export class KnownAddress {
  /** Both names, each after an octet with its length. */
  readonly bytes: Buffer
  readonly exchange: Exchange
  readonly routingKey: string
  readonly route: Route
  /** What it was found in: worth nothing in another. */
  readonly topologyVersion: number

  constructor(options: {
    readonly bytes: Buffer
    readonly exchange: Exchange
    readonly routingKey: string
    readonly route: Route
    readonly topologyVersion: number
  }) {
    this.bytes = options.bytes
    this.exchange = options.exchange
    this.routingKey = options.routingKey
    this.route = options.route
    this.topologyVersion = options.topologyVersion
  }

  /** Whether the address that stands there is this one. */
  isAt(buffer: Buffer, start: number, end: number): boolean {
    const { bytes } = this
    const count = end - start
    if (count !== bytes.length) return false
    for (let i = 0; i < count; i++) if (buffer[start + i] !== bytes[i]) return false
    return true
  }
}

/** What has an address: a publication. */
export type Addressed = Pick<Publication, 'address' | 'addressStart' | 'addressEnd'>

/**
 * Addresses of one virtual host by their bytes, so that for each message of a publisher that goes through many keys neither names are
 * decoded nor routes looked for. Two addresses may share a place; of a third the oldest goes.
 * Invariant: all of them were found in the same topology; what was found in an older one is let go when the next is asked for.
 */
export class AddressTable {
  readonly #places: (KnownAddress | undefined)[] = []
  /** Those of them in which something is. */
  readonly #used: number[] = []
  #topologyVersion: number = 0

  find(
    { address, addressStart, addressEnd }: Addressed,
    topologyVersion: number,
  ): KnownAddress | undefined {
    if (topologyVersion !== this.#topologyVersion) {
      this.#forgetAll()
      this.#topologyVersion = topologyVersion
    }
    if (this.#used.length === 0) return undefined
    const at = placeOf(address, addressStart, addressEnd)
    const first = this.#places[at]
    if (first?.isAt(address, addressStart, addressEnd) === true) return first
    const second = this.#places[at + 1]
    return second?.isAt(address, addressStart, addressEnd) === true ? second : undefined
  }

  /** It must not be there, and be of the topology that was asked for last. */
  add(known: KnownAddress): void {
    // Memory only where somebody publishes.
    if (this.#places.length === 0)
      for (let i = 0; i < limits.addressesKnown; i++) this.#places.push(undefined)
    const at = placeOf(known.bytes, 0, known.bytes.length)
    const first = this.#places[at]
    if (first === undefined) this.#used.push(at)
    this.#places[at + 1] = first
    this.#places[at] = known
  }

  #forgetAll(): void {
    for (const at of this.#used) this.#places[at] = this.#places[at + 1] = undefined
    this.#used.length = 0
  }
}

/** FNV-1a of the routing key: there are few exchanges. Gives the first of two places. */
function placeOf(buffer: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5
  const keyStart = start + 1 + (buffer[start] as number)
  for (let i = keyStart; i < end; i++) hash = Math.imul(hash ^ (buffer[i] as number), 0x01000193)
  // Its lowest bits are its worst.
  return (hash ^ (hash >>> 15)) & (limits.addressesKnown - 2)
}
