import { closedError, type CoreCaller } from './core-caller.ts'
import { limits } from './limits.ts'
import { NotSeenError, type WaitOptions } from './wait-options.ts'

/** Taken at once: a test that plays with the clock would else stop the broker's own waiting. */
const { setTimeout: later } = globalThis

export interface Awaited<Result> extends WaitOptions {
  /** Looks once; null: not yet. */
  readonly look: () => Promise<Result | null>
  /** What was awaited, and what there is instead: for the error. */
  readonly describe: (timeoutMs: number) => string
}

/** Looks until there is a result. Rejects when the time is over, saying what was seen. */
export async function waitFor<Result>(
  caller: CoreCaller,
  { timeoutMs = limits.patienceMs, look, describe }: Awaited<Result>,
): Promise<Result> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const result = await look()
    if (result !== null) return result
    if (performance.now() >= deadlineMs) throw new NotSeenError(describe(timeoutMs))
    await new Promise((resolve) => later(resolve, limits.lookEveryMs))
    if (caller.isClosed) throw closedError()
  }
}

/** `a, b and 3 more`, each in quotes. */
export function listNames(names: Iterable<string>): string {
  const all = [...names].sort()
  const shown = all.slice(0, limits.shownMax).map((name) => `'${name}'`)
  const more = all.length - shown.length
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '')
}

/** A body as an error shows it. */
export function excerpt(body: Buffer): string {
  const text = body.toString('utf8', 0, limits.shownCharacters * 4)
  const shown = text.slice(0, limits.shownCharacters)
  return JSON.stringify(shown) + (shown.length < text.length ? '…' : '')
}

/** What was seen and not accepted, a line each. */
export function listSeen(lines: readonly string[]): string {
  const shown = lines.slice(0, limits.shownMax).map((line) => `\n  ${line}`)
  const more = lines.length - shown.length
  return shown.join('') + (more > 0 ? `\n  and ${more} more` : '')
}
