/** What is done to a recorded history, and where in it: parts of which sabotages are made. */
import type {
  AmqpDeliverEvent,
  CommitEvent,
  DefinitionEvent,
  FetchEvent,
  HistoryEvent,
  KafkaDeliverEvent,
  Stamp,
} from '../history/event.ts'
import type { CheckName } from '../checkers/all.ts'
import { DRAIN_READER, partitionName } from '../history/event.ts'
import type { History } from '../history/history.ts'
import { lineOf } from '../history/publications.ts'

export interface Sabotage {
  /** What the broker did. */
  readonly name: string
  /** Who must find it, and by which rule. */
  readonly check: CheckName
  readonly found: RegExp
  /** Returns the events as they would have been, null if the history has no occasion. */
  readonly apply: (history: History) => HistoryEvent[] | null
}

export type Event<Body> = Stamp & Body

/** A moment after another: shorter than anything that was measured. */
const MOMENT = 0.25

export function isDelivery(event: HistoryEvent): event is Event<AmqpDeliverEvent> {
  return (event.f === 'deliver' || event.f === 'get') && event.proto === 'amqp'
}

export function isRecord(
  reader?: string,
): (event: HistoryEvent) => event is Event<KafkaDeliverEvent> {
  return (event): event is Event<KafkaDeliverEvent> =>
    event.f === 'deliver' &&
    event.proto === 'kafka' &&
    !event.topic.includes('#') &&
    (reader === undefined ? event.reader !== DRAIN_READER : event.reader === reader)
}

export function isIdempotent({ publications }: History, val: string): boolean {
  return publications.get(val)?.isIdempotent === true
}

export function hasHighWatermark(event: HistoryEvent): event is Event<FetchEvent> {
  return event.f === 'fetch' && (event.hw ?? 0) > 0
}

export function isCommitted(event: HistoryEvent): event is Event<CommitEvent> {
  return event.f === 'committed' && event.type === 'ok' && (event.off ?? -1) > 0
}

export function isPresent(event: HistoryEvent): event is Event<DefinitionEvent> {
  return event.f === 'exists' && event.type === 'ok'
}

export function isAbsent(event: HistoryEvent): event is Event<DefinitionEvent> {
  return event.f === 'exists' && event.type === 'fail'
}

export function lastOf<E extends HistoryEvent>(
  { events }: History,
  isWanted: ((event: HistoryEvent) => event is E) | ((event: HistoryEvent) => boolean),
): E | null {
  return (events.findLast((event) => isWanted(event)) as E | undefined) ?? null
}

/** The only delivery of a confirmed, lasting message, with its ack, to a consumer that lived on. */
export function settledDelivery(
  { events, publications, lives }: History,
  isWanted: (event: HistoryEvent) => boolean = isDelivery,
): Event<AmqpDeliverEvent> | null {
  const seen = new Map<string, number>()
  const acked = new Map<string, number>()
  for (const event of events) {
    if (isDelivery(event)) count(seen, `${event.q} ${event.val}`)
    if (event.f === 'ack') count(acked, `${event.q} ${event.val}`)
  }
  const found = events.findLast((event) => {
    if (!isDelivery(event) || event.auto || !isWanted(event)) return false
    const publication = publications.get(event.val)
    const key = `${event.q} ${event.val}`
    const isSound = publication?.isPersistent === true && publication.attemptsAt.length === 1
    const isConfirmed = (publication?.confirmedAt ?? Infinity) < Infinity
    const livesOn = lives.of(event.conn).endAt > event.t + 1_100_000_000
    return isSound && isConfirmed && livesOn && seen.get(key) === 1 && acked.get(key) === 1
  })
  return (found as Event<AmqpDeliverEvent> | undefined) ?? null
}

/** Deliveries from queues whose messages nothing excuses: those are drained at the end, and nobody ever took from them without acks. */
export function isWhereNothingMayGo({ events }: History): (event: HistoryEvent) => boolean {
  const queues = new Set<string>()
  for (const event of events)
    if (event.f === 'drained' && event.type === 'ok') queues.add(event.name)
  for (const event of events) if (event.f === 'consume' && event.auto) queues.delete(event.q)
  return (event) => 'q' in event && queues.has(event.q)
}

export function secondDelivery({ events, publications }: History): Event<AmqpDeliverEvent> | null {
  const seen = new Map<string, number>()
  for (const event of events) {
    if (!isDelivery(event) || publications.get(event.val)?.attemptsAt.length !== 1) continue
    const times = count(seen, `${event.q} ${event.val}`)
    if (times === 2 && event.redelivered) return event
  }
  return null
}

export function count(counts: Map<string, number>, key: string): number {
  const times = (counts.get(key) ?? 0) + 1
  counts.set(key, times)
  return times
}

export function without(
  { events }: History,
  found: Event<AmqpDeliverEvent> | null,
): HistoryEvent[] | null {
  if (found === null) return null
  return events.filter((event) => !('val' in event && 'q' in event && event.val === found.val))
}

export function changed(
  { events }: History,
  found: HistoryEvent | null,
  change: object,
): HistoryEvent[] | null {
  if (found === null) return null
  return events.map((event) =>
    event === found ? ({ ...event, ...change } as HistoryEvent) : event,
  )
}

/** The same once more, a moment later. */
export function repeated(
  { events }: History,
  found: HistoryEvent | null,
  change: object,
): HistoryEvent[] | null {
  if (found === null) return null
  return [...events, { ...found, t: found.t + MOMENT, ...change } as HistoryEvent]
}

/** Once more, more than a second after its ack. */
export function repeatedLater(history: History, found: HistoryEvent | null): HistoryEvent[] | null {
  const t = (found?.t ?? 0) + 1_050_000_000
  return repeated(history, found, { t, redelivered: true })
}

const LAST_NS = 20_000_000

/** As a broker would that confirms before it has written. */
export function loseLastConfirmed({ events, publications, lives }: History): HistoryEvent[] | null {
  const lost = new Set<string>()
  for (const { val, confirmedAt, isPersistent, attemptsAt } of publications.values()) {
    const isLast = lives.crashes.some(({ at }) => confirmedAt < at && confirmedAt > at - LAST_NS)
    if (isLast && isPersistent && attemptsAt.length === 1) lost.add(val)
  }
  if (lost.size === 0) return null
  return events.filter((event) => !('val' in event && event.f !== 'publish' && lost.has(event.val)))
}

/** Two that came one after the other to one consumer, of one writer. */
export function swapNeighbours({ events, publications }: History): HistoryEvent[] | null {
  const last = new Map<string, Event<AmqpDeliverEvent>>()
  for (const event of events) {
    if (!isDelivery(event) || event.redelivered) continue
    const publication = publications.get(event.val)
    if (publication?.attemptsAt.length !== 1) continue
    const key = `${event.conn} ${event.tag} ${lineOf(publication, event.q)}`
    const before = last.get(key)
    last.set(key, event)
    if (before !== undefined) return swapValues(events, before, event)
  }
  return null
}

/** The last two of a line that lie one behind the other in a partition; null is no line. */
export function swapRecords(
  history: History,
  lineIn: (event: Event<KafkaDeliverEvent>) => string | null,
): HistoryEvent[] | null {
  const last = new Map<string, Event<KafkaDeliverEvent>>()
  let pair: readonly [Event<KafkaDeliverEvent>, Event<KafkaDeliverEvent>] | null = null
  for (const event of history.events) {
    if (!isRecord(DRAIN_READER)(event)) continue
    const line = lineIn(event)
    if (line === null) continue
    const key = `${partitionName(event)} ${line}`
    const before = last.get(key)
    last.set(key, event)
    // The drain reads everything more than once.
    if (before !== undefined && before.off < event.off) pair = [before, event]
  }
  if (pair === null) return null
  const [before, event] = pair
  // Nobody else may have seen them where they were.
  const isOther = (seen: HistoryEvent): boolean =>
    'val' in seen &&
    'off' in seen &&
    'part' in seen &&
    partitionName(seen) === partitionName(event) &&
    (seen.off === before.off || seen.off === event.off) &&
    seen !== before &&
    seen !== event
  const others = history.events.filter((each) => !isOther(each))
  return swapValues(others, before, event)
}

export function swapValues(
  events: readonly HistoryEvent[],
  a: HistoryEvent & { readonly val: string },
  b: HistoryEvent & { readonly val: string },
): HistoryEvent[] {
  return events.map((event) => {
    if (event === a) return { ...event, val: b.val } as HistoryEvent
    return event === b ? ({ ...event, val: a.val } as HistoryEvent) : event
  })
}
