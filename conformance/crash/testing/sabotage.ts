/**
 * Misbehaviour that a broker may come up with, done to the history of a run that went well. If the
 * checkers find nothing in what comes out, the run was not worth its time: what they should have
 * looked at was not in it.
 */
import type {
  AmqpDeliverEvent,
  CommitEvent,
  DefinitionEvent,
  FetchEvent,
  HistoryEvent,
  KafkaDeliverEvent,
  Stamp,
} from '../history/event.ts'
import { DRAIN_READER, partitionName, writerOf } from '../history/event.ts'
import { historyOf, type History } from '../history/history.ts'

export interface Sabotage {
  /** What the broker did. */
  readonly name: string
  /** The violation that must be found, as `check rule`. */
  readonly found: RegExp
  /** Returns the events as they would have been, null if the history has no occasion. */
  readonly apply: (history: History) => HistoryEvent[] | null
}

type Event<Body> = Stamp & Body

/** A moment after another: shorter than anything that was measured. */
const MOMENT = 0.25

export const sabotages: readonly Sabotage[] = [
  {
    name: 'loses a confirmed message',
    found: /^C1 lost, /,
    apply: (history) => without(history, settledDelivery(history)),
  },
  {
    name: 'loses the last messages before a kill',
    found: /^C1 lost, /,
    apply: loseLastConfirmed,
  },
  {
    name: 'loses a confirmed record',
    found: /^C1 lost/,
    apply: (history) => {
      const { publications } = history
      const isConfirmed = (val: string): boolean =>
        (publications.get(val)?.confirmedAt ?? Infinity) < Infinity
      const found = lastOf(
        history,
        (event) => isRecord(DRAIN_READER)(event) && isConfirmed(event.val),
      )
      return found && history.events.filter((event) => event !== found)
    },
  },
  {
    name: 'makes a message up',
    found: /^C1 unexpected/,
    apply: (history) => changed(history, settledDelivery(history), { val: 'nobody-1' }),
  },
  {
    name: 'cuts a body',
    found: /^C1 broken/,
    apply: (history) => {
      const found = lastOf(history, (event) => isDelivery(event) && event.bytes > 0)
      return changed(history, found, { bytes: 1 })
    },
  },
  {
    name: 'gives an offset to another record',
    found: /^C2 /,
    apply: (history) => {
      const found = lastOf(history, isRecord(DRAIN_READER))
      return changed(history, found, { val: `${writerOf(found?.val ?? '')}-0` })
    },
  },
  {
    name: 'sends a reader back',
    found: /^C3 a reader goes back/,
    apply: (history) => repeated(history, lastOf(history, isRecord()), {}),
  },
  {
    name: 'lets a high watermark fall',
    found: /^C3 the high watermark/,
    apply: (history) => changed(history, lastOf(history, hasHighWatermark), { hw: 0 }),
  },
  {
    name: 'forgets a committed offset',
    found: /^C3 a committed offset/,
    apply: (history) => changed(history, lastOf(history, isCommitted), { off: -1 }),
  },
  {
    name: 'delivers what was acknowledged',
    found: /^C4 delivered after it had been settled/,
    apply: (history) => repeatedLater(history, settledDelivery(history)),
  },
  {
    name: 'forgets the flag',
    found: /^C4 delivered again without the flag/,
    apply: (history) => changed(history, secondDelivery(history), { redelivered: false }),
  },
  {
    name: 'writes the batch of an idempotent producer twice',
    found: /^C4 an idempotent producer/,
    apply: (history) => {
      const found = lastOf(
        history,
        (event): event is Event<KafkaDeliverEvent> =>
          isRecord(DRAIN_READER)(event) && isIdempotent(history, event.val),
      )
      return repeated(history, found, { off: 1_000_000 })
    },
  },
  {
    name: 'lets one message overtake another',
    found: /^C6 a message/,
    apply: swapNeighbours,
  },
  {
    name: 'lets one record overtake another',
    found: /^C6 a record/,
    apply: swapRecords,
  },
  {
    name: 'delivers what is out',
    found: /^C7 /,
    apply: (history) => repeated(history, settledDelivery(history), { redelivered: true }),
  },
  {
    name: 'forgets a queue',
    found: /^C8 is gone/,
    apply: (history) => changed(history, lastOf(history, isPresent), { type: 'fail' }),
  },
  {
    name: 'brings back what was deleted',
    found: /^C8 came back/,
    apply: (history) => changed(history, lastOf(history, isAbsent), { type: 'ok' }),
  },
  {
    name: 'delivers twice to a consumer without acks',
    found: /^C9 /,
    apply: (history) => {
      const found = lastOf(history, (event) => isDelivery(event) && event.auto)
      return repeated(history, found, { redelivered: true })
    },
  },
]

/** The history as it would have been, null if there is no occasion. */
export function sabotage(history: History, { apply }: Sabotage): History | null {
  const events = apply(history)
  return events === null ? null : historyOf(events)
}

function isDelivery(event: HistoryEvent): event is Event<AmqpDeliverEvent> {
  return (event.f === 'deliver' || event.f === 'get') && event.proto === 'amqp'
}

function isRecord(reader?: string): (event: HistoryEvent) => event is Event<KafkaDeliverEvent> {
  return (event): event is Event<KafkaDeliverEvent> =>
    event.f === 'deliver' &&
    event.proto === 'kafka' &&
    !event.topic.includes('#') &&
    (reader === undefined ? event.reader !== DRAIN_READER : event.reader === reader)
}

function isIdempotent({ publications }: History, val: string): boolean {
  return publications.get(val)?.isIdempotent === true
}

function hasHighWatermark(event: HistoryEvent): event is Event<FetchEvent> {
  return event.f === 'fetch' && (event.hw ?? 0) > 0
}

function isCommitted(event: HistoryEvent): event is Event<CommitEvent> {
  return event.f === 'committed' && event.type === 'ok' && (event.off ?? -1) > 0
}

function isPresent(event: HistoryEvent): event is Event<DefinitionEvent> {
  return event.f === 'exists' && event.type === 'ok'
}

function isAbsent(event: HistoryEvent): event is Event<DefinitionEvent> {
  return event.f === 'exists' && event.type === 'fail'
}

function lastOf<E extends HistoryEvent>(
  { events }: History,
  isWanted: ((event: HistoryEvent) => event is E) | ((event: HistoryEvent) => boolean),
): E | null {
  return (events.findLast((event) => isWanted(event)) as E | undefined) ?? null
}

/** The only delivery of a confirmed, lasting message, with its ack, to a consumer that lived on. */
function settledDelivery({ events, publications, lives }: History): Event<AmqpDeliverEvent> | null {
  const seen = new Map<string, number>()
  const acked = new Map<string, number>()
  for (const event of events) {
    if (isDelivery(event)) count(seen, `${event.q} ${event.val}`)
    if (event.f === 'ack') count(acked, `${event.q} ${event.val}`)
  }
  const found = events.findLast((event) => {
    if (!isDelivery(event) || event.auto) return false
    const publication = publications.get(event.val)
    const key = `${event.q} ${event.val}`
    const isSound = publication?.isPersistent === true && publication.attemptsAt.length === 1
    const isConfirmed = (publication?.confirmedAt ?? Infinity) < Infinity
    const livesOn = lives.of(event.conn).endAt > event.t + 1_100_000_000
    return isSound && isConfirmed && livesOn && seen.get(key) === 1 && acked.get(key) === 1
  })
  return (found as Event<AmqpDeliverEvent> | undefined) ?? null
}

function secondDelivery({ events, publications }: History): Event<AmqpDeliverEvent> | null {
  const seen = new Map<string, number>()
  for (const event of events) {
    if (!isDelivery(event) || publications.get(event.val)?.attemptsAt.length !== 1) continue
    const times = count(seen, `${event.q} ${event.val}`)
    if (times === 2 && event.redelivered) return event
  }
  return null
}

function count(counts: Map<string, number>, key: string): number {
  const times = (counts.get(key) ?? 0) + 1
  counts.set(key, times)
  return times
}

function without(
  { events }: History,
  found: Event<AmqpDeliverEvent> | null,
): HistoryEvent[] | null {
  if (found === null) return null
  return events.filter((event) => !('val' in event && 'q' in event && event.val === found.val))
}

function changed(
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
function repeated(
  { events }: History,
  found: HistoryEvent | null,
  change: object,
): HistoryEvent[] | null {
  if (found === null) return null
  return [...events, { ...found, t: found.t + MOMENT, ...change } as HistoryEvent]
}

/** Once more, more than a second after its ack. */
function repeatedLater(history: History, found: HistoryEvent | null): HistoryEvent[] | null {
  const t = (found?.t ?? 0) + 1_050_000_000
  return repeated(history, found, { t, redelivered: true })
}

/** As a broker would that confirms before it has written. */
function loseLastConfirmed({ events, publications, lives }: History): HistoryEvent[] | null {
  const crash = lives.crashes[0]
  if (crash === undefined) return null
  const lost = new Set<string>()
  for (const { val, confirmedAt, isPersistent, attemptsAt } of publications.values()) {
    const isLast = confirmedAt < crash.at && confirmedAt > crash.at - 20_000_000
    if (isLast && isPersistent && attemptsAt.length === 1) lost.add(val)
  }
  if (lost.size === 0) return null
  return events.filter((event) => !('val' in event && event.f !== 'publish' && lost.has(event.val)))
}

/** Two that came one after the other to one consumer, of one writer. */
function swapNeighbours({ events, publications }: History): HistoryEvent[] | null {
  const last = new Map<string, Event<AmqpDeliverEvent>>()
  for (const event of events) {
    if (!isDelivery(event) || event.redelivered) continue
    if (publications.get(event.val)?.attemptsAt.length !== 1) continue
    const key = `${event.conn} ${event.tag} ${writerOf(event.val)}`
    const before = last.get(key)
    last.set(key, event)
    if (before !== undefined) return swapValues(events, before, event)
  }
  return null
}

function swapRecords(history: History): HistoryEvent[] | null {
  const last = new Map<string, Event<KafkaDeliverEvent>>()
  for (const event of history.events) {
    if (!isRecord(DRAIN_READER)(event) || !isIdempotent(history, event.val)) continue
    const key = `${partitionName(event)} ${writerOf(event.val)}`
    const before = last.get(key)
    last.set(key, event)
    if (before === undefined) continue
    // Nobody else may have seen them where they were.
    const [a, b] = [before.off, event.off]
    const isOther = (seen: HistoryEvent): boolean =>
      'val' in seen &&
      'off' in seen &&
      'part' in seen &&
      partitionName(seen) === partitionName(event) &&
      (seen.off === a || seen.off === b) &&
      seen !== before &&
      seen !== event
    return swapValues(
      history.events.filter((each) => !isOther(each)),
      before,
      event,
    )
  }
  return null
}

function swapValues(
  events: readonly HistoryEvent[],
  a: HistoryEvent & { readonly val: string },
  b: HistoryEvent & { readonly val: string },
): HistoryEvent[] {
  return events.map((event) => {
    if (event === a) return { ...event, val: b.val } as HistoryEvent
    return event === b ? ({ ...event, val: a.val } as HistoryEvent) : event
  })
}
