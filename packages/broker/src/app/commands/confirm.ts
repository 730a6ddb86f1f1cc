/** Asks before something is taken away that cannot be had back. */
import { usageError } from '../exit.ts'
import { isSet, type CommandContext } from './command.ts'

export const confirmDestruction = {
  /** Throws an ExitError (64) where nobody could answer and nobody has said --yes. */
  checkPossible(context: CommandContext): void {
    if (isSet(context, 'yes') || isSet(context, 'dry-run') || context.terminal.isInteractive) return
    const { name } = context.spec
    throw usageError(
      `polymq ${name} takes away what cannot be had back, and nobody is here to be asked. Add --yes.`,
    )
  },

  /** Whether to go on. */
  async ask(context: CommandContext, question: string): Promise<boolean> {
    if (isSet(context, 'yes')) return true
    const answer = await context.terminal.ask(`${question} [y/N] `)
    if (/^y(es)?$/i.test(answer.trim())) return true
    context.terminal.tell('Nothing was changed.\n')
    return false
  },
} as const
