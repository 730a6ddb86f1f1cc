import type { Reply } from '../codec/reply.ts'
import type { Request } from '../codec/request.ts'
import { CommandError, errorTexts, shownText } from '../errors.ts'
import type { Session } from '../session.ts'

interface Wanted {
  readonly isMeant: (session: Session) => boolean
  readonly skipsMe: boolean
}

/** Whoever may not administer the broker may close its own connection. */
export function kill(session: Session, request: Request, reply: Reply): void {
  const { sessions } = session.head
  const isOld = request.count === 3
  const { isMeant, skipsMe } = isOld ? byAddress(request.text(2)) : filtersOf(session, request)
  const meant = [...sessions.values()].filter((each) => {
    return isMeant(each) && !(skipsMe && each === session)
  })
  if (!isAdministrator(session) && meant.some((each) => each !== session)) {
    throw new CommandError("NOPERM this user has no permissions to run the 'client|kill' command")
  }
  if (isOld && meant.length === 0) throw new CommandError('ERR No such client')
  if (isOld) reply.ok()
  else reply.integer(meant.length)
  for (const each of meant) {
    each.log.info(`closed by client ${session.connection.id} with CLIENT KILL`)
    if (each === session) session.endAfterReply()
    else each.end()
  }
}

function isAdministrator({ principal, head }: Session): boolean {
  const { access } = head.broker
  return principal !== null && access.authorize(principal, 'administer', { kind: 'broker' })
}

function byAddress(address: string): Wanted {
  return { isMeant: (each) => addressOf(each) === address, skipsMe: false }
}

/** Of several of a kind the last counts, so that a long list of them is no more work than a short one. [as Redis] */
function filtersOf(session: Session, request: Request): Wanted {
  if (request.count % 2 !== 0) throw new CommandError(errorTexts.syntax)
  const byOption = new Map<string, (session: Session) => boolean>()
  let skipsMe = true
  for (let index = 2; index < request.count; index += 2) {
    const value = request.text(index + 1)
    const option = request.lower(index)
    if (option === 'skipme') skipsMe = isYes(value)
    else byOption.set(option, filterOf(session, option, value))
  }
  const filters = [...byOption.values()]
  return { isMeant: (each) => filters.every((filter) => filter(each)), skipsMe }
}

function filterOf(asking: Session, option: string, value: string): (session: Session) => boolean {
  switch (option) {
    case 'id': {
      const id = numberOf(value)
      if (id <= 0) throw new CommandError('ERR client-id should be greater than 0')
      return ({ connection }) => connection.id === id
    }
    case 'addr':
      return (each) => addressOf(each) === value
    case 'laddr':
      return ({ connection: { endpoint } }) =>
        `${endpoint.localAddress}:${endpoint.localPort}` === value
    case 'user':
      // Which names there are is not for everybody.
      if (isAdministrator(asking) && !isUser(asking, value)) throw noSuchUser(value)
      return ({ principal }) => principal?.name === value
    case 'type':
      return typeFilter(value.toLowerCase())
    default:
      throw new CommandError(errorTexts.syntax)
  }
}

/** 0 for what is none: no connection has it. */
function numberOf(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0
}

function isUser({ head }: Session, name: string): boolean {
  return head.broker.access.users.find(name) !== null
}

function noSuchUser(name: string): CommandError {
  return new CommandError(`ERR No such user '${shownText(name)}'`)
}

function typeFilter(type: string): (session: Session) => boolean {
  if (type === 'pubsub') return ({ subscriptions }) => subscriptions.size > 0
  if (type === 'normal') return ({ subscriptions }) => subscriptions.size === 0
  if (type === 'master' || type === 'replica' || type === 'slave') return () => false
  throw new CommandError(`ERR Unknown client type '${shownText(type)}'`)
}

function isYes(value: string): boolean {
  const word = value.toLowerCase()
  if (word !== 'yes' && word !== 'no') throw new CommandError(errorTexts.syntax)
  return word === 'yes'
}

function addressOf({ connection: { endpoint } }: Session): string {
  return `${endpoint.remoteAddress}:${endpoint.remotePort}`
}
