import type { Violation } from './checkers/violation.ts'
import { seconds } from './checkers/violation.ts'
import type { HistoryEvent } from './history/event.ts'
import type { History } from './history/history.ts'
import { tortureLimits } from './limits.ts'

/** What one round came to: from one recovery to the next. */
export interface RoundSummary {
  readonly round: number
  readonly moments: readonly string[]
  readonly published: number
  readonly confirmed: number
  readonly delivered: number
  /** Deliveries flagged as redelivered. */
  readonly redelivered: number
  readonly recoveryMs: number | null
  readonly violations: number
}

type Tally = { -readonly [Key in keyof RoundSummary]: RoundSummary[Key] } & { moments: string[] }

/**
 * Round 0 is the first start. A round ends with the recovery after its kill, or with that after the
 * second one; the last one is what came after: the rest of the load, and the drain.
 */
export function summarize(history: History, violations: readonly Violation[]): RoundSummary[] {
  const tallies = [emptyTally(0)]
  const starts = [{ t: 0, round: 0 }]
  let round = 0
  for (const event of history.events) {
    if (event.f === 'crash' && event.type === 'invoke')
      starts.push({ t: event.t, round: (round = event.round) })
    tallies[round] ??= emptyTally(round)
    count(tallies[round] as Tally, event)
    if (event.f === 'recover' && event.type === 'ok') {
      round = event.round + 1
      starts.push({ t: event.t + 1, round })
    }
  }
  for (const { t } of violations) {
    const tally = tallies[starts.findLast((start) => start.t <= t)?.round ?? 0]
    if (tally !== undefined) tally.violations += 1
  }
  return tallies
}

function emptyTally(round: number): Tally {
  const counts = { published: 0, confirmed: 0, delivered: 0, redelivered: 0, violations: 0 }
  return { round, moments: [], ...counts, recoveryMs: null }
}

function count(tally: Tally, event: HistoryEvent): void {
  if (event.f === 'crash' && event.type === 'invoke') tally.moments.push(event.moment)
  else if (event.f === 'recover' && event.type === 'ok') {
    tally.recoveryMs = Math.max(tally.recoveryMs ?? 0, event.ms ?? 0)
  } else if (event.f === 'publish') {
    if (event.type === 'invoke') tally.published += 1
    if (event.type === 'ok') tally.confirmed += 1
  } else if (event.f === 'deliver' || event.f === 'get') {
    tally.delivered += 1
    if (event.proto === 'amqp' && event.redelivered) tally.redelivered += 1
  }
}

/** One line a round. */
export function roundLine(summary: RoundSummary, names: { name: string; seed: number }): string {
  const { moments, published, confirmed, delivered, redelivered, recoveryMs } = summary
  return [
    names.name.padEnd(9),
    `seed ${names.seed}`,
    (moments.join(', ') || 'no kill').padEnd(24),
    `published ${published}`,
    `confirmed ${confirmed}`,
    `delivered ${delivered}`,
    `redelivered ${redelivered}`,
    recoveryMs === null ? '' : `recovery ${recoveryMs} ms`,
    summary.violations === 0 ? 'ok' : `${summary.violations} VIOLATIONS`,
  ]
    .filter((part) => part !== '')
    .join('  ')
}

/** By rule: how often, and the first few. */
export function violationLines(violations: readonly Violation[]): string[] {
  const byRule = Map.groupBy(violations, ({ check, rule }) => `${check} ${rule}`)
  return [...byRule].flatMap(([rule, found]) => {
    const shown = found.slice(0, tortureLimits.shownPerRule)
    const rest = found.length - shown.length
    return [
      `  ${rule}: ${found.length}`,
      ...shown.map(({ t, text }) => `    ${seconds(t)}  ${text}`),
      ...(rest === 0 ? [] : [`    and ${rest} more`]),
    ]
  })
}
