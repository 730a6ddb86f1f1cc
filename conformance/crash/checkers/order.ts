/**
 * C6, order. What one writer sent into one queue comes to each consumer in the order in which it was
 * sent; in a partition it lies in that order. What a feed has carried has the order of each partition that it came from. A value that was sent again has no place in it, unless
 * an idempotent producer did so. A message that was given back, by a consumer or by the end of
 * another's connection, comes flagged and late; nothing else does.
 */
import type { History } from '../history/history.ts'
import { lineOf } from '../history/publications.ts'
import { offsetMapOf } from './offset-map.ts'
import { QueueReturns } from './queue-returns.ts'
import { seconds, type Violation } from './violation.ts'

export function checkOrder(history: History): Violation[] {
  return [...checkQueues(history), ...checkPartitions(history)]
}

function checkQueues(history: History): Violation[] {
  const violations: Violation[] = []
  const returns = new QueueReturns(history)
  /** The greatest counter so far, by consumer and line. */
  const last = new Map<string, number>()
  for (const event of history.events) {
    returns.note(event)
    if ((event.f !== 'deliver' && event.f !== 'get') || event.proto !== 'amqp') continue
    const publication = history.publications.get(event.val)
    if (publication === undefined || publication.attemptsAt.length > 1) continue
    const key = `${event.conn} ${event.tag} ${event.q} ${lineOf(publication, event.q)}`
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

function checkPartitions(history: History): Violation[] {
  const violations: Violation[] = []
  for (const [place, values] of offsetMapOf(history)) {
    const last = new Map<string, number>()
    for (const off of [...values.keys()].sort((a, b) => a - b)) {
      const val = values.get(off) ?? ''
      const publication = history.publications.get(val)
      if (publication === undefined) continue
      if (publication.attemptsAt.length > 1 && !publication.isIdempotent) continue
      const line = lineOf(publication, place)
      const before = last.get(line) ?? -1
      last.set(line, Math.max(before, publication.counter))
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
