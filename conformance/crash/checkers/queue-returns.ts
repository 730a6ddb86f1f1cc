import type { AmqpDeliverEvent, Stamp } from '../history/event.ts'
import type { History } from '../history/history.ts'

/** What has been given back to the queues so far, and may come again, late. */
export class QueueReturns {
  readonly #history: History
  /** Messages that a consumer gave back, by queue and value. */
  readonly #givenBack = new Set<string>()
  /** Queues that a connection's messages come from. */
  readonly #queuesOf = new Map<string, Set<string>>()
  /** Until when a connection with a consumer of the queue may have been thought alive. */
  readonly #endedAt = new Map<string, number>()

  constructor(history: History) {
    this.#history = history
  }

  note(event: History['events'][number]): void {
    if (event.f === 'consume') {
      const queues = this.#queuesOf.get(event.conn) ?? new Set()
      this.#queuesOf.set(event.conn, queues.add(event.q))
    } else if (event.f === 'nack' || (event.f === 'reject' && event.requeue === true)) {
      this.#givenBack.add(`${event.q} ${event.val}`)
    } else if (event.f === 'disconnect' && this.#history.lives.of(event.conn).endedBy !== 'crash') {
      const at = this.#history.lives.noticedAt(event.conn)
      for (const queue of this.#queuesOf.get(event.conn) ?? []) this.#endedAt.set(queue, at)
    }
  }

  explain({ conn, q, val }: Stamp & AmqpDeliverEvent): boolean {
    if (this.#givenBack.has(`${q} ${val}`)) return true
    return (this.#endedAt.get(q) ?? -1) > this.#history.lives.of(conn).beganAt
  }
}
