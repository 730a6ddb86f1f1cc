/** `polymq group reset`: what would change is shown before anything does. */
import { ExitCode, usageError } from '../exit.ts'
import { fillPath } from './api-path.ts'
import { wholeNumber } from './bodies.ts'
import { argumentOf, isSet, optionOf, wantsJson, type CommandContext } from './command.ts'
import { confirmDestruction } from './confirm.ts'
import { cellText, jsonText, tableText } from './table-text.ts'

interface ResetResult {
  readonly dryRun: boolean
  readonly changes: readonly Readonly<Record<string, unknown>>[]
}

export async function resetGroup(context: CommandContext): Promise<ExitCode> {
  const isDryRun = isSet(context, 'dry-run')
  const body = bodyOf(context)
  if (!isDryRun && !isSet(context, 'yes')) {
    context.terminal.tell(changesText(context, await call(context, { ...body, dryRun: true })))
    const name = cellText(argumentOf(context, 'GROUP'))
    if (!(await confirmDestruction.ask(context, `Let group ${name} go on there?`)))
      return ExitCode.Failed
  }
  const result = await call(context, { ...body, dryRun: isDryRun })
  await context.terminal.write(wantsJson(context) ? jsonText(result) : changesText(context, result))
  if (isDryRun && !wantsJson(context)) context.terminal.tell('Nothing was changed.\n')
  return ExitCode.Ok
}

async function call(context: CommandContext, body: object): Promise<ResetResult> {
  const path = fillPath(context.spec.calls?.[0]?.path ?? '', context)
  const answer = await context.client().call('POST', path, { body })
  return answer.body as ResetResult
}

function changesText(context: CommandContext, { changes }: ResetResult): string {
  if (changes.length === 0) return 'Nothing to move: it has committed nothing there.\n'
  return tableText(changes, ['stream', 'partition', 'before', 'after'], context.terminal)
}

function bodyOf(context: CommandContext): Record<string, unknown> {
  const partition = optionOf(context, 'partition')
  const stream = optionOf(context, 'stream')
  if (partition !== undefined && stream === undefined) {
    throw usageError('--partition needs --stream: say of which stream it is.')
  }
  return {
    ...readPlace(optionOf(context, 'to') ?? '', Date.now()),
    ...(stream !== undefined && { stream }),
    ...(partition !== undefined && { partition: wholeNumber('--partition', partition) }),
  }
}

const unitsMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** `first`, `last`, an offset, or a time: ISO 8601, milliseconds since 1970, or so long ago. */
export function readPlace(text: string, nowMs: number): Record<string, unknown> {
  if (text === 'first' || text === 'last') return { to: text }
  if (/^\d{1,16}$/.test(text)) return { to: 'offset', offset: wholeNumber('--to', text) }
  const timestamp = text.startsWith('@') ? readTime(text.slice(1), nowMs) : undefined
  if (timestamp !== undefined) return { to: 'timestamp', timestamp }
  throw usageError(
    '--to: not a value it takes. Allowed: first, last, an offset, or @TIME, as in @2026-11-26T08:00:00Z or @-5m.',
  )
}

function readTime(text: string, nowMs: number): number | undefined {
  const ago = /^-(\d{1,9})([smhd])$/.exec(text)
  if (ago !== null) return Math.max(0, nowMs - Number(ago[1]) * (unitsMs[ago[2] ?? ''] ?? 0))
  if (/^\d{1,16}$/.test(text)) return Number(text)
  // Anything shorter would be read as a year or a month, and nobody means that.
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(time) || time < 0 ? undefined : time
}
