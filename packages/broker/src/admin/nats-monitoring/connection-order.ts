/** In which order connections are listed. Where most comes first, the older one does among equals. [nats-server /connz?sort=] */
import type { ClosedConnection, MonitoredConnection } from './monitored.ts'

type Sortable = MonitoredConnection & Partial<ClosedConnection>
type KeyOf = (connection: Sortable) => number

const byId: KeyOf = ({ id }) => id

const most: Readonly<Record<string, KeyOf>> = {
  subs: ({ subscriptionCount }) => subscriptionCount,
  pending: ({ pendingBytes }) => pendingBytes,
  msgs_to: ({ outMessages }) => outMessages,
  msgs_from: ({ inMessages }) => inMessages,
  bytes_to: ({ outBytes }) => outBytes,
  bytes_from: ({ inBytes }) => inBytes,
  last: ({ lastActiveMs }) => lastActiveMs,
  idle: ({ lastActiveMs }) => -lastActiveMs,
  stop: ({ stoppedMs = 0 }) => stoppedMs,
}

const least: Readonly<Record<string, KeyOf>> = {
  cid: byId,
  start: byId,
  uptime: ({ startedMs }) => -startedMs,
}

export const sortOrders: ReadonlySet<string> = new Set([
  ...Object.keys(most),
  ...Object.keys(least),
  'reason',
])

export function inOrder<Connection extends Sortable>(
  connections: readonly Connection[],
  order: string,
): readonly Connection[] {
  if (order === 'reason') {
    return connections.toSorted((one, other) => compareTexts(one.reason ?? '', other.reason ?? ''))
  }
  const sign = order in most ? -1 : 1
  const keyOf = most[order] ?? least[order] ?? byId
  // Each is looked at once: what is compared is read from where it is counted.
  return connections
    .map((connection) => ({ connection, key: sign * keyOf(connection), id: connection.id }))
    .sort((one, other) => one.key - other.key || one.id - other.id)
    .map(({ connection }) => connection)
}

function compareTexts(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
