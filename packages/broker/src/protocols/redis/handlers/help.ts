import type { Command } from '../command.ts'
import type { Reply } from '../codec/reply.ts'

/** The same command with one more part, which tells of the others. [as Redis' HELP] */
export function withHelp(command: Command): Command {
  const parts = command.parts ?? new Map<string, Command>()
  const help: Command = {
    name: `${command.name}|help`,
    arity: 2,
    summary: 'Prints this help.',
    traits: [],
    run: (_session, _request, reply) => writeHelp(command.name, all, reply),
  }
  const all = new Map([...parts, ['help', help] as const])
  return { ...command, parts: all }
}

function writeHelp(name: string, parts: ReadonlyMap<string, Command>, reply: Reply): void {
  reply.array(1 + 2 * parts.size)
  reply.simple(`${name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`)
  for (const [part, { summary }] of parts) {
    reply.simple(part.toUpperCase())
    reply.simple(`    ${summary}`)
  }
}
