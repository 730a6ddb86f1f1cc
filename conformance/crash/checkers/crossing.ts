/**
 * C10, crossing. What is in a stream at the end, confirmed or not, a feed has carried to each of its places exactly once: to a queue,
 * from which each of its copies is taken for good, and to another stream. Nothing is there that the stream does not have. The records of a
 * partition come in their order, so that a feed neither goes back nor leaves one out: to each consumer, and in each partition of the other
 * stream. A record that a producer wrote twice is two, and has no place in the order.
 *
 * A message that comes again because its consumer gave it back or died is flagged as redelivered, and does not count. A delivery after an
 * ack that had to be remembered (C4's window) is another copy, flagged or not.
 */
import { partitionName, type FeedEvent, type Stamp } from '../history/event.ts'
import type { History } from '../history/history.ts'
import { durableSettlements, walkDeliveries } from './deliveries.ts'
import { QueueReturns } from './queue-returns.ts'
import { LastReading, type StreamContents } from './stream-contents.ts'
import { seconds, type Violation } from './violation.ts'

export interface CrossingOptions {
  /** How old an ack has to be at the crash to be remembered for certain. */
  readonly ackWindowNs: number
}

export function checkCrossing(history: History, options: CrossingOptions): Violation[] {
  const feeds = history.events.filter((event) => event.f === 'feed')
  if (feeds.length === 0) return []
  const reading = new LastReading(history)
  return feeds.flatMap((feed) => {
    const source = reading.of(feed.topic)
    if (source === null) return []
    return [
      ...checkQueues(history, { feed, source, ...options }),
      ...checkQueueOrder(history, { feed, source }),
      ...feed.topics.flatMap((topic) => checkCopy({ feed, source }, topic, reading.of(topic))),
    ]
  })
}

interface Carried {
  readonly feed: Stamp & FeedEvent
  readonly source: StreamContents
}

/** What became of one value in one queue. */
interface Arrival {
  taken: number
  unflagged: number
}

class Arrivals {
  readonly #byPlace = new Map<string, Arrival>()

  at(q: string, val: string): Arrival {
    const key = `${q} ${val}`
    let arrival = this.#byPlace.get(key)
    if (arrival === undefined) this.#byPlace.set(key, (arrival = { taken: 0, unflagged: 0 }))
    return arrival
  }
}

function checkQueues(history: History, carried: Carried & CrossingOptions): Violation[] {
  const { feed, source, ackWindowNs } = carried
  const violations: Violation[] = []
  const arrivals = new Arrivals()
  walkDeliveries(history, (delivery) => {
    const { event } = delivery
    if (!feed.queues.includes(event.q)) return
    const arrival = arrivals.at(event.q, event.val)
    if (!event.redelivered) arrival.unflagged += 1
    const rule = whatIsWrong({
      copies: source.timesOf(event.val),
      unflagged: event.redelivered ? 0 : arrival.unflagged,
      settled: durableSettlements(delivery, history, ackWindowNs).length,
    })
    if (rule === null) return
    const text = `${event.val} from ${event.q} on ${event.conn}, ${seconds(event.t)}`
    violations.push(violation(rule, event.t, text))
  })
  for (const event of history.events) {
    if (event.f !== 'ack' && !(event.f === 'reject' && event.requeue !== true)) continue
    if (feed.queues.includes(event.q)) arrivals.at(event.q, event.val).taken += 1
  }
  return [...violations, ...notTaken(history, carried, arrivals)]
}

function whatIsWrong(delivery: {
  readonly copies: number
  readonly unflagged: number
  readonly settled: number
}): string | null {
  const { copies, unflagged, settled } = delivery
  if (copies === 0) return 'carried, but it is not in the stream'
  if (unflagged > copies) return 'carried more than once'
  return settled >= copies ? 'carried again after it had been settled' : null
}

function notTaken(
  { events, publications }: History,
  { feed, source }: Carried,
  arrivals: Arrivals,
): Violation[] {
  const violations: Violation[] = []
  for (const queue of feed.queues) {
    // If it could not be emptied: C1.
    const drained = events.findLast((event) => event.f === 'drained' && event.name === queue)
    if (drained?.type !== 'ok') continue
    for (const [val, copies] of source.times) {
      const { taken } = arrivals.at(queue, val)
      if (taken >= copies) continue
      const text = `${val} to ${queue}: ${taken} of ${copies}, it is at ${source.placeOf(val)}`
      violations.push(violation('not carried', publications.get(val)?.attemptsAt[0] ?? 0, text))
    }
  }
  return violations
}

function checkQueueOrder(history: History, { feed, source }: Carried): Violation[] {
  const violations: Violation[] = []
  const returns = new QueueReturns(history)
  /** The greatest offset so far, by consumer and partition. */
  const last = new Map<string, number>()
  for (const event of history.events) {
    returns.note(event)
    if ((event.f !== 'deliver' && event.f !== 'get') || event.proto !== 'amqp') continue
    if (!feed.queues.includes(event.q)) continue
    const place = source.onlyPlaceOf(event.val)
    if (place === null) continue
    const key = `${event.conn} ${event.tag} ${event.q} ${place.part}`
    const before = last.get(key) ?? -1
    if (place.off > before) {
      last.set(key, place.off)
      continue
    }
    if (event.redelivered && returns.explain(event)) continue
    const rule = 'a record comes after a later one of its partition'
    const where = `${event.val} from ${event.q} on ${event.conn}`
    const text = `${where}: offset ${place.off} of ${feed.topic}/${place.part} after ${before}`
    violations.push(violation(rule, event.t, `${text}, ${seconds(event.t)}`))
  }
  return violations
}

function checkCopy(carried: Carried, topic: string, copy: StreamContents | null): Violation[] {
  if (copy === null) return []
  const { feed, source } = carried
  const violations: Violation[] = []
  const report = (rule: string, text: string): void => {
    violations.push(violation(rule, feed.t, `${text}, by feed ${feed.name}`))
  }
  for (const [val, times] of source.times) {
    const found = copy.timesOf(val)
    const text = `${val} to ${topic}: ${found} of ${times}, it is at ${source.placeOf(val)}`
    if (found < times) report('not carried', text)
    else if (found > times) report('carried more than once', text)
  }
  for (const val of copy.times.keys()) {
    if (source.timesOf(val) > 0) continue
    report('carried, but it is not in the stream', `${val} to ${topic}`)
  }
  return [...violations, ...checkCopyOrder(carried, topic, copy)]
}

function checkCopyOrder(
  { feed, source }: Carried,
  topic: string,
  copy: StreamContents,
): Violation[] {
  const violations: Violation[] = []
  /** The greatest offset so far, by partition here and there. */
  const last = new Map<string, number>()
  for (const { part, off, val } of copy.records) {
    const place = source.onlyPlaceOf(val)
    if (place === null) continue
    const key = `${part} ${place.part}`
    const before = last.get(key) ?? -1
    last.set(key, Math.max(before, place.off))
    if (place.off > before) continue
    const rule = 'a record lies behind a later one of its partition'
    const there = `offset ${place.off} of ${partitionName({ topic: feed.topic, part: place.part })}`
    const text = `${val} at ${off} of ${topic}/${part}: ${there} behind ${before}`
    violations.push(violation(rule, feed.t, text))
  }
  return violations
}

function violation(rule: string, t: number, text: string): Violation {
  return { check: 'C10', rule, t, text }
}
