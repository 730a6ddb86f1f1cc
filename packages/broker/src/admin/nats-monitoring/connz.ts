/** Connections, those that are open and those that were. [nats-server /connz] */
import { badRequest } from '../errors.ts'
import { adminLimits } from '../limits.ts'
import { accountOf, globalAccount } from './accounts.ts'
import { inOrder, sortOrders } from './connection-order.ts'
import type { Answer } from './endpoints.ts'
import { durationText, spanText, timeText } from './formats.ts'
import { heading } from './further.ts'
import type { ClosedConnection, MonitoredConnection } from './monitored.ts'
import type { Monitoring } from './monitoring-app.ts'
import { readNumber, readPage, readSwitch, type Page } from './parameters.ts'
import { showSubscription } from './subsz.ts'
import { walk } from '../walk.ts'

type State = 'open' | 'closed' | 'all'
type Listing = 'none' | 'subjects' | 'details'

interface Options extends Page {
  readonly sort: string
  readonly state: State
  readonly listing: Listing
  /** With the names of users and accounts. */
  readonly auth: boolean
  /** 0 for all. */
  readonly id: number
  readonly user: string
  readonly account: string
}

export async function connz(monitoring: Monitoring, query: URLSearchParams): Promise<Answer> {
  const options = readOptions(query)
  const found = await find(monitoring, options)
  const { offset, limit } = options
  const nowMs = monitoring.broker.turn.clock.wallMs()
  const listed = new Listed(options.listing)
  const connections = inOrder(found, options.sort)
    .slice(offset, offset + limit)
    .map((connection) => showConnection(connection, { options, nowMs, listed }))
  const counts = { num_connections: connections.length, total: found.length, offset, limit }
  return { status: 200, body: { ...heading(monitoring), ...counts, connections } }
}

function readOptions(query: URLSearchParams): Options {
  const sort = query.get('sort') ?? ''
  const state = readState(query)
  if (sort !== '' && !sortOrders.has(sort)) throw badRequest(`invalid sorting option: ${sort}`)
  if ((sort === 'stop' || sort === 'reason') && state !== 'closed') {
    throw badRequest(`sort by ${sort} only valid on closed connections`)
  }
  const id = readNumber(query, 'cid')
  const page = readPage(query, {
    standard: adminLimits.monitoredItems,
    max: adminLimits.monitoredItemsMax,
  })
  return {
    offset: page.offset,
    limit: id === 0 ? page.limit : 1,
    sort: sort === '' ? 'cid' : sort,
    state,
    listing: readListing(query),
    auth: readSwitch(query, 'auth'),
    id,
    user: query.get('user') ?? '',
    account: query.get('acc') ?? '',
  }
}

function readState(query: URLSearchParams): State {
  const text = query.get('state') ?? ''
  switch (text.toLowerCase()) {
    case '':
    case 'open':
      return 'open'
    case 'closed':
      return 'closed'
    case 'any':
    case 'all':
      return 'all'
    default:
      throw badRequest(`Error decoding state for ${text.slice(0, 40)}`)
  }
}

function readListing(query: URLSearchParams): Listing {
  if (query.get('subs')?.toLowerCase() === 'detail') return 'details'
  return readSwitch(query, 'subs') ? 'subjects' : 'none'
}

type Found = MonitoredConnection & Partial<ClosedConnection>

async function find({ broker, monitored }: Monitoring, options: Options): Promise<Found[]> {
  const found: Found[] = []
  const take = (connection: Found): boolean => {
    if (isMeant(connection, options)) found.push(connection)
    return true
  }
  const { state, id } = options
  if (state !== 'closed') {
    const one = id === 0 ? undefined : monitored.findConnection(id)
    if (one !== undefined) take(one)
    else if (id === 0) await walk(monitored.connections(), broker.turn, take)
  }
  if (state !== 'open') await walk(monitored.closedConnections(), broker.turn, take)
  return found
}

function isMeant({ id, user, vhost }: Found, asked: Options): boolean {
  if (asked.id !== 0 && id !== asked.id) return false
  if (asked.user !== '' && user !== asked.user) return false
  return asked.account === '' || accountOf(vhost) === asked.account
}

interface Showing {
  readonly options: Options
  readonly nowMs: number
  readonly listed: Listed
}

function showConnection(connection: Found, { options, nowMs, listed }: Showing): object {
  const { startedMs, lastActiveMs, stoppedMs, reason, roundTripMs } = connection
  const endMs = stoppedMs ?? nowMs
  return {
    cid: connection.id,
    kind: 'Client',
    type: 'nats',
    ip: connection.address,
    port: connection.port,
    start: timeText(startedMs),
    last_activity: timeText(lastActiveMs),
    ...(stoppedMs !== undefined && { stop: timeText(stoppedMs), reason }),
    rtt: durationText(roundTripMs ?? 0),
    uptime: spanText(endMs - startedMs),
    idle: spanText(endMs - lastActiveMs),
    pending_bytes: connection.pendingBytes,
    in_msgs: connection.inMessages,
    out_msgs: connection.outMessages,
    in_bytes: connection.inBytes,
    out_bytes: connection.outBytes,
    subscriptions: connection.subscriptionCount,
    ...namesOf(connection, options),
    ...listed.subscriptionsOf(connection),
  }
}

/** What is empty is left out. */
function namesOf(connection: Found, { auth }: Options): object {
  const { name, lang, version, tls, user, vhost } = connection
  const account = accountOf(vhost)
  return {
    ...(name !== '' && { name }),
    ...(lang !== '' && { lang }),
    ...(version !== '' && { version }),
    ...(tls !== null && { tls_version: tls.version, tls_cipher_suite: tls.cipher }),
    ...(auth && user !== null && { authorized_user: user }),
    ...(auth && account !== globalAccount && { account }),
  }
}

/** Subscriptions in one answer, of all connections together no more than a bound. */
class Listed {
  readonly #listing: Listing
  #left: number = adminLimits.monitoredSubscriptionsMax

  constructor(listing: Listing) {
    this.#listing = listing
  }

  subscriptionsOf(connection: MonitoredConnection): object {
    const { subscriptionCount, id } = connection
    if (this.#listing === 'none' || subscriptionCount === 0) return {}
    const shown: unknown[] = []
    const hasDetails = this.#listing === 'details'
    for (const subscription of connection.subscriptions()) {
      if (this.#left-- <= 0) break
      shown.push(hasDetails ? showSubscription(subscription, id) : subscription.subject)
    }
    return hasDetails ? { subscriptions_list_detail: shown } : { subscriptions_list: shown }
  }
}
