/**
 * C0, the run itself: the broker came back each time and in time, closed no connection without a
 * reason, answered everything, and something happened at all. A checker has nothing to say about a
 * run in which nothing was confirmed.
 */
import type { HistoryEvent } from '../history/event.ts'
import type { History } from '../history/history.ts'
import { MS, seconds, type Violation } from './violation.ts'

export interface RunOptions {
  readonly recoveryMsMax: number
}

export function checkRunItself(history: History, options: RunOptions): Violation[] {
  return [
    ...history.events.flatMap((event) => checkEvent(event, options)),
    ...unexpectedEnds(history),
    ...nothingHappened(history),
  ]
}

function checkEvent(event: HistoryEvent, { recoveryMsMax }: RunOptions): Violation[] {
  if (event.f === 'fault') {
    const rule = event.by === 'broker' ? 'an error in the log of the broker' : 'a fault'
    return [violation(rule, event.t, event.err)]
  }
  if (event.f !== 'recover') return []
  const where = `round ${event.round}`
  if (event.type === 'fail') {
    return [violation('the broker did not come back', event.t, `${where}: ${event.err}`)]
  }
  if (event.ms === undefined || event.ms <= recoveryMsMax) return []
  const text = `${where}: ${event.ms} ms, ${recoveryMsMax} allowed`
  return [violation('recovery took too long', event.t, text)]
}

function unexpectedEnds({ events, lives }: History): Violation[] {
  return events.flatMap((event) => {
    if (event.f !== 'disconnect' || event.type !== 'info') return []
    const life = lives.of(event.conn)
    if (life.endedBy !== 'broker') return []
    const text = `${event.conn}: ${event.err ?? 'closed'}`
    return [violation('the broker closed a connection', event.t, text)]
  })
}

/** Between two crashes, each at least this long apart, something has to be confirmed. */
const QUIET_NS_MAX = 1500 * MS

function nothingHappened({ events, lives, publications }: History): Violation[] {
  const begunAt = events.find((event) => event.f === 'recover' && event.type === 'ok')?.t
  if (begunAt === undefined) return [violation('nothing happened', 0, 'the broker never started')]
  const confirmed = [...publications.values()].map((each) => each.confirmedAt).sort((a, b) => a - b)
  let from = begunAt
  const violations: Violation[] = []
  for (const { at, overAt } of lives.crashes) {
    const isQuiet = !confirmed.some((each) => each > from && each < at)
    if (at - from > QUIET_NS_MAX && isQuiet) {
      violations.push(violation('nothing was confirmed', at, `since ${seconds(from)}`))
    }
    from = overAt
  }
  return violations
}

function violation(rule: string, t: number, text: string): Violation {
  return { check: 'C0', rule, t, text: `${text}, ${seconds(t)}` }
}
