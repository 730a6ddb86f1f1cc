import { Trait, fitsArity, type Command } from './command.ts'
import { findCommand } from './command-table.ts'
import { dataCommandError } from './data-commands.ts'
import type { Request } from './codec/request.ts'
import type { Reply } from './codec/reply.ts'
import {
  CommandError,
  errorTexts,
  execDiscarded,
  notInSubscriberMode,
  textOf,
  unknownCommand,
  unknownSubcommand,
  wrongArity,
} from './errors.ts'
import { publishTo } from './handlers/pubsub.ts'
import { ReplyMode } from './reply-mode.ts'
import type { Session } from './session.ts'

/** What a browser that was made to talk to this port says in its first lines. [as Redis] */
const HTTP_WORDS: ReadonlySet<string> = new Set(['post', 'host:'])

const PUBLISH = Buffer.from('publish')

/**
 * One command of a client: found, checked, carried out, answered. Checks come in Redis' order, which clients can see: whether there is such a
 * command and its words are of the right number, whether the client may give any, whether it may give this one now.
 */
export function execute(session: Session, request: Request): void {
  if (isSimplePublish(session, request)) return publishAtOnce(session, request)
  const name = request.lower(0)
  if (HTTP_WORDS.has(name)) {
    return session.cutOff(
      'it talks HTTP to the Redis port: somebody may be using a browser to attack it',
    )
  }
  const reply = session.head.reply.begin(session.resp)
  let isAdmitted = false
  try {
    const command = admitted(session, request, name)
    if (session.transaction !== null && !command.traits.includes(Trait.immediate)) {
      return enqueue(session, command, request, reply)
    }
    isAdmitted = true
    if (mustWait(session, command, request)) return session.waitToPublish(request)
    session.lastCommand = command.name
    command.run?.(session, request, reply)
    if (!command.traits.includes(Trait.answersItself)) session.send(reply)
  } catch (error) {
    const text = textOf(error)
    if (isAdmitted) session.answer((fresh) => fresh.error(text))
    else reject(session, name, text)
  }
}

/** What is refused before it was begun breaks the transaction that it is in; EXEC itself ends it. [as Redis] */
function reject(session: Session, name: string, text: string): void {
  const isEnd = name === 'exec'
  if (isEnd) session.transaction = null
  if (session.transaction !== null) session.transaction.isBroken = true
  session.answer((reply) => reply.error(isEnd ? execDiscarded(text) : text))
}

/** Nearly all that is sent in numbers is this one command, of which none of what is checked below is asked. */
function isSimplePublish(session: Session, request: Request): boolean {
  if (!request.isPlain || request.count !== 3 || !request.isWord(0, PUBLISH)) return false
  if (session.caller === null || session.transaction !== null) return false
  if (session.replyMode !== ReplyMode.on || session.head.broker.alarms.raised !== 0) return false
  return session.resp === 3 || session.subscriptions.size === 0
}

function publishAtOnce(session: Session, request: Request): void {
  session.lastCommand = 'publish'
  try {
    session.answerInteger(publishTo(session, request))
  } catch (error) {
    const text = textOf(error)
    session.answer((fresh) => fresh.error(text))
  }
}

/** The command, if this client may give it now; else throws why not. */
function admitted(session: Session, request: Request, name: string): Command {
  const command = findCommand(name, request)
  if (command === undefined) throw new CommandError(notFound(session, request, name))
  if (!fitsArity(command, request.count)) throw new CommandError(wrongArity(command.name))
  if (command.run === null) throw new CommandError(unknownSubcommand(request.text(1), name))
  const { traits } = command
  if (session.caller === null && !traits.includes(Trait.beforeLogin)) {
    throw new CommandError(errorTexts.noAuth)
  }
  if (isOnlySubscriber(session) && !traits.includes(Trait.whileSubscribed)) {
    throw new CommandError(notInSubscriberMode(command.name))
  }
  if (session.transaction !== null && traits.includes(Trait.noTransaction)) {
    throw new CommandError(errorTexts.notInTransaction)
  }
  return command
}

/** A client of RESP2 that listens may do little else: it could not tell messages from answers. */
function isOnlySubscriber({ resp, subscriptions }: Session): boolean {
  return resp === 2 && subscriptions.size > 0
}

/** What needs a database is a command to Redis, so that being no subscriber and having logged in come before that. */
function notFound(session: Session, request: Request, name: string): string {
  const needsDatabase = dataCommandError(name)
  if (needsDatabase === undefined) return unknownCommand(request.text(0), request.texts(1))
  if (session.caller === null) return errorTexts.noAuth
  return isOnlySubscriber(session) ? notInSubscriberMode(name) : needsDatabase
}

function enqueue(session: Session, command: Command, request: Request, reply: Reply): void {
  if (session.transaction?.add(command, request) === false) {
    throw new CommandError('ERR the transaction is too large')
  }
  reply.simple('QUEUED')
  session.send(reply)
}

/** Asked only while something is short. */
function mustWait(session: Session, command: Command, request: Request): boolean {
  if (session.head.broker.alarms.raised === 0 || command.mustWait === undefined) return false
  return command.mustWait(session, request)
}
