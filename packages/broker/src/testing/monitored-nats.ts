/** A head of NATS as its monitoring sees it, with as many connections and subscriptions as a test likes. */
import type {
  ClosedConnection,
  MonitoredConnection,
  MonitoredCounts,
  MonitoredNats,
  MonitoredServer,
  MonitoredSubscription,
} from '../admin/nats-monitoring/monitored.ts'

export const monitoredServer: MonitoredServer = {
  id: 'ID',
  name: 'name',
  version: '2.9.0',
  protocol: 1,
  runtime: 'none',
  authRequired: false,
  tls: null,
  connectionsMax: 1000,
  payloadBytesMax: 1_048_576,
  controlLineBytesMax: 4096,
  pendingBytesMax: 67_108_864,
  pingIntervalMs: 120_000,
  pingsOutMax: 2,
  writeDeadlineMs: 10_000,
  authTimeoutMs: 2000,
}

export class FakeMonitoredNats implements MonitoredNats {
  readonly server: MonitoredServer = monitoredServer
  readonly all: MonitoredConnection[] = []
  readonly closed: ClosedConnection[] = []

  get connectionCount(): number {
    return this.all.length
  }

  counts(): MonitoredCounts {
    const traffic = { inMessages: 1, inBytes: 2, outMessages: 3, outBytes: 4 }
    return { ...traffic, connections: 9, slowConsumers: 1, subscriptions: 5, subscribed: 7 }
  }

  connections(): Iterable<MonitoredConnection> {
    return this.all.values()
  }

  findConnection(id: number): MonitoredConnection | undefined {
    return this.all.find((connection) => connection.id === id)
  }

  closedConnections(): Iterable<ClosedConnection> {
    return this.closed.values()
  }

  isSubject(text: string): boolean {
    return text !== '' && !/[*>]/.test(text)
  }
}

export function monitoredConnection(
  id: number,
  own: Partial<MonitoredConnection> = {},
): MonitoredConnection {
  return {
    id,
    address: '127.0.0.1',
    port: 10_000 + id,
    startedMs: 1000 * id,
    lastActiveMs: 1000 * id,
    roundTripMs: null,
    pendingBytes: 0,
    inMessages: 0,
    inBytes: 0,
    outMessages: 0,
    outBytes: 0,
    subscriptionCount: 0,
    name: '',
    lang: '',
    version: '',
    user: null,
    vhost: '/',
    tls: null,
    subscriptions: () => [],
    ...own,
  }
}

/** As many subscriptions as that, made while they are walked. */
export function manySubscriptions(count: number): Pick<
  MonitoredConnection,
  'subscriptionCount' | 'subscriptions'
> & {
  readonly walked: () => number
} {
  let walked = 0
  return {
    subscriptionCount: count,
    *subscriptions() {
      for (let i = 0; i < count; i++) {
        walked++
        yield subscription(i)
      }
    },
    walked: () => walked,
  }
}

function subscription(i: number): MonitoredSubscription {
  const subject = `s.${i}`
  return {
    subject,
    group: null,
    sid: String(i),
    messages: i,
    messagesMax: 0,
    hears: (published) => published === subject,
  }
}
