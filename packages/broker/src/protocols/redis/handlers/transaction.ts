import { Trait, type Command } from '../command.ts'
import type { Reply } from '../codec/reply.ts'
import { CommandError, errorTexts, textOf } from '../errors.ts'
import { redisLimits } from '../limits.ts'
import type { Session } from '../session.ts'
import { Transaction, type QueuedCommand } from '../transaction.ts'

function begin(session: Session, reply: Reply): void {
  if (session.transaction !== null) throw new CommandError('ERR MULTI calls can not be nested')
  session.transaction = new Transaction()
  reply.ok()
}

function discard(session: Session, reply: Reply): void {
  if (session.transaction === null) throw new CommandError('ERR DISCARD without MULTI')
  session.transaction = null
  reply.ok()
}

const TOO_LARGE = 'ERR not carried out: the answers of this transaction are too large'

/** Nobody else's command comes in between, because nothing here waits. */
function carryOut(session: Session, reply: Reply): void {
  const { transaction } = session
  if (transaction === null) throw new CommandError('ERR EXEC without MULTI')
  session.transaction = null
  if (transaction.isBroken) throw new CommandError(errorTexts.execAbort)
  reply.array(transaction.commands.length)
  for (const { command, request } of transaction.commands) {
    try {
      if (reply.bytes > redisLimits.transactionAnswerBytesMax) throw new CommandError(TOO_LARGE)
      command.run?.(session, request, reply)
    } catch (error) {
      reply.error(textOf(error))
    }
  }
}

/** All of it waits for one that would have to. */
function mustWait(session: Session): boolean {
  const commands = session.transaction?.commands ?? []
  return commands.some((each) => mustOneWait(session, each))
}

function mustOneWait(session: Session, { command, request }: QueuedCommand): boolean {
  if (command.mustWait === undefined) return false
  try {
    return command.mustWait(session, request)
  } catch (error) {
    // What may not be published takes nothing; its answer says so when its turn comes.
    textOf(error)
    return false
  }
}

export const transactionCommands: readonly Command[] = [
  {
    name: 'multi',
    arity: 1,
    summary: 'Begins a transaction.',
    traits: [Trait.immediate],
    run: (session, _request, reply) => begin(session, reply),
  },
  {
    name: 'exec',
    arity: 1,
    summary: 'Carries out the commands of a transaction.',
    traits: [Trait.immediate],
    run: (session, _request, reply) => carryOut(session, reply),
    mustWait,
  },
  {
    name: 'discard',
    arity: 1,
    summary: 'Forgets the commands of a transaction.',
    traits: [Trait.immediate],
    run: (session, _request, reply) => discard(session, reply),
  },
  {
    name: 'unwatch',
    arity: 1,
    summary: 'Granted: there are no keys that could be watched.',
    traits: [],
    run: (_session, _request, reply) => reply.ok(),
  },
]
