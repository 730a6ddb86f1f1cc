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
  const { broker, sessions } = session.head
  const { principal } = session
  const isAdministrator =
    principal !== null && broker.access.authorize(principal, 'administer', { kind: 'broker' })
  const isOld = request.count === 3
  const { isMeant, skipsMe } = isOld ? byAddress(request.text(2)) : filtersOf(request)
  const meant = [...sessions.values()].filter((each) => {
    return isMeant(each) && !(skipsMe && each === session)
  })
  if (!isAdministrator && meant.some((each) => each !== session)) {
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

function byAddress(address: string): Wanted {
  return { isMeant: (each) => addressOf(each) === address, skipsMe: false }
}

function filtersOf(request: Request): Wanted {
  if (request.count % 2 !== 0) throw new CommandError(errorTexts.syntax)
  const filters: ((session: Session) => boolean)[] = []
  let skipsMe = true
  for (let index = 2; index < request.count; index += 2) {
    const value = request.text(index + 1)
    if (request.lower(index) === 'skipme') skipsMe = isYes(value)
    else filters.push(filterOf(request.lower(index), value))
  }
  return { isMeant: (each) => filters.every((filter) => filter(each)), skipsMe }
}

function filterOf(option: string, value: string): (session: Session) => boolean {
  switch (option) {
    case 'id':
      return ({ connection }) => connection.id === Number(value)
    case 'addr':
      return (each) => addressOf(each) === value
    case 'laddr':
      return ({ connection: { endpoint } }) =>
        `${endpoint.localAddress}:${endpoint.localPort}` === value
    case 'user':
      return ({ principal }) => principal?.name === value
    case 'type':
      return typeFilter(value.toLowerCase())
    default:
      throw new CommandError(errorTexts.syntax)
  }
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
