import type { Command } from '../command.ts'
import { codecLimits } from '../codec/limits.ts'
import type { Reply } from '../codec/reply.ts'
import type { Request } from '../codec/request.ts'
import { CommandError } from '../errors.ts'
import { redisLimits } from '../limits.ts'
import type { Session } from '../session.ts'
import { globAt } from './globs.ts'
import { withHelp } from './help.ts'
import { infoText } from './info.ts'

function time(session: Session, reply: Reply): void {
  const ms = session.head.broker.turn.clock.wallMs()
  reply.array(2)
  reply.bulk(String(Math.floor(ms / 1000)))
  reply.bulk(String(Math.floor(ms % 1000) * 1000))
}

/** Settings of Redis that clients ask for, as they are here; all others do not exist. */
function settingsOf(session: Session): Readonly<Record<string, string>> {
  return {
    appendonly: 'no',
    databases: String(redisLimits.databases),
    maxmemory: String(session.head.broker.memory.limitBytes),
    'maxmemory-policy': 'noeviction',
    'notify-keyspace-events': '',
    port: String(session.connection.endpoint.localPort),
    'proto-max-bulk-len': String(codecLimits.argumentBytesMax),
    save: '',
    timeout: '0',
  }
}

function getSettings(session: Session, request: Request, reply: Reply): void {
  const all = Object.entries(settingsOf(session))
  const asked = new Set<string>()
  for (let index = 2; index < request.count; index++) {
    const glob = globAt(request, index)
    for (const [name] of all) if (glob.matches(name)) asked.add(name)
  }
  const settings = all.filter(([name]) => asked.has(name))
  reply.map(settings.length)
  for (const [name, value] of settings) {
    reply.bulk(name)
    reply.bulk(value)
  }
}

function setSettings(): never {
  throw new CommandError('ERR PolyMQ is configured by its own options, see polymq --help')
}

const configCommand: Command = withHelp({
  name: 'config',
  arity: -2,
  summary: 'Settings, to look at.',
  traits: [],
  run: null,
  parts: new Map<string, Command>([
    [
      'get',
      {
        name: 'config|get',
        arity: -3,
        summary: 'Settings whose names match patterns.',
        traits: [],
        run: getSettings,
      },
    ],
    [
      'set',
      {
        name: 'config|set',
        arity: -4,
        summary: 'Refused: they are set otherwise.',
        traits: [],
        run: setSettings,
      },
    ],
  ]),
})

/** A master without replicas. [ROLE] */
function role(reply: Reply): void {
  reply.array(3)
  reply.bulk('master')
  reply.integer(0)
  reply.array(0)
}

export const serverCommands: readonly Command[] = [
  {
    name: 'info',
    arity: -1,
    summary: 'What the broker is and does.',
    traits: [],
    run: (session, request, reply) => reply.verbatim(infoText(session, request.texts(1))),
  },
  {
    name: 'time',
    arity: 1,
    summary: 'Seconds since 1970, and microseconds.',
    traits: [],
    run: (session, _request, reply) => time(session, reply),
  },
  {
    name: 'role',
    arity: 1,
    summary: 'What the broker is to others: a master without replicas.',
    traits: [],
    run: (_session, _request, reply) => role(reply),
  },
  configCommand,
]
