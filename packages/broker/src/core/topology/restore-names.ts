import { sameValue } from '../arguments.ts'
import type { Queue, QueueOptions } from '../queue/queue.ts'
import type {
  BindingDeclaration,
  BindingGone,
  ExchangeDeclaration,
  QueueDeclaration,
  QueueGone,
} from './declaration.ts'
import type { Binding, Destination, Exchange, ExchangeOptions } from './exchange.ts'
import { isPredeclared, newExchange } from './exchanges.ts'
import { objectIdOf } from './listing.ts'
import type { NameTable } from './name-table.ts'

/** What restoring needs of the virtual host. */
export interface RestoredNames {
  readonly vhost: string
  readonly table: NameTable
  /** Puts a queue into the table. */
  addQueue(name: string, options: QueueOptions): void
  /** Takes it out, with its messages. */
  removeQueue(queue: Queue): void
}

/**
 * Exchanges, queues and bindings taken back, each as it is told: no rule of declaring is applied, and nothing is removed that is not
 * said to be gone, but for the bindings of what is.
 *
 * A snapshot lists things at different moments while they change, and all that was journaled since it was begun is replayed
 * over it. So on the way the table may be of no moment at all: a queue of tomorrow with a binding of yesterday. In the end it is
 * right, because every thing is as its last record says, or, having none, as the snapshot saw it. Two cases look doubtful:
 *
 * - A binding whose end is not there is left out. The end is missing because it is gone, and then so is the binding; or it
 *   came after the snapshot had passed its place, and then the binding is younger still, and is told again.
 * - The bindings of what is gone go, even those that the snapshot took from a later life of the same name: that life began after this
 *   record, its bindings later still, and they are told again.
 */
export class NameRestorer {
  readonly #names: RestoredNames

  constructor(names: RestoredNames) {
    this.#names = names
  }

  exchange(declaration: ExchangeDeclaration): void {
    const { table, vhost } = this.#names
    const { name, type, autoDelete, internal } = declaration
    const options: ExchangeOptions = {
      type,
      durable: true,
      autoDelete,
      internal,
      arguments: declaration.arguments,
    }
    const existing = table.findExchange(name)
    if (existing !== undefined && isSame(existing.options, options)) return
    if (existing !== undefined) table.removeExchange(existing)
    table.addExchange(newExchange(name, options, vhost))
  }

  exchangeGone(name: string): void {
    const exchange = this.#names.table.findExchange(name)
    if (exchange !== undefined) this.#names.table.removeExchange(exchange)
  }

  /** A life that the table is past is of no interest: that it ended is told too. */
  queue(declaration: QueueDeclaration): void {
    const { table } = this.#names
    const { name, objectId, durability, autoDelete } = declaration
    const existing = table.findQueue(name)
    if (existing !== undefined) {
      if (objectIdOf(existing) >= objectId) return
      this.#names.removeQueue(existing)
    }
    this.#names.addQueue(name, {
      durable: true,
      autoDelete,
      exclusiveOwner: 0,
      arguments: declaration.arguments,
      objectId,
      durability,
    })
  }

  queueGone({ name, objectId }: QueueGone): void {
    const { table } = this.#names
    const queue = table.findQueue(name)
    if (queue === undefined) return
    if (objectIdOf(queue) === objectId) this.#names.removeQueue(queue)
    else for (const binding of [...table.bindingsTo(queue)]) table.unlink(binding)
  }

  /** The virtual host is gone: what has no number is of the life that ended, or is told again. */
  allGone(objectIdsBelow: number): void {
    const { table } = this.#names
    for (const exchange of [...table.exchanges.values()]) {
      if (isPredeclared(exchange.name)) {
        for (const binding of [...exchange.bindings]) table.unlink(binding)
      } else table.removeExchange(exchange)
    }
    for (const queue of [...table.queues.values()]) {
      if (objectIdOf(queue) < objectIdsBelow) this.#names.removeQueue(queue)
    }
  }

  binding(declaration: BindingDeclaration): void {
    const found = this.#find(declaration)
    if (found === null || found.existing !== undefined) return
    const { source, destination } = found
    const { routingKey } = declaration
    this.#names.table.link({ source, destination, routingKey, arguments: declaration.arguments })
  }

  bindingGone(declaration: BindingGone): void {
    const existing = this.#find(declaration)?.existing
    if (existing !== undefined) this.#names.table.unlink(existing)
  }

  /** Null if an end is missing. */
  #find(binding: BindingDeclaration | BindingGone): FoundBinding | null {
    const { table } = this.#names
    const source = table.findExchange(binding.source)
    const destination = table.findEnd(binding.destinationKind, binding.destination)
    if (source === undefined || destination === undefined) return null
    const { routingKey } = binding
    const rule = { destination, routingKey, arguments: binding.arguments }
    return { source, destination, existing: source.findBinding(rule) }
  }
}

interface FoundBinding {
  readonly source: Exchange
  readonly destination: Destination
  readonly existing: Binding | undefined
}

function isSame(one: ExchangeOptions, other: ExchangeOptions): boolean {
  return (
    one.type === other.type &&
    one.autoDelete === other.autoDelete &&
    one.internal === other.internal &&
    sameValue(one.arguments, other.arguments)
  )
}
