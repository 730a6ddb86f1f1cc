import type { AmqpDeliverEvent, Stamp } from '../history/event.ts'
import type { History } from '../history/history.ts'
import { attemptsBefore, type Publication } from '../history/publications.ts'

/** Somebody took a message for good: by an ack, by a reject without requeue, or without acks at all. */
export interface Settlement {
  readonly at: number
  readonly conn: string
  readonly isAuto: boolean
}

/** One delivery of a message from a queue, and what had become of that message until then. */
export interface Delivery {
  readonly event: Stamp & AmqpDeliverEvent
  readonly publication: Publication
  /** When it left the broker at the latest. */
  readonly at: number
  /** Attempts to publish until then: as many copies may lie in the queue. */
  readonly copies: number
  /** Deliveries of the same value from the queue so far, this one included. */
  readonly count: number
  /** Those among them that were not flagged as redelivered. */
  readonly unflaggedCount: number
  /** Settlements before it. */
  readonly settlements: readonly Settlement[]
}

interface Story {
  count: number
  unflaggedCount: number
  settlements: Settlement[]
}

const nothing: readonly Settlement[] = []

/** Visits the deliveries from queues in their order; those of values that nobody sent are C1's. */
export function walkDeliveries(
  { events, lives, publications }: History,
  visit: (delivery: Delivery) => void,
): void {
  const stories = new Map<string, Story>()
  const storyOf = (q: string, val: string): Story => {
    const key = `${q} ${val}`
    let story = stories.get(key)
    if (story === undefined) {
      stories.set(key, (story = { count: 0, unflaggedCount: 0, settlements: [] }))
    }
    return story
  }
  for (const event of events) {
    if (event.f === 'ack' || (event.f === 'reject' && event.requeue !== true)) {
      const { conn, q, val } = event
      const at = lives.effectiveAt(event)
      storyOf(q, val).settlements.push({ at, conn, isAuto: false })
    } else if ((event.f === 'deliver' || event.f === 'get') && event.proto === 'amqp') {
      const publication = publications.get(event.val)
      if (publication === undefined) continue
      const story = storyOf(event.q, event.val)
      const at = lives.effectiveAt(event)
      story.count += 1
      if (!event.redelivered) story.unflaggedCount += 1
      const before = story.settlements.filter((settlement) => settlement.at < at)
      const copies = attemptsBefore(publication, event.t)
      visit({
        event,
        publication,
        at,
        copies,
        count: story.count,
        unflaggedCount: story.unflaggedCount,
        settlements: before.length === 0 ? nothing : before,
      })
      if (event.auto) story.settlements.push({ at, conn: event.conn, isAuto: true })
    }
  }
}

/**
 * The settlements before a delivery that the broker must not have forgotten. One is lost by
 * agreement if the broker came to its end within the window after it; an ack, which may still have
 * been on its way, also if its connection did.
 */
export function durableSettlements(
  { at, settlements }: Delivery,
  { lives }: History,
  windowNs: number,
): readonly Settlement[] {
  if (settlements.length === 0) return settlements
  return settlements.filter((settlement) => {
    const endAt = settlement.isAuto
      ? lives.crashAfter(settlement.conn)
      : lives.of(settlement.conn).endAt
    return endAt > at || endAt - settlement.at > windowNs
  })
}
