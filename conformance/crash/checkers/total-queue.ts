/**
 * C1, the total queue. Whatever was confirmed comes out; whatever comes out was put in, and is what
 * was put in. An attempt without an answer may be found or not. A loss is told by where it lies
 * among what the same writer got through: at its beginning, its end or, worst, in the middle.
 *
 * What is sent to a queue and a stream must be in both, and what a feed carries at its end too.
 *
 * Messages may be lost that were transient when the broker crashed, though not from a stream, that lay in a queue when it was
 * deleted, or that were under way to a consumer without acks when its connection ended (C9's bargain);
 * records that lie below the log start.
 */
import { DRAIN_READER, partitionName, type HistoryEvent } from '../history/event.ts'
import type { History } from '../history/history.ts'
import type { Publication } from '../history/publications.ts'
import { AutoLosses } from './auto-losses.ts'
import { Deletions } from './deletions.ts'
import { seconds, type Violation } from './violation.ts'

/** What a place gave back. */
interface Place {
  /** Values that came out at all. */
  readonly delivered: Set<string>
  /** Values that somebody took for good; those of a partition that were there at the end. */
  readonly settled: Set<string>
  drainedAt: number
  /** What lies below has been removed by retention. */
  logStart: number
}

export function checkTotalQueue(history: History): Violation[] {
  const places = placesOf(history)
  return [...unexpected(history), ...lost(history, places), ...undrained(history)]
}

function placesOf(history: History): Map<string, Place> {
  const places = new Map<string, Place>()
  const placeOf = (name: string): Place => {
    let place = places.get(name)
    if (place === undefined) {
      place = { delivered: new Set(), settled: new Set(), drainedAt: -1, logStart: 0 }
      places.set(name, place)
    }
    return place
  }
  for (const event of history.events) note(event, placeOf)
  return places
}

function note(event: HistoryEvent, placeOf: (name: string) => Place): void {
  if (event.f === 'drained' && event.type === 'ok') {
    const place = placeOf(event.name)
    place.drainedAt = event.t
    place.logStart = event.start ?? 0
  } else if (event.f === 'seek' && event.reader === DRAIN_READER) {
    // It reads the partition anew: what it had found before does not count, nor that it had found all.
    const place = placeOf(partitionName(event))
    place.settled.clear()
    place.drainedAt = -1
  } else if (event.f === 'deliver' && event.proto === 'kafka') {
    const place = placeOf(partitionName(event))
    place.delivered.add(event.val)
    if (event.reader === DRAIN_READER) place.settled.add(event.val)
  } else if (event.f === 'deliver' || event.f === 'get') {
    const place = placeOf(event.q)
    place.delivered.add(event.val)
    if (event.auto) place.settled.add(event.val)
  } else if (event.f === 'ack' || (event.f === 'reject' && event.requeue !== true)) {
    placeOf(event.q).settled.add(event.val)
  }
}

function lost(history: History, places: ReadonlyMap<string, Place>): Violation[] {
  const autoLosses = new AutoLosses(history)
  const deletions = new Deletions(history)
  const isExcused = (publication: Publication, place: string): boolean =>
    isTransientLoss(publication, place, history) ||
    deletions.after(place, publication.attemptsAt[0] ?? 0) ||
    autoLosses.explain(publication, place)
  const violations: Violation[] = []
  const positions = new Positions(history, places)
  for (const publication of history.publications.values()) {
    if (publication.confirmedAt === Infinity) continue
    for (const name of publication.places) {
      const place = places.get(name)
      if (place === undefined || place.drainedAt < publication.confirmedAt) continue
      if (place.settled.has(publication.val) || isExcused(publication, name)) continue
      // Of a retry the producer may not have been told where it lies.
      if (place.logStart > (publication.off ?? 0)) continue
      const wasSeen = place.delivered.has(publication.val)
      const rule = wasSeen
        ? 'lost after it was delivered'
        : `lost, ${positions.of(publication, name)}`
      violations.push(violation(rule, publication.confirmedAt, publication.val, name))
    }
  }
  return violations
}

/** A stream keeps everything. */
function isTransientLoss(publication: Publication, place: string, { lives }: History): boolean {
  if (publication.isPersistent || !publication.queues.includes(place)) return false
  return lives.crashes.some((crash) => crash.at > (publication.attemptsAt[0] ?? 0))
}

/** Where a value lies among those of its writer that a place gave back. */
class Positions {
  readonly #ranges = new Map<string, { first: number; last: number }>()

  constructor({ publications }: History, places: ReadonlyMap<string, Place>) {
    for (const [name, { delivered }] of places) {
      for (const val of delivered) {
        const publication = publications.get(val)
        if (publication !== undefined)
          this.#add(`${publication.writer} ${name}`, publication.counter)
      }
    }
  }

  of({ writer, counter }: Publication, place: string): string {
    const range = this.#ranges.get(`${writer} ${place}`)
    if (range === undefined || counter > range.last) return 'postfix'
    return counter < range.first ? 'prefix' : 'middle'
  }

  #add(key: string, counter: number): void {
    const range = this.#ranges.get(key)
    if (range === undefined) {
      this.#ranges.set(key, { first: counter, last: counter })
      return
    }
    range.first = Math.min(range.first, counter)
    range.last = Math.max(range.last, counter)
  }
}

function unexpected(history: History): Violation[] {
  const deletions = new Deletions(history)
  const violations: Violation[] = []
  for (const event of history.events) {
    if (event.f !== 'deliver' && event.f !== 'get') continue
    const place = event.proto === 'kafka' ? partitionName(event) : event.q
    const publication = history.publications.get(event.val)
    const rule = whatIsWrong(event, publication, place, deletions)
    if (rule !== null) violations.push(violation(rule, event.t, event.val, place))
  }
  return violations
}

function whatIsWrong(
  event: { readonly t: number; readonly bytes: number; readonly err?: string },
  publication: Publication | undefined,
  place: string,
  deletions: Deletions,
): string | null {
  if (event.err !== undefined) return `broken: ${event.err}`
  if (publication === undefined) return 'unexpected: nobody sent it'
  if (!publication.places.includes(place)) return 'unexpected: it was sent elsewhere'
  if (publication.bytes !== event.bytes) return 'broken: its length is not what was sent'
  if (publication.isRefused) return 'unexpected: it had been refused'
  if (deletions.between(place, publication.confirmedAt, event.t)) {
    return 'unexpected: it lay in a queue that was deleted'
  }
  return null
}

function undrained({ events }: History): Violation[] {
  return events.flatMap((event) =>
    event.f === 'drained' && event.type === 'fail'
      ? [violation('not drained', event.t, event.err ?? '', event.name)]
      : [],
  )
}

function violation(rule: string, t: number, val: string, place: string): Violation {
  return { check: 'C1', rule, t, text: `${val} at ${place}, ${seconds(t)}` }
}
