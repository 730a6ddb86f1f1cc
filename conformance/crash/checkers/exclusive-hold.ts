/**
 * C7, one at a time. Of each copy of a message one delivery is out: the next one leaves the broker
 * only when the consumer has settled the last or given it back, or its connection has ended.
 */
import type { History } from '../history/history.ts'
import { attemptsBefore } from '../history/publications.ts'
import { seconds, type Violation } from './violation.ts'

export function checkExclusiveHold(history: History): Violation[] {
  const { lives } = history
  const violations: Violation[] = []
  /** Connections that hold a message, by queue and value. */
  const holders = new Map<string, string[]>()
  for (const event of history.events) {
    if (event.f === 'ack' || event.f === 'nack' || event.f === 'reject') {
      const holding = holders.get(`${event.q} ${event.val}`)
      const index = holding?.indexOf(event.conn) ?? -1
      if (index >= 0) holding?.splice(index, 1)
    } else if ((event.f === 'deliver' || event.f === 'get') && event.proto === 'amqp') {
      // What comes from a connection that has ended was given back before it was read.
      if (event.auto || lives.isLate(event)) continue
      const key = `${event.q} ${event.val}`
      const holding = (holders.get(key) ?? []).filter((conn) => lives.of(conn).endAt > event.t)
      holders.set(key, holding)
      const publication = history.publications.get(event.val)
      const copies = publication === undefined ? 1 : attemptsBefore(publication, event.t)
      if (holding.length >= copies) {
        const text = `${event.val} from ${event.q} on ${event.conn}, held on ${holding.join(', ')}`
        const rule = 'delivered while it was out'
        violations.push({ check: 'C7', rule, t: event.t, text: `${text}, ${seconds(event.t)}` })
      }
      holding.push(event.conn)
    }
  }
  return violations
}
