import { SubjectKind, subjectKind } from './codec/subjects.ts'
import type { ClosedSession } from './closed-connections.ts'
import { NATS_VERSION, type NatsHead } from './head.ts'
import { SessionView } from './session-view.ts'
import { Traffic } from './traffic.ts'

/** What this head shows of itself: the interface is that of admin/nats-monitoring, of which this room knows nothing. */
export class NatsMonitoring {
  readonly #head: NatsHead

  constructor(head: NatsHead) {
    this.#head = head
  }

  get server(): ServerView {
    return serverOf(this.#head)
  }

  counts(): CountsView {
    const { sessions, closed, accepted, slowConsumers, subscribed } = this.#head
    const traffic = new Traffic()
    traffic.add(closed.traffic)
    let subscriptions = 0
    for (const session of sessions) {
      traffic.add(session.traffic)
      subscriptions += session.subscriptions.size
    }
    const { inMessages, inBytes, outMessages, outBytes } = traffic
    const messages = { inMessages, inBytes, outMessages, outBytes }
    return { ...messages, connections: accepted, slowConsumers, subscriptions, subscribed }
  }

  get connectionCount(): number {
    return this.#head.sessions.size
  }

  *connections(): Generator<SessionView> {
    for (const session of this.#head.sessions) {
      if (session.connection.open) yield new SessionView(session)
    }
  }

  findConnection(id: number): SessionView | undefined {
    for (const session of this.#head.sessions) {
      if (session.connection.id === id && session.connection.open) return new SessionView(session)
    }
    return undefined
  }

  closedConnections(): readonly ClosedSession[] {
    return this.#head.closed.values()
  }

  isSubject(text: string): boolean {
    const bytes = Buffer.from(text)
    return subjectKind(bytes, 0, bytes.length) === SubjectKind.literal
  }
}

interface CountsView {
  readonly inMessages: number
  readonly inBytes: number
  readonly outMessages: number
  readonly outBytes: number
  readonly connections: number
  readonly slowConsumers: number
  readonly subscriptions: number
  readonly subscribed: number
}

interface ServerView {
  readonly id: string
  readonly name: string
  readonly version: string
  readonly protocol: number
  readonly runtime: string
  readonly authRequired: boolean
  readonly tls: { readonly isVerified: boolean } | null
  readonly connectionsMax: number
  readonly payloadBytesMax: number
  readonly controlLineBytesMax: number
  readonly pendingBytesMax: number
  readonly pingIntervalMs: number
  readonly pingsOutMax: number
  readonly writeDeadlineMs: number
  readonly authTimeoutMs: number
}

function serverOf(head: NatsHead): ServerView {
  const { broker, limits, startTls } = head
  return {
    ...limits,
    id: broker.identity.clusterId,
    name: head.serverName,
    version: NATS_VERSION,
    protocol: 1,
    runtime: 'none',
    authRequired: head.asksForLogin({ loopback: true }),
    tls: startTls === undefined ? null : { isVerified: startTls.files.ca !== undefined },
    connectionsMax: head.connectionsMax,
  }
}
