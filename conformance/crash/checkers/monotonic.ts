/**
 * C3, what only grows. A reader's polls go on where the last one ended and leave nothing out that is
 * there. The high watermark, the log start and a group's committed offset never go back: an answer
 * shows at least what any answer showed that had come before the question was asked, and a record
 * that was confirmed lies below every high watermark from then on.
 */
import { partitionName, type HistoryEvent } from '../history/event.ts'
import type { History } from '../history/history.ts'
import { offsetMapOf, type OffsetMap } from './offset-map.ts'
import { seconds, type Violation } from './violation.ts'

export function checkMonotonic(history: History): Violation[] {
  return [...checkReaders(history), ...checkMarks(history)]
}

function checkReaders(history: History): Violation[] {
  const offsets = offsetMapOf(history)
  const next = new Map<string, number>()
  const violations: Violation[] = []
  for (const event of history.events) {
    if (event.f !== 'seek' && !(event.f === 'deliver' && event.proto === 'kafka')) continue
    const place = partitionName(event)
    const key = `${event.reader} ${place}`
    const expected = next.get(key)
    if (event.f === 'seek') {
      next.set(key, event.off)
      continue
    }
    next.set(key, Math.max(expected ?? 0, event.off + 1))
    const rule = whatIsWrong({ offsets, place, expected, off: event.off })
    if (rule !== null) {
      const text = `${event.reader} got ${event.off} of ${place} where ${expected} was next, ${seconds(event.t)}`
      violations.push({ check: 'C3', rule, t: event.t, text })
    }
  }
  return violations
}

function whatIsWrong(polled: {
  readonly offsets: OffsetMap
  readonly place: string
  readonly expected: number | undefined
  readonly off: number
}): string | null {
  const { offsets, place, expected, off } = polled
  if (expected === undefined || off === expected) return null
  if (off < expected) return 'a reader goes back'
  return isAnyWithin(offsets.get(place), expected, off)
    ? 'a reader skips a record that is there'
    : null
}

function isAnyWithin(
  values: ReadonlyMap<number, string> | undefined,
  from: number,
  to: number,
): boolean {
  if (values === undefined) return false
  // A broken answer may leap as far as it likes.
  if (to - from > values.size) return [...values.keys()].some((off) => off >= from && off < to)
  for (let off = from; off < to; off++) if (values.has(off)) return true
  return false
}

/** A number that must not fall below what had been seen when it was asked for. */
class Mark {
  readonly #name: string
  /** By partition, or group and partition. */
  readonly #seen = new Map<string, number>()
  /** What had been seen when the question under way was asked, by who asked. */
  readonly #floors = new Map<string, number>()

  constructor(name: string) {
    this.#name = name
  }

  ask(who: string, what: string): void {
    this.#floors.set(`${who} ${what}`, this.#seen.get(what) ?? -1)
  }

  see(what: string, value: number): void {
    this.#seen.set(what, Math.max(this.#seen.get(what) ?? -1, value))
  }

  answer(answer: { who: string; what: string; value: number; t: number }): Violation[] {
    const { who, what, value, t } = answer
    const floor = this.#floors.get(`${who} ${what}`) ?? -1
    this.see(what, value)
    if (value >= floor) return []
    const text = `${what} at ${value}, had been ${floor} before it was asked for, ${seconds(t)}`
    return [{ check: 'C3', rule: `${this.#name} goes back`, t, text }]
  }
}

function checkMarks({ events }: History): Violation[] {
  const marks = {
    highWatermark: new Mark('the high watermark'),
    logStart: new Mark('the log start'),
    committed: new Mark('a committed offset'),
  }
  return events.flatMap((event) => checkMark(event, marks))
}

function checkMark(
  event: HistoryEvent,
  {
    highWatermark,
    logStart,
    committed,
  }: Readonly<Record<'highWatermark' | 'logStart' | 'committed', Mark>>,
): Violation[] {
  const { t } = event
  if (event.f === 'publish' && event.proto === 'kafka') {
    if (event.type === 'ok' && event.off !== undefined) {
      highWatermark.see(partitionName(event), event.off + 1)
    }
  } else if (event.f === 'fetch') {
    const [who, what] = [event.conn, partitionName(event)]
    if (event.type === 'invoke') {
      highWatermark.ask(who, what)
      logStart.ask(who, what)
    }
    const { hw, start } = event
    return [
      ...(hw === undefined ? [] : highWatermark.answer({ who, what, value: hw, t })),
      ...(start === undefined ? [] : logStart.answer({ who, what, value: start, t })),
    ]
  } else if (event.f === 'commit' || event.f === 'committed') {
    const [who, what] = [event.conn, `${event.group} ${partitionName(event)}`]
    if (event.f === 'commit') {
      if (event.type === 'ok') committed.see(what, event.off ?? -1)
    } else if (event.type === 'invoke') committed.ask(who, what)
    else if (event.type === 'ok') return committed.answer({ who, what, value: event.off ?? -1, t })
  }
  return []
}
