/** NATS' accounts, which are the virtual hosts. */
import { badRequest } from '../errors.ts'
import { adminLimits } from '../limits.ts'
import type { Answer } from './endpoints.ts'
import { heading } from './further.ts'
import type { MonitoredConnection } from './monitored.ts'
import type { Monitoring } from './monitoring-app.ts'
import { readSwitch } from './parameters.ts'
import { walk } from '../walk.ts'

/** Of who gave none, in nats-server; here of who is in the virtual host `/`. */
export const globalAccount = '$G'

export function accountOf(vhost: string | null): string {
  return vhost === null || vhost === '/' ? globalAccount : vhost
}

export async function accountz(monitoring: Monitoring, query: URLSearchParams): Promise<Answer> {
  const { broker } = monitoring
  const account = query.get('acc') ?? ''
  const names = [...broker.virtualHosts.values()].map(({ name }) => accountOf(name))
  if (account === '') {
    const accounts = names.slice(0, adminLimits.listItemsMax)
    return { status: 200, body: { ...heading(monitoring), accounts } }
  }
  if (!names.includes(account)) throw badRequest(`Account ${account} does not exist`)
  const { conns, num_subscriptions: subscriptions } =
    (await sumsByAccount(monitoring)).get(account) ?? new AccountSums(account)
  const detail = {
    account_name: account,
    expired: false,
    complete: true,
    jetstream_enabled: false,
    leafnode_connections: 0,
    client_connections: conns,
    subscriptions,
  }
  return { status: 200, body: { ...heading(monitoring), account_detail: detail } }
}

/** Of those that are there: nothing is counted by account. */
export async function accstatz(monitoring: Monitoring, query: URLSearchParams): Promise<Answer> {
  const sums = await sumsByAccount(monitoring)
  if (readSwitch(query, 'unused')) {
    for (const { name } of monitoring.broker.virtualHosts.values()) {
      const account = accountOf(name)
      if (!sums.has(account)) sums.set(account, new AccountSums(account))
    }
  }
  const all = [...sums.values()].slice(0, adminLimits.listItemsMax)
  return { status: 200, body: { ...heading(monitoring), account_statz: all } }
}

/** Named as they are shown. */
class AccountSums {
  readonly acc: string
  conns: number = 0
  readonly leafnodes: number = 0
  total_conns: number = 0
  num_subscriptions: number = 0
  readonly sent: { msgs: number; bytes: number } = { msgs: 0, bytes: 0 }
  readonly received: { msgs: number; bytes: number } = { msgs: 0, bytes: 0 }
  readonly slow_consumers: number = 0

  constructor(account: string) {
    this.acc = account
  }

  add(connection: MonitoredConnection): void {
    this.conns++
    this.total_conns++
    this.num_subscriptions += connection.subscriptionCount
    this.sent.msgs += connection.outMessages
    this.sent.bytes += connection.outBytes
    this.received.msgs += connection.inMessages
    this.received.bytes += connection.inBytes
  }
}

async function sumsByAccount({ broker, monitored }: Monitoring): Promise<Map<string, AccountSums>> {
  const sums = new Map<string, AccountSums>()
  await walk(monitored.connections(), broker.turn, (connection) => {
    const account = accountOf(connection.vhost)
    let sum = sums.get(account)
    if (sum === undefined) sums.set(account, (sum = new AccountSums(account)))
    sum.add(connection)
    return true
  })
  return sums
}
