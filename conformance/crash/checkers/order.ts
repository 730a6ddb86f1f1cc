/**
 * C6, order. What one writer sent into one queue comes to each consumer in the order in which it was
 * sent; in a partition it lies in that order. A value that was sent again has no place in it, unless
 * an idempotent producer did so. A message that was given back, by a consumer or by the end of
 * another's connection, comes flagged and late; nothing else does.
 */
import { writerOf, type AmqpDeliverEvent, type Stamp } from '../history/event.ts'
import type { History } from '../history/history.ts'
import { offsetMapOf } from './offset-map.ts'
import { seconds, type Violation } from './violation.ts'

export function checkOrder(history: History): Violation[] {
  return [...checkQueues(history), ...checkPartitions(history)]
}

function checkQueues(history: History): Violation[] {
  const violations: Violation[] = []
  const returns = new Returns(history)
  /** The greatest counter so far, by consumer and writer. */
  const last = new Map<string, number>()
  for (const event of history.events) {
    returns.note(event)
    if ((event.f !== 'deliver' && event.f !== 'get') || event.proto !== 'amqp') continue
    const publication = history.publications.get(event.val)
    if (publication === undefined || publication.attemptsAt.length > 1) continue
    const key = `${event.conn} ${event.tag} ${event.q} ${publication.writer}`
    const before = last.get(key) ?? -1
    if (publication.counter > before) {
      last.set(key, publication.counter)
      continue
    }
    if (event.redelivered && returns.explain(event)) continue
    violations.push({
      check: 'C6',
      rule: 'a message comes after a later one of its writer',
      t: event.t,
      text: `${event.val} from ${event.q} on ${event.conn} after ${before}, ${seconds(event.t)}`,
    })
  }
  return violations
}

/** What had been given back to the queues so far. */
class Returns {
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

function checkPartitions(history: History): Violation[] {
  const violations: Violation[] = []
  for (const [place, values] of offsetMapOf(history)) {
    const last = new Map<string, number>()
    for (const off of [...values.keys()].sort((a, b) => a - b)) {
      const val = values.get(off) ?? ''
      const publication = history.publications.get(val)
      if (publication === undefined) continue
      if (publication.attemptsAt.length > 1 && !publication.isIdempotent) continue
      const writer = writerOf(val)
      const before = last.get(writer) ?? -1
      last.set(writer, Math.max(before, publication.counter))
      // Twice the same value: C4.
      if (publication.counter >= before) continue
      violations.push({
        check: 'C6',
        rule: 'a record lies behind a later one of its producer',
        t: publication.attemptsAt[0] ?? 0,
        text: `${val} in ${place} at ${off}, behind ${before}`,
      })
    }
  }
  return violations
}
