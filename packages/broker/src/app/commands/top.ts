/** `polymq top`: a live table at a terminal, one table elsewhere. */
import { styleText } from 'node:util'
import { ExitCode, usageError } from '../exit.ts'
import { wholeNumber } from './bodies.ts'
import { isSet, optionOf, wantsJson, type CommandContext } from './command.ts'
import { jsonText, tableText } from './table-text.ts'

type Row = Readonly<Record<string, unknown>>

interface Top {
  readonly queues: readonly Row[]
  readonly streams: readonly Row[]
  readonly connections: readonly Row[]
  readonly totals: Readonly<Record<string, number>>
}

/** The other screen of the terminal, without a cursor; what was on the first one is there again afterwards. */
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H\u001b[J'

export async function top(context: CommandContext): Promise<ExitCode> {
  const { terminal } = context
  const seconds = secondsOf(optionOf(context, 'seconds') ?? '1')
  const limit = wholeNumber('--count', optionOf(context, 'count') ?? '10', 1)
  const measure = async (): Promise<Top> => {
    const { body } = await context.client().call('GET', '/top', { query: { seconds, limit } })
    return body as Top
  }
  if (!terminal.isTty || isSet(context, 'once') || wantsJson(context)) {
    const measured = await measure()
    await terminal.write(
      wantsJson(context) ? jsonText(measured) : topText(measured, terminal.colour),
    )
    return ExitCode.Ok
  }
  return showLive(context, measure)
}

async function showLive(context: CommandContext, measure: () => Promise<Top>): Promise<ExitCode> {
  const { terminal } = context
  let isOver = false
  terminal.onInterrupt(() => {
    isOver = true
    context.client().close()
  })
  await terminal.write(ENTER)
  try {
    while (!isOver) {
      const lines = topText(await measure(), terminal.colour).split('\n')
      const shown = lines
        .slice(0, terminal.rows - 1)
        // A line that wraps would push the first ones out. Titles, which have a style, are short.
        .map((line) => (line.includes('\u001b') ? line : line.slice(0, terminal.columns)))
      await terminal.write(HOME + shown.join('\n'))
    }
    return ExitCode.Ok
  } catch (error) {
    // Ctrl-C is how one leaves it.
    if (isOver) return ExitCode.Ok
    throw error
  } finally {
    await terminal.write(LEAVE)
  }
}

export function topText(measured: Top, colour: boolean): string {
  const { queues, streams, connections, totals } = measured
  const rates = Object.entries(totals).map(([name, value]) => {
    return `${name.replace(/PerSecond$/, '')} ${rate(value)}`
  })
  return [
    `${rates.join('   ')}   (a second)`,
    section(
      'Queues',
      queues,
      ['name', 'vhost', 'in', 'out', 'ready', 'unacked', 'consumers'],
      colour,
    ),
    section('Streams', streams, ['name', 'vhost', 'in', 'partitions', 'records', 'bytes'], colour),
    section(
      'Connections',
      connections,
      ['id', 'protocol', 'user', 'client', 'name', 'in', 'out'],
      colour,
    ),
    '',
  ].join('\n')
}

function section(
  title: string,
  rows: readonly Row[],
  columns: readonly string[],
  colour: boolean,
): string {
  if (rows.length === 0) return `\n${title}: none`
  const shown = rows.map((row) => ({
    ...row,
    in: rate(Number(row.inPerSecond ?? row.inBytesPerSecond ?? 0)),
    out: rate(Number(row.outPerSecond ?? row.outBytesPerSecond ?? 0)),
  }))
  const head = colour ? styleText('underline', title, { validateStream: false }) : title
  return `\n${head}\n${tableText(shown, columns, { colour }).trimEnd()}`
}

function rate(perSecond: number): number {
  return perSecond < 10 ? Math.round(perSecond * 10) / 10 : Math.round(perSecond)
}

function secondsOf(text: string): number {
  const seconds = /^\d{1,2}(\.\d{1,3})?$/.test(text) ? Number(text) : 0
  if (seconds >= 0.1 && seconds <= 10) return seconds
  throw usageError('--seconds: not a value it takes. Allowed: 0.1 to 10.')
}
