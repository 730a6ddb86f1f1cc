import { Trait, type Command } from '../command.ts'
import type { Reply } from '../codec/reply.ts'
import type { Request } from '../codec/request.ts'
import { CommandError, errorTexts, shownText } from '../errors.ts'
import { ReplyMode } from '../reply-mode.ts'
import type { Session } from '../session.ts'
import { checkedName } from './client-names.ts'
import { describeClient } from './client-line.ts'
import { kill } from './client-kill.ts'
import { withHelp } from './help.ts'

function part(
  name: string,
  arity: number,
  summary: string,
  run: (session: Session, request: Request, reply: Reply) => void,
  traits: Command['traits'] = [],
): readonly [string, Command] {
  return [name, { name: `client|${name}`, arity, summary, traits, run }]
}

function setInfo(session: Session, request: Request, reply: Reply): void {
  const option = request.lower(2)
  if (option === 'lib-name') session.libraryName = checkedName(request, 3, 'lib-name')
  else if (option === 'lib-ver') session.libraryVersion = checkedName(request, 3, 'lib-ver')
  else throw new CommandError(`ERR Unrecognized option '${shownText(request.text(2))}'`)
  reply.ok()
}

/** All Redis clients; whoever may not monitor sees itself. */
function list(session: Session, request: Request, reply: Reply): void {
  const { broker, sessions } = session.head
  const { principal } = session
  const seesAll =
    principal !== null && broker.access.authorize(principal, 'monitor', { kind: 'broker' })
  const isMeant = filterOf(request)
  const lines: string[] = []
  for (const each of seesAll ? sessions.values() : [session]) {
    if (isMeant(each)) lines.push(`${describeClient(each)}\n`)
  }
  reply.verbatim(lines.join(''))
}

function filterOf(request: Request): (session: Session) => boolean {
  if (request.count === 2) return () => true
  const option = request.lower(2)
  if (option === 'id' && request.count > 3) {
    const ids = new Set(request.texts(3).map(idOf))
    return ({ connection }) => ids.has(connection.id)
  }
  if (option !== 'type' || request.count !== 4) throw new CommandError(errorTexts.syntax)
  const type = request.lower(3)
  if (type === 'normal') return ({ subscriptions }) => subscriptions.size === 0
  if (type === 'pubsub') return ({ subscriptions }) => subscriptions.size > 0
  if (type === 'master' || type === 'replica' || type === 'slave') return () => false
  throw new CommandError(`ERR Unknown client type '${shownText(request.text(3))}'`)
}

function idOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new CommandError('ERR Invalid client ID')
}

/** Nobody is ever blocked by a command. */
function unblock(_session: Session, request: Request, reply: Reply): void {
  if (!/^-?\d{1,15}$/.test(request.text(2))) throw new CommandError(errorTexts.notInteger)
  const reason = request.count > 3 ? request.lower(3) : 'timeout'
  if (request.count > 4 || (reason !== 'timeout' && reason !== 'error')) {
    throw new CommandError('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR')
  }
  reply.integer(0)
}

function replyMode(session: Session, request: Request): void {
  const mode = request.lower(2)
  if (mode === 'on') {
    session.replyMode = ReplyMode.on
    session.answer((reply) => reply.ok())
  } else if (mode === 'off') session.replyMode = ReplyMode.off
  else if (mode !== 'skip') throw new CommandError(errorTexts.syntax)
  else if (session.replyMode === ReplyMode.on) session.replyMode = ReplyMode.skip
}

/** What is asked for has no meaning here, and is granted. */
function onOrOff(_session: Session, request: Request, reply: Reply): void {
  const mode = request.lower(2)
  if (mode !== 'on' && mode !== 'off') throw new CommandError(errorTexts.syntax)
  reply.ok()
}

function tracking(_session: Session, request: Request, reply: Reply): void {
  const mode = request.lower(2)
  if (mode === 'off') return reply.ok()
  if (mode !== 'on') throw new CommandError(errorTexts.syntax)
  throw new CommandError('ERR there are no keys here whose changes could be tracked')
}

/** Nobody ever is in tracking mode. */
function caching(): never {
  throw new CommandError(
    'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
  )
}

function writeTrackingInfo(reply: Reply): void {
  reply.map(3)
  reply.bulk('flags')
  reply.set(1)
  reply.bulk('off')
  reply.bulk('redirect')
  reply.integer(-1)
  reply.bulk('prefixes')
  reply.array(0)
}

export const clientCommand: Command = withHelp({
  name: 'client',
  arity: -2,
  summary: 'Asks about connections, and closes them.',
  traits: [],
  run: null,
  parts: new Map([
    part('id', 2, 'The number of this connection, as the log has it.', (session, _request, reply) =>
      reply.integer(session.connection.id),
    ),
    part('getname', 2, 'The name of this connection.', (session, _request, reply) => {
      if (session.name === '') reply.none()
      else reply.bulk(session.name)
    }),
    part('setname', 3, 'Names this connection.', (session, request, reply) => {
      session.name = checkedName(request, 2)
      reply.ok()
    }),
    part('setinfo', 4, 'Tells the library, LIB-NAME or LIB-VER.', setInfo),
    part('info', 2, 'This connection.', (session, _request, reply) =>
      reply.verbatim(`${describeClient(session)}\n`),
    ),
    part('list', -2, 'All connections of Redis clients.', list),
    part('kill', -3, 'Closes connections.', kill),
    part('reply', 3, 'Which answers are wanted: ON, OFF, SKIP.', replyMode, [
      Trait.answersItself,
      Trait.noTransaction,
    ]),
    part('no-evict', 3, 'Granted: nobody is evicted.', onOrOff),
    part('no-touch', 3, 'Granted: there are no keys to touch.', onOrOff),
    part('getredir', 2, 'There is no tracking to redirect.', (_session, _request, reply) =>
      reply.integer(-1),
    ),
    part('tracking', -3, 'OFF is granted; there are no keys.', tracking),
    part('caching', 3, 'Refused: there is no tracking.', caching),
    part('trackinginfo', 2, 'There is no tracking.', (_session, _request, reply) =>
      writeTrackingInfo(reply),
    ),
    part('unblock', -3, 'Nobody is blocked.', unblock),
  ]),
})
