/** The same for what goes from one protocol to the other. */
import { LastReading, type StreamContents } from '../checkers/stream-contents.ts'
import type {
  AmqpDeliverEvent,
  FeedEvent,
  HistoryEvent,
  KafkaDeliverEvent,
} from '../history/event.ts'
import { DRAIN_READER, partitionName, writerOf } from '../history/event.ts'
import type { History } from '../history/history.ts'
import type { Publication } from '../history/publications.ts'
import {
  isDelivery,
  isRecord,
  lastOf,
  repeated,
  repeatedLater,
  settledDelivery,
  swapRecords,
  swapValues,
  type Event,
  type Sabotage,
} from './sabotage-steps.ts'

export const crossingSabotages: readonly Sabotage[] = [
  {
    name: 'loses a transient message that it had confirmed to be in a stream',
    check: 'C1',
    found: /^lost/,
    apply: (history) => {
      const at = history.lives.crashes[0]?.at ?? 0
      const isWanted = (each: Publication): boolean => !each.isPersistent && each.confirmedAt < at
      return withoutIn(history, 'stream', findSent(history, isWanted))
    },
  },
  {
    name: 'leaves out the queue when a message goes to a stream and to a queue',
    check: 'C1',
    found: /^lost/,
    apply: (history) => {
      const isWanted = ({ queues, isPersistent }: Publication): boolean =>
        queues.length > 0 && isPersistent
      return withoutIn(history, 'queue', findSent(history, isWanted))
    },
  },
  {
    name: 'appends a message to a stream twice',
    check: 'C4',
    found: /^written more often/,
    apply: (history) => {
      const isWanted = (event: HistoryEvent): event is Event<KafkaDeliverEvent> =>
        isRecord(DRAIN_READER)(event) && isSentOnce(history, event)
      return repeated(history, lastOf(history, isWanted), { off: 1_000_000 })
    },
  },
  {
    name: 'lets one message overtake another on the way into a stream',
    check: 'C6',
    found: /^a record/,
    apply: (history) =>
      swapRecords(history, (event) => (isSentOnce(history, event) ? writerOf(event.val) : null)),
  },
  {
    name: 'leaves a record out of a feed',
    check: 'C10',
    found: /^not carried/,
    apply: (history) => {
      const found = lastOf(history, isFed(history))
      return found && history.events.filter((event) => !isOfQueue(event, found.val))
    },
  },
  {
    name: 'carries a record twice',
    check: 'C10',
    found: /^carried more than once/,
    apply: (history) => repeated(history, lastOf(history, isFed(history)), {}),
  },
  {
    name: 'goes back with a feed after a restart',
    check: 'C10',
    found: /^carried again after it had been settled/,
    apply: (history) => repeatedLater(history, settledDelivery(history, isFed(history))),
  },
  {
    name: 'turns the order of a feed round',
    check: 'C10',
    found: /^a record comes after a later one/,
    apply: swapFed,
  },
  {
    name: 'carries what the stream does not keep',
    check: 'C10',
    found: /^carried, but it is not in the stream/,
    apply: (history) => {
      const found = lastOf(history, isFed(history))
      const [feed] = feedsOf(history)
      return (
        found &&
        history.events.filter(
          (event) => !(isRecord(DRAIN_READER)(event) && isIn(event, feed?.topic, found.val)),
        )
      )
    },
  },
  {
    name: 'leaves a record out on the way from stream to stream',
    check: 'C10',
    found: /^not carried/,
    apply: (history) => {
      const found = lastOf(history, isCopy(history))
      return found && history.events.filter((event) => !isIn(event, found.topic, found.val))
    },
  },
  {
    name: 'carries a record from stream to stream twice',
    check: 'C10',
    found: /^carried more than once/,
    apply: (history) => repeated(history, lastOf(history, isCopy(history)), { off: 1_000_000 }),
  },
  {
    name: 'turns the order round on the way from stream to stream',
    check: 'C10',
    found: /^a record lies behind a later one/,
    apply: (history) => {
      const source = sourceOf(history)
      const isCopied = isCopy(history)
      return swapRecords(history, (event) => {
        const place = isCopied(event) ? source?.onlyPlaceOf(event.val) : null
        return place == null ? null : String(place.part)
      })
    },
  },
]

/** The first one, which leads to a queue and a stream. */
function feedsOf({ events }: History): FeedEvent[] {
  return events.filter((event) => event.f === 'feed')
}

function sourceOf(history: History): StreamContents | null {
  const [feed] = feedsOf(history)
  return feed === undefined ? null : new LastReading(history).of(feed.topic)
}

/** A message that was published to a stream over AMQP, and confirmed at the first attempt. */
function findSent(
  { publications }: History,
  isWanted: (publication: Publication) => boolean,
): Publication | null {
  for (const each of publications.values()) {
    const isConfirmed = each.attemptsAt.length === 1 && each.confirmedAt < Infinity
    if (isConfirmed && isIntoStream(each) && isWanted(each)) return each
  }
  return null
}

function isIntoStream({ proto, partition }: Publication): boolean {
  return proto === 'amqp' && partition !== null
}

/** Where a message lies that was published over AMQP, and no second time. */
function isSentOnce({ publications }: History, event: Event<KafkaDeliverEvent>): boolean {
  const publication = publications.get(event.val)
  if (publication?.attemptsAt.length !== 1 || !isIntoStream(publication)) return false
  return publication.partition === partitionName(event)
}

function withoutIn(
  { events }: History,
  where: 'stream' | 'queue',
  found: Publication | null,
): HistoryEvent[] | null {
  if (found === null) return null
  const isThere = (event: HistoryEvent): boolean => {
    if (!('val' in event) || event.val !== found.val || event.f === 'publish') return false
    if (where === 'queue') return 'q' in event && found.queues.includes(event.q)
    return 'part' in event && partitionName(event) === found.partition
  }
  return events.filter((event) => !isThere(event))
}

/** Deliveries without the flag of what a feed has carried from where it lies once. */
function isFed(history: History): (event: HistoryEvent) => event is Event<AmqpDeliverEvent> {
  const [feed] = feedsOf(history)
  const source = sourceOf(history)
  return (event): event is Event<AmqpDeliverEvent> =>
    isDelivery(event) &&
    !event.redelivered &&
    feed?.queues.includes(event.q) === true &&
    source?.timesOf(event.val) === 1
}

/** Records in the stream that the feed leads to. */
function isCopy(history: History): (event: HistoryEvent) => event is Event<KafkaDeliverEvent> {
  const [feed] = feedsOf(history)
  const source = sourceOf(history)
  return (event): event is Event<KafkaDeliverEvent> =>
    isRecord(DRAIN_READER)(event) &&
    feed?.topics.includes(event.topic) === true &&
    source?.timesOf(event.val) === 1
}

function isOfQueue(event: HistoryEvent, val: string): boolean {
  return 'q' in event && 'val' in event && event.val === val
}

function isIn(event: HistoryEvent, topic: string | undefined, val: string): boolean {
  return (
    event.f === 'deliver' && event.proto === 'kafka' && event.topic === topic && event.val === val
  )
}

/** The last two that came to one consumer one after the other. */
function swapFed(history: History): HistoryEvent[] | null {
  const isWanted = isFed(history)
  const source = sourceOf(history)
  const last = new Map<string, Event<AmqpDeliverEvent>>()
  let pair: readonly [Event<AmqpDeliverEvent>, Event<AmqpDeliverEvent>] | null = null
  for (const event of history.events) {
    if (!isWanted(event)) continue
    const key = `${event.conn} ${event.tag} ${source?.onlyPlaceOf(event.val)?.part}`
    const before = last.get(key)
    last.set(key, event)
    if (before !== undefined) pair = [before, event]
  }
  return pair && swapValues(history.events, ...pair)
}
