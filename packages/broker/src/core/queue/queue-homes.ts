import type { VirtualHost } from '../topology/virtual-host.ts'
import type { Queue } from './queue.ts'

/** A queue, and where it is. */
export interface QueueHome {
  readonly queue: Queue
  readonly vhost: VirtualHost
}

/** All queues of a broker by number, and those that belong to a connection by that. */
export class QueueHomes {
  readonly #byId = new Map<number, QueueHome>()
  /** So that a disconnect does not look at everybody else's. */
  readonly #byOwner = new Map<number, Set<QueueHome>>()
  /** The queue that was asked for last: acks come from one queue for a while. */
  #last: Queue | null = null

  add(home: QueueHome): void {
    this.#byId.set(home.queue.id, home)
    const owner = home.queue.options.exclusiveOwner
    if (owner === 0) return
    const owned = this.#byOwner.get(owner)
    if (owned === undefined) this.#byOwner.set(owner, new Set([home]))
    else owned.add(home)
  }

  find(id: number): Queue | undefined {
    if (this.#last !== null && this.#last.id === id) return this.#last
    const queue = this.#byId.get(id)?.queue
    if (queue !== undefined) this.#last = queue
    return queue
  }

  /** Those that go with a connection. */
  ownedBy(owner: number): Iterable<QueueHome> {
    return this.#byOwner.get(owner) ?? []
  }

  remove(queue: Queue): void {
    if (this.#last === queue) this.#last = null
    const home = this.#byId.get(queue.id)
    if (home === undefined) return
    this.#byId.delete(queue.id)
    const { exclusiveOwner } = queue.options
    const owned = this.#byOwner.get(exclusiveOwner)
    if (owned?.delete(home) === true && owned.size === 0) this.#byOwner.delete(exclusiveOwner)
  }
}
