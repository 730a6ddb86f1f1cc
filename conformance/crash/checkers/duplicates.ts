/**
 * C4, duplicates: each has its reason, and says that it is one.
 *
 * From a queue a message comes again only if a delivery of it was not settled: its consumer gave it
 * back, its connection ended, the broker crashed, or the publisher sent it twice. An ack counts once
 * it is older than the window when the connection or the broker ends: acks are not answered, and
 * ride with the next batch. Of all deliveries of a value only as many are not flagged as redelivered
 * as there were attempts to send it; and nothing is flagged before anything could have been taken back.
 *
 * In a partition a value lies no more often than it was sent, and that of an idempotent producer once.
 */
import { partitionName } from '../history/event.ts'
import type { History } from '../history/history.ts'
import { durableSettlements, walkDeliveries, type Delivery } from './deliveries.ts'
import { offsetMapOf } from './offset-map.ts'
import { seconds, type Violation } from './violation.ts'

export interface DuplicateOptions {
  /** How old an ack has to be at the crash to be remembered for certain. */
  readonly ackWindowNs: number
}

export function checkDuplicates(history: History, options: DuplicateOptions): Violation[] {
  return [
    ...checkQueues(history, options),
    ...checkPartitions(history),
    ...checkProducerState(history),
  ]
}

function checkQueues(history: History, { ackWindowNs }: DuplicateOptions): Violation[] {
  const violations: Violation[] = []
  const returns = new Returns(history)
  walkDeliveries(history, (delivery) => {
    const { event, copies, unflaggedCount } = delivery
    const settled = durableSettlements(delivery, history, ackWindowNs)
    // Of consumers without acks: C9.
    if (settled.length >= copies && !settled.some(({ isAuto }) => isAuto)) {
      violations.push(violation('delivered after it had been settled', delivery))
    }
    if (!event.redelivered && unflaggedCount > copies) {
      violations.push(violation('delivered again without the flag', delivery))
    }
    if (event.redelivered && delivery.count === 1 && !returns.before(event.q, event.t)) {
      violations.push(violation('flagged though nothing had been given back', delivery))
    }
  })
  return violations
}

/** When the first thing happened that gives messages of a queue back. */
class Returns {
  readonly #firstAt = new Map<string, number>()
  readonly #firstCrashAt: number

  constructor({ events, lives }: History) {
    this.#firstCrashAt = lives.crashes[0]?.at ?? Infinity
    for (const event of events) {
      if (event.f === 'consume') this.#add(event.q, lives.of(event.conn).endAt)
      else if (event.f === 'nack' || event.f === 'reject') this.#add(event.q, event.t)
    }
  }

  before(queue: string, t: number): boolean {
    return Math.min(this.#firstCrashAt, this.#firstAt.get(queue) ?? Infinity) < t
  }

  #add(queue: string, t: number): void {
    this.#firstAt.set(queue, Math.min(this.#firstAt.get(queue) ?? Infinity, t))
  }
}

function checkPartitions(history: History): Violation[] {
  const violations: Violation[] = []
  for (const [place, values] of offsetMapOf(history)) {
    const counts = new Map<string, number>()
    for (const [off, val] of values) {
      const count = (counts.get(val) ?? 0) + 1
      counts.set(val, count)
      const publication = history.publications.get(val)
      if (publication === undefined) continue
      const allowed = publication.isIdempotent ? 1 : publication.attemptsAt.length
      if (count <= allowed) continue
      const rule = publication.isIdempotent
        ? 'an idempotent producer wrote twice'
        : 'written more often than it was sent'
      const t = publication.attemptsAt[0] ?? 0
      violations.push({ check: 'C4', rule, t, text: `${val} in ${place}, once more at ${off}` })
    }
  }
  return violations
}

/** What an idempotent producer is told when the broker has forgotten what it had confirmed to it. */
const FORGOTTEN = /OUT_OF_ORDER_SEQUENCE_NUMBER|UNKNOWN_PRODUCER_ID|INVALID_PRODUCER_EPOCH/

function checkProducerState({ events }: History): Violation[] {
  return events.flatMap((event) => {
    if (event.f !== 'publish' || event.proto !== 'kafka' || !event.idempotent) return []
    if (event.err === undefined || !FORGOTTEN.test(event.err)) return []
    const text = `${event.val} at ${partitionName(event)}: ${event.err}, ${seconds(event.t)}`
    return [{ check: 'C4', rule: 'an idempotent producer was forgotten', t: event.t, text }]
  })
}

function violation(rule: string, { event, count, copies }: Delivery): Violation {
  const times = `delivery ${count}, sent ${copies} times`
  const text = `${event.val} from ${event.q} on ${event.conn}: ${times}, ${seconds(event.t)}`
  return { check: 'C4', rule, t: event.t, text }
}
