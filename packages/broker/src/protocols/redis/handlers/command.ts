import type { Command } from '../command.ts'
import type { Reply } from '../codec/reply.ts'
import type { Request } from '../codec/request.ts'
import { CommandError, errorTexts } from '../errors.ts'
import { redisLimits } from '../limits.ts'
import { globAt } from './globs.ts'
import { withHelp } from './help.ts'

type Table = ReadonlyMap<string, Command>

/** What the table itself answers. It is handed in, because the command is in it. */
export function commandCommand(table: () => Table): Command {
  const part = (
    name: string,
    arity: number,
    summary: string,
    run: (request: Request, reply: Reply) => void,
  ): readonly [string, Command] => {
    const runPart: Command['run'] = (_session, request, reply) => run(request, reply)
    return [name, { name: `command|${name}`, arity, summary, traits: [], run: runPart }]
  }
  return withHelp({
    name: 'command',
    arity: -1,
    summary: 'Which commands there are.',
    traits: [],
    run: (_session, _request, reply) => writeInfos([...table().values()], reply),
    parts: new Map([
      part('count', 2, 'How many commands there are.', (_request, reply) =>
        reply.integer(table().size),
      ),
      part('list', -2, 'The names of all commands, or of some.', (request, reply) => {
        const names = listed(table(), request)
        reply.array(names.length)
        for (const name of names) reply.bulk(name)
      }),
      part('info', -2, 'Commands by name.', (request, reply) =>
        writeInfos(named(table(), request), reply),
      ),
      part('docs', -2, 'What commands do.', (request, reply) =>
        writeDocs(named(table(), request), reply),
      ),
    ]),
  })
}

/** All, or those of `FILTERBY PATTERN`. There are no modules, and no categories of permissions. */
function listed(table: Table, request: Request): string[] {
  const names = [...table.values()].flatMap(({ name, parts }) => {
    return [name, ...[...(parts?.values() ?? [])].map((part) => part.name)]
  })
  if (request.count === 2) return names
  if (request.count !== 5 || request.lower(2) !== 'filterby') {
    throw new CommandError(errorTexts.syntax)
  }
  const filter = request.lower(3)
  if (filter === 'module' || filter === 'aclcat') return []
  if (filter !== 'pattern') throw new CommandError(errorTexts.syntax)
  const glob = globAt(request, 4)
  return names.filter((name) => glob.matches(name))
}

/** Those that are named, undefined for what there is not; all if none is named. */
function named(table: Table, request: Request): (Command | undefined)[] {
  if (request.count === 2) return [...table.values()]
  if (request.count - 2 > redisLimits.describedCommandsMax) {
    throw new CommandError(`ERR more than ${redisLimits.describedCommandsMax} commands`)
  }
  return request.texts(2).map((name) => commandNamed(table, name.toLowerCase()))
}

/** One that is part of another is `client|list`. */
function commandNamed(table: Table, name: string): Command | undefined {
  const [whole = '', part, more] = name.split('|')
  if (more !== undefined) return undefined
  return part === undefined ? table.get(whole) : table.get(whole)?.parts?.get(part)
}

function writeInfos(commands: readonly (Command | undefined)[], reply: Reply): void {
  reply.array(commands.length)
  for (const command of commands) {
    if (command === undefined) reply.none()
    else writeInfo(command, reply)
  }
}

/** Name, arity, flags, first key, last key, step, categories, tips, key specifications, parts. There are no keys. */
function writeInfo({ name, arity, traits, parts }: Command, reply: Reply): void {
  const flags = traits.filter((trait) => trait.startsWith('no_'))
  reply.array(10)
  reply.bulk(name)
  reply.integer(arity)
  reply.set(flags.length)
  for (const flag of flags) reply.simple(flag)
  for (let place = 0; place < 3; place++) reply.integer(0)
  reply.set(0)
  reply.array(0)
  reply.array(0)
  writeInfos([...(parts?.values() ?? [])], reply)
}

function writeDocs(commands: readonly (Command | undefined)[], reply: Reply): void {
  const found = commands.filter((command) => command !== undefined)
  reply.map(found.length)
  for (const { name, summary, parts } of found) {
    reply.bulk(name)
    reply.map(parts === undefined ? 1 : 2)
    reply.bulk('summary')
    reply.bulk(summary)
    if (parts === undefined) continue
    reply.bulk('subcommands')
    writeDocs([...parts.values()], reply)
  }
}
