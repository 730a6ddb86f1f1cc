/** Runs one command of the table. */
import { ExitCode } from '../exit.ts'
import type { Environment } from '../invocation.ts'
import type { CommandContext, ParsedCommand } from './command.ts'
import { optionOf } from './command.ts'
import { confirmDestruction } from './confirm.ts'
import { ControlClient, standardUrl } from './control-client.ts'
import { readCommandLine } from './parse-command.ts'
import type { Terminal } from './terminal.ts'

export interface CommandRun {
  readonly args: readonly string[]
  readonly env: Environment
  readonly terminal: Terminal
}

/** Resolves with the exit code, or throws an ExitError. */
export async function runCommand({ args, env, terminal }: CommandRun): Promise<ExitCode> {
  const line = readCommandLine(args)
  if ('help' in line) {
    const { helpOf } = await import('./command-help.ts')
    await terminal.write(helpOf(line.help))
    return ExitCode.Ok
  }
  return runParsed(line.command, env, terminal)
}

async function runParsed(
  command: ParsedCommand,
  env: Environment,
  terminal: Terminal,
): Promise<ExitCode> {
  let client: ControlClient | undefined
  const context: CommandContext = {
    ...command,
    terminal,
    env,
    client: () => (client ??= new ControlClient(urlOf(command, env))),
  }
  try {
    confirmPossible(context)
    return await command.spec.run(context)
  } finally {
    client?.close()
  }
}

/** Before anything is asked of the broker: who forgot --yes in a script must not learn it only when it matters. */
function confirmPossible(context: CommandContext): void {
  if (context.spec.isDestructive === true) confirmDestruction.checkPossible(context)
}

function urlOf(command: ParsedCommand, env: Environment): string {
  return optionOf(command, 'url') ?? (env.POLYMQ_URL?.trim() || standardUrl)
}
