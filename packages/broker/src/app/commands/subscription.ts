/** Prints what a subscription brings until it ends. */
import { ExitCode, ExitError } from '../exit.ts'
import { printable } from '../printable.ts'
import { optionOf, wantsJson, type CommandContext } from './command.ts'
import {
  isMessage,
  messageFormat,
  standardFormat,
  type Ended,
  type Message,
  type SubscriptionLine,
} from './messages.ts'
import { jsonLine } from './table-text.ts'

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

/** What is printed of a message, by the flags of the command. */
export function printerOf(context: CommandContext): (message: Message) => Promise<void> {
  const { terminal } = context
  const format = messageFormat(optionOf(context, 'format') ?? standardFormat)
  const textOf = wantsJson(context) ? jsonLine : format
  return (message) => terminal.write(textOf(message))
}

export interface Following {
  readonly path: string
  readonly query: Query
  /** Called once everything that is published from then on will come. */
  readonly subscribed?: () => void
  readonly message: (message: Message) => Promise<void>
}

/** Why it has ended; undefined if the broker did not say, and the connection is gone. */
export async function follow(
  context: CommandContext,
  following: Following,
): Promise<Ended | undefined> {
  const lines = context.client().lines(following.path, { query: following.query })
  for await (const each of lines) {
    const line = each as SubscriptionLine
    if (isMessage(line)) await following.message(line)
    else if (line.type === 'ended') return line
    else following.subscribed?.()
  }
  return undefined
}

/** Throws an ExitError for an end that is no good one. */
export function checkEnd(ended: Ended | undefined): void {
  if (ended === undefined) throw lost('The broker has closed the connection')
  const why = ended.message === undefined ? '' : ` (${printable(ended.message)})`
  switch (ended.reason) {
    case 'count':
    case 'no-more':
      return
    case 'deleted':
      throw new ExitError(ExitCode.Failed, `It has been deleted${why}.`)
    case 'shutdown':
      throw lost('The broker stops')
    default:
      throw new ExitError(
        ExitCode.IoError,
        `The broker cannot go on with it${why}. Its log says more.`,
      )
  }
}

function lost(what: string): ExitError {
  return new ExitError(
    ExitCode.Unreachable,
    `${what}: no more messages come. Start again when it is back.`,
  )
}

/** Makes Ctrl-C end what runs, so that messages under way go back. */
export function interruption(context: CommandContext): { readonly isOver: boolean } {
  const state = { isOver: false }
  context.terminal.onInterrupt(() => {
    state.isOver = true
    context.client().close()
  })
  return state
}
