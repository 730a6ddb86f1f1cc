/** Subscriptions of NATS' clients. [nats-server /subsz] */
import { badRequest } from '../errors.ts'
import { adminLimits } from '../limits.ts'
import { accountOf } from './accounts.ts'
import type { Answer } from './endpoints.ts'
import { heading } from './further.ts'
import type { MonitoredConnection, MonitoredNats, MonitoredSubscription } from './monitored.ts'
import type { Monitoring } from './monitoring-app.ts'
import { readPage, readSwitch, type Page } from './parameters.ts'
import { walk } from '../walk.ts'

export async function subsz(monitoring: Monitoring, query: URLSearchParams): Promise<Answer> {
  const isListed = readSwitch(query, 'subs')
  const page = readPage(query, {
    standard: adminLimits.monitoredItems,
    max: adminLimits.monitoredItemsMax,
  })
  const subject = query.get('test') ?? ''
  if (subject !== '' && !monitoring.monitored.isSubject(subject)) {
    throw badRequest(`invalid test subject, must be valid publish subject: ${subject}`)
  }
  const sums = sumsOf(monitoring.monitored)
  if (!isListed) return { status: 200, body: sums }
  const wanted = { ...page, subject, account: query.get('acc') ?? '' }
  const list = await listSubscriptions(monitoring, wanted)
  // Where there is none to show, nats-server shows the sums alone.
  if (list.length === 0) return { status: 200, body: sums }
  const { offset, limit } = page
  const counts = { total: list.length, offset, limit }
  const body = { ...heading(monitoring), ...sums, ...counts, subscriptions_list: list }
  return { status: 200, body }
}

/** What nats-server's cache of matches does is not counted here: zeros. */
function sumsOf(monitored: MonitoredNats): object {
  const { subscriptions, subscribed } = monitored.counts()
  return {
    num_subscriptions: subscriptions,
    num_cache: 0,
    num_inserts: subscribed,
    num_removes: Math.max(0, subscribed - subscriptions),
    num_matches: 0,
    cache_hit_rate: 0,
    max_fanout: 0,
    avg_fanout: 0,
  }
}

interface Wanted extends Page {
  /** Those only that hear it; empty for all. */
  readonly subject: string
  readonly account: string
}

async function listSubscriptions(
  { broker, monitored }: Monitoring,
  wanted: Wanted,
): Promise<object[]> {
  const { subject, offset, limit } = wanted
  const list: object[] = []
  let seen = 0
  await walk(subscriptionsOf(monitored, wanted.account), broker.turn, (each) => {
    const [connection, subscription] = each
    if (subject !== '' && !subscription.hears(subject)) return true
    if (seen++ < offset) return true
    const account = accountOf(connection.vhost)
    list.push({ account, ...showSubscription(subscription, connection.id) })
    return list.length < limit
  })
  return list
}

function* subscriptionsOf(
  monitored: MonitoredNats,
  account: string,
): Generator<[MonitoredConnection, MonitoredSubscription]> {
  for (const connection of monitored.connections()) {
    if (account !== '' && accountOf(connection.vhost) !== account) continue
    for (const subscription of connection.subscriptions()) yield [connection, subscription]
  }
}

export function showSubscription(subscription: MonitoredSubscription, connection: number): object {
  const { subject, group, sid, messages, messagesMax } = subscription
  return {
    subject,
    ...(group !== null && { qgroup: group }),
    sid,
    msgs: messages,
    ...(messagesMax > 0 && { max: messagesMax }),
    cid: connection,
  }
}
