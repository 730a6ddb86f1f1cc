import { assert } from '../../base/assert.ts'
import type { Queue } from '../queue/queue.ts'
import type { RoutingTable } from '../routing/route.ts'
import { Exchange, type Binding } from './exchange.ts'

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
  /** Rules that end at a queue; kept here, because a queue knows nothing of exchanges. */
  readonly #bindingsByQueue = new Map<Queue, Set<Binding>>()

  findExchange(name: string): Exchange | undefined {
    return this.exchanges.get(name)
  }

  findQueue(name: string): Queue | undefined {
    return this.queues.get(name)
  }

  findEnd(kind: 'queue' | 'exchange', name: string): Queue | Exchange | undefined {
    return kind === 'queue' ? this.queues.get(name) : this.exchanges.get(name)
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
    this.#bindingsByQueue.delete(queue)
    return unlinked
  }

  #unlinkAll(bindings: readonly Binding[]): Binding[] {
    // One of an exchange to itself is listed twice.
    return bindings.filter((binding) => this.unlink(binding))
  }

  /** Rules that end here. */
  bindingsTo(destination: Queue | Exchange): ReadonlySet<Binding> {
    if (destination instanceof Exchange) return destination.bindingsTo
    return this.#bindingsByQueue.get(destination) ?? noBindings
  }

  /** There must be none like it. */
  link(binding: Binding): void {
    const { source, destination } = binding
    source.addBinding(binding)
    if (destination instanceof Exchange) {
      destination.bindingsTo.add(binding)
    } else {
      const bindings = this.#bindingsByQueue.get(destination)
      if (bindings === undefined) this.#bindingsByQueue.set(destination, new Set([binding]))
      else bindings.add(binding)
    }
    this.version++
  }

  /** False if it was not there. */
  unlink(binding: Binding): boolean {
    const { source, destination } = binding
    if (!source.removeBinding(binding)) return false
    if (destination instanceof Exchange) destination.bindingsTo.delete(binding)
    else this.#bindingsByQueue.get(destination)?.delete(binding)
    this.version++
    return true
  }

  /** Asserts the invariant, for after it was filled by other rules than usual. */
  check(): void {
    for (const exchange of this.exchanges.values()) {
      for (const { destination } of exchange.bindings) {
        const kind = destination instanceof Exchange ? 'exchange' : 'queue'
        const isThere = this.findEnd(kind, destination.name) === destination
        assert(isThere, `binding of '${exchange.name}' to ${kind} '${destination.name}'`)
      }
    }
    for (const [queue, bindings] of this.#bindingsByQueue) {
      for (const { source } of bindings) {
        assert(this.exchanges.get(source.name) === source, `binding to queue '${queue.name}'`)
      }
    }
  }
}

const noBindings: ReadonlySet<Binding> = new Set()
