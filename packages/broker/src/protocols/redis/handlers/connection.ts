import { Trait, type Command } from '../command.ts'
import type { Reply, Resp } from '../codec/reply.ts'
import type { Request } from '../codec/request.ts'
import { CommandError, errorTexts, noAuthHello, shownText } from '../errors.ts'
import { Hold } from '../hold.ts'
import { redisLimits } from '../limits.ts'
import type { LoginWords } from '../login.ts'
import { ReplyMode } from '../reply-mode.ts'
import type { Session } from '../session.ts'
import { checkedName } from './client-names.ts'

/** A subscriber of RESP2 is answered as if it were a message. [as Redis] */
function ping(session: Session, request: Request, reply: Reply): void {
  if (request.count > 2) throw new CommandError("ERR wrong number of arguments for 'ping' command")
  if (session.resp === 2 && session.subscriptions.size > 0) {
    reply.array(2)
    reply.bulk('pong')
    reply.bulkBytes(request.count === 2 ? request.view(1) : EMPTY)
  } else if (request.count === 2) reply.bulkBytes(request.view(1))
  else reply.simple('PONG')
}

const EMPTY: Uint8Array = new Uint8Array(0)

function auth(session: Session, request: Request): void {
  if (request.count > 3) throw new CommandError(errorTexts.syntax)
  const hasName = request.count === 3
  const name = hasName ? request.text(1) : null
  const password = request.text(hasName ? 2 : 1)
  session.login.attempt({ name, password }, () => session.answer((reply) => reply.ok()))
}

/** What HELLO asks for, read whole before any of it is done. */
interface Hello {
  readonly resp: Resp
  readonly login: LoginWords | null
  readonly name: string | null
}

function parseHello(session: Session, request: Request): Hello {
  let resp = session.resp
  if (request.count > 1) {
    const version = request.text(1)
    if (!/^-?\d{1,18}$/.test(version)) {
      throw new CommandError('ERR Protocol version is not an integer or out of range')
    }
    if (version !== '2' && version !== '3') throw new CommandError(errorTexts.noProto)
    resp = version === '2' ? 2 : 3
  }
  let login: Hello['login'] = null
  let name: string | null = null
  for (let index = 2; index < request.count;) {
    const option = request.lower(index)
    const more = request.count - index - 1
    if (option === 'auth' && more >= 2) {
      login = { name: request.text(index + 1), password: request.text(index + 2) }
      index += 3
    } else if (option === 'setname' && more >= 1) {
      name = checkedName(request, index + 1)
      index += 2
    } else {
      throw new CommandError(`ERR Syntax error in HELLO option '${shownText(request.text(index))}'`)
    }
  }
  return { resp, login, name }
}

function hello(session: Session, request: Request): void {
  const asked = parseHello(session, request)
  const greet = (): void => {
    session.resp = asked.resp
    if (asked.name !== null) session.name = asked.name
    session.answer((reply) => writeGreeting(session, reply))
  }
  if (asked.login !== null) return session.login.attempt(asked.login, greet)
  if (session.caller === null) throw new CommandError(noAuthHello)
  greet()
}

function writeGreeting(session: Session, reply: Reply): void {
  reply.map(7)
  reply.bulk('server')
  reply.bulk('redis')
  reply.bulk('version')
  reply.bulk(session.head.version)
  reply.bulk('proto')
  reply.integer(session.resp)
  reply.bulk('id')
  reply.integer(session.connection.id)
  reply.bulk('mode')
  reply.bulk('standalone')
  reply.bulk('role')
  reply.bulk('master')
  reply.bulk('modules')
  reply.array(0)
}

function select(session: Session, request: Request, reply: Reply): void {
  const text = request.text(1)
  if (!/^-?\d{1,9}$/.test(text)) throw new CommandError(errorTexts.notInteger)
  const database = Number(text)
  if (database < 0 || database >= redisLimits.databases) {
    throw new CommandError('ERR DB index is out of range')
  }
  session.database = database
  reply.ok()
}

/** As if it had just connected. */
function reset(session: Session): void {
  session.transaction = null
  session.connection.hold(Hold.names)
  session.endSubscriptions(() => {
    session.guard(() => beginAnew(session))
    session.connection.release(Hold.names)
  })
}

function beginAnew(session: Session): void {
  session.replyMode = ReplyMode.on
  session.resp = 2
  session.database = 0
  session.name = ''
  session.login.enterAsGuest()
  session.answer((reply) => reply.simple('RESET'))
}

function quit(session: Session): void {
  session.answer((reply) => reply.ok())
  session.end()
}

export const connectionCommands: readonly Command[] = [
  {
    name: 'ping',
    arity: -1,
    summary: 'Asks whether the broker is there.',
    traits: [Trait.whileSubscribed],
    run: ping,
  },
  {
    name: 'echo',
    arity: 2,
    summary: 'Answers with what it was given.',
    traits: [],
    run: (_session, request, reply) => reply.bulkBytes(request.view(1)),
  },
  {
    name: 'auth',
    arity: -2,
    summary: 'Logs in.',
    traits: [Trait.beforeLogin, Trait.noTransaction, Trait.answersItself],
    run: auth,
  },
  {
    name: 'hello',
    arity: -1,
    summary: 'Chooses the version of the protocol, and logs in.',
    traits: [Trait.beforeLogin, Trait.noTransaction, Trait.answersItself],
    run: hello,
  },
  {
    name: 'select',
    arity: 2,
    summary: 'Chooses a database; they are all empty.',
    traits: [],
    run: select,
  },
  {
    name: 'reset',
    arity: 1,
    summary: 'Begins anew, as if just connected.',
    traits: [Trait.beforeLogin, Trait.whileSubscribed, Trait.immediate, Trait.answersItself],
    run: reset,
  },
  {
    name: 'quit',
    arity: -1,
    summary: 'Closes the connection.',
    traits: [Trait.beforeLogin, Trait.whileSubscribed, Trait.immediate, Trait.answersItself],
    run: quit,
  },
]
