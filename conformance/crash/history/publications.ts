import {
  counterOf,
  partitionName,
  writerOf,
  type AmqpPublishEvent,
  type HistoryEvent,
  type KafkaPublishEvent,
  type Protocol,
  type Stamp,
} from './event.ts'

/** All that a history tells of one value on its way into the broker. */
export interface Publication {
  readonly val: string
  readonly proto: Protocol
  readonly writer: string
  readonly counter: number
  /** All queues and partitions where it has to arrive. */
  readonly places: readonly string[]
  /** Those among them that it is published to, and not carried to by a feed. */
  readonly queues: readonly string[]
  /** Of the stream that it is published to; null: to queues alone. */
  readonly partition: string | null
  readonly isPersistent: boolean
  readonly isIdempotent: boolean
  readonly bytes: number
  /** When each attempt began. */
  readonly attemptsAt: number[]
  /** When it was first confirmed; Infinity if never. */
  confirmedAt: number
  /** Where a record lies, if the producer was told. */
  off: number | null
  /** Every attempt was answered with a refusal. */
  isRefused: boolean
  /** Attempts without an answer that says anything. */
  openAttempts: number
}

export type Publications = ReadonlyMap<string, Publication>

export function publicationsOf(events: readonly HistoryEvent[]): Publications {
  const publications = new Map<string, Publication>()
  for (const event of events) {
    if (event.f !== 'publish') continue
    const known = publications.get(event.val)
    if (event.type === 'invoke') begin(publications, event, known)
    else if (known !== undefined) end(known, event)
  }
  for (const each of publications.values()) {
    each.isRefused = each.openAttempts === 0 && each.confirmedAt === Infinity
  }
  return publications
}

/**
 * In each line of its own the values of a writer come to a place in their order: straight into queues all of them do, by way of a
 * stream those of each of its partitions.
 */
export function lineOf({ writer, queues, partition }: Publication, place: string): string {
  return partition === null || queues.includes(place) ? writer : `${writer} ${partition}`
}

/** How often it had been sent by then: as many copies may be about. */
export function attemptsBefore({ attemptsAt }: Publication, t: number): number {
  if (attemptsAt.length === 1) return 1
  return Math.max(1, attemptsAt.filter((at) => at <= t).length)
}

function begin(
  publications: Map<string, Publication>,
  event: Stamp & (AmqpPublishEvent | KafkaPublishEvent),
  known: Publication | undefined,
): void {
  if (known !== undefined) {
    known.attemptsAt.push(event.t)
    known.openAttempts += 1
    return
  }
  const isAmqp = event.proto === 'amqp'
  const queues = isAmqp ? (event.queues ?? []) : []
  const partition = isAmqp ? (event.partition ?? null) : partitionName(event)
  const direct = partition === null ? queues : [...queues, partition]
  publications.set(event.val, {
    val: event.val,
    proto: event.proto,
    writer: writerOf(event.val),
    counter: counterOf(event.val),
    places: event.fed === undefined ? direct : [...direct, ...event.fed],
    queues,
    partition,
    isPersistent: isAmqp ? event.persistent !== false : true,
    isIdempotent: isAmqp ? false : event.idempotent,
    bytes: event.bytes ?? 0,
    attemptsAt: [event.t],
    confirmedAt: Infinity,
    off: null,
    isRefused: false,
    openAttempts: 1,
  })
}

function end(known: Publication, event: Stamp & (AmqpPublishEvent | KafkaPublishEvent)): void {
  if (event.type === 'ok') known.confirmedAt = Math.min(known.confirmedAt, event.t)
  if (event.proto === 'kafka' && event.off !== undefined) known.off = event.off
  // An attempt whose outcome is unknown stays open: it may have succeeded.
  if (event.type !== 'info') known.openAttempts -= 1
}
