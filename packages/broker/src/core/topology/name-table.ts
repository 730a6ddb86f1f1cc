import { assert } from '../../base/assert.ts'
import type { Queue } from '../queue/queue.ts'
import type { RoutingTable } from '../routing/route.ts'
import type { Stream } from '../stream/stream.ts'
import {
  Exchange,
  kindOf,
  type Binding,
  type Destination,
  type DestinationKind,
} from './exchange.ts'

/**
 * Exchanges, queues and the bindings between them, by name: what there is, and no rule about it.
 *
 * What may be declared, and what goes when something else goes, is decided by VirtualHost; restoring decides otherwise.
 * Invariant: both ends of every binding are in the table, and `version` has changed since any of it did.
 */
export class NameTable implements RoutingTable {
  version: number = 1
  readonly exchanges: Map<string, Exchange> = new Map()
  readonly queues: Map<string, Queue> = new Map()
  /** Rules that end at a queue or a stream; kept here, because those know nothing of exchanges. */
  readonly #bindingsByEnd = new Map<Queue | Stream, Set<Binding>>()
  readonly #streams: StreamTable

  constructor(streams: StreamTable) {
    this.#streams = streams
  }

  findExchange(name: string): Exchange | undefined {
    return this.exchanges.get(name)
  }

  findQueue(name: string): Queue | undefined {
    return this.queues.get(name)
  }

  /** The stream that goes by this name among queues. */
  findStreamQueue(name: string): Stream | undefined {
    const stream = this.#streams.find(name)
    return stream === undefined || stream.queueArguments === null ? undefined : stream
  }

  /** By what it is: a stream is none of the queues here, though it may have its name among them. */
  findEnd(kind: DestinationKind, name: string): Destination | undefined {
    if (kind === 'stream') return this.#streams.find(name)
    return kind === 'exchange' ? this.exchanges.get(name) : this.queues.get(name)
  }

  addExchange(exchange: Exchange): void {
    this.exchanges.set(exchange.name, exchange)
    this.version++
  }

  addQueue(queue: Queue): void {
    this.queues.set(queue.name, queue)
    this.version++
  }

  /** The bindings at either end of it go too; returns them. */
  removeExchange(exchange: Exchange): Binding[] {
    exchange.deleted = true
    this.exchanges.delete(exchange.name)
    this.version++
    return this.#unlinkAll([...exchange.bindings, ...exchange.bindingsTo])
  }

  /** As removeExchange. */
  removeQueue(queue: Queue): Binding[] {
    this.queues.delete(queue.name)
    this.version++
    const unlinked = this.#unlinkAll([...this.bindingsTo(queue)])
    this.#bindingsByEnd.delete(queue)
    return unlinked
  }

  /** As removeExchange, of a stream that is not in its own table any more. */
  removeStream(stream: Stream): Binding[] {
    // Without any rule too: it may have gone by its name among queues.
    this.version++
    const unlinked = this.#unlinkAll([...this.bindingsTo(stream)])
    this.#bindingsByEnd.delete(stream)
    return unlinked
  }

  /** The same stream by name, but another one: rules that ended at `old` end at it. */
  replaceStream(old: Stream, replacement: Stream): void {
    for (const binding of this.removeStream(old))
      this.link({ ...binding, destination: replacement })
  }

  #unlinkAll(bindings: readonly Binding[]): Binding[] {
    // One of an exchange to itself is listed twice.
    return bindings.filter((binding) => this.unlink(binding))
  }

  /** Rules that end here. */
  bindingsTo(destination: Destination): ReadonlySet<Binding> {
    if (destination instanceof Exchange) return destination.bindingsTo
    return this.#bindingsByEnd.get(destination) ?? noBindings
  }

  /** Streams that a rule ends at. */
  boundStreams(): Stream[] {
    return [...this.#bindingsByEnd.keys()].filter((end) => kindOf(end) === 'stream') as Stream[]
  }

  /** There must be none like it. */
  link(binding: Binding): void {
    const { source, destination } = binding
    source.addBinding(binding)
    if (destination instanceof Exchange) {
      destination.bindingsTo.add(binding)
    } else {
      const bindings = this.#bindingsByEnd.get(destination)
      if (bindings === undefined) this.#bindingsByEnd.set(destination, new Set([binding]))
      else bindings.add(binding)
    }
    this.version++
  }

  /** False if it was not there. */
  unlink(binding: Binding): boolean {
    const { source, destination } = binding
    if (!source.removeBinding(binding)) return false
    if (destination instanceof Exchange) destination.bindingsTo.delete(binding)
    else this.#bindingsByEnd.get(destination)?.delete(binding)
    this.version++
    return true
  }

  /** Asserts the invariant, for after it was filled by other rules than usual. */
  check(): void {
    for (const exchange of this.exchanges.values()) {
      for (const { destination } of exchange.bindings) {
        const kind = kindOf(destination)
        const isThere = this.findEnd(kind, destination.name) === destination
        assert(isThere, `binding of '${exchange.name}' to ${kind} '${destination.name}'`)
      }
    }
    for (const [end, bindings] of this.#bindingsByEnd) {
      for (const { source } of bindings) {
        assert(this.exchanges.get(source.name) === source, `binding to '${end.name}'`)
      }
    }
  }
}

/** Where streams are found by name. */
export interface StreamTable {
  find(name: string): Stream | undefined
}

const noBindings: ReadonlySet<Binding> = new Set()
