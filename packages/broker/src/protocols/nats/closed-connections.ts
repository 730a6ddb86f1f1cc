import { natsLimits } from './limits.ts'
import { SessionView } from './session-view.ts'
import type { Session } from './session.ts'
import { Traffic } from './traffic.ts'

/** A connection as it was when it ended. */
export interface ClosedSession extends Omit<SessionView, 'subscriptions'> {
  readonly stoppedMs: number
  readonly reason: string
  /** None is remembered. */
  subscriptions(): readonly never[]
}

/** The last connections that have ended, for monitoring; the oldest makes room for the newest. */
export class ClosedConnections {
  /** Of all that are gone, remembered or not. */
  readonly traffic: Traffic = new Traffic()
  readonly #kept: ClosedSession[] = []
  /** Where the next one goes once there are as many as are kept; the oldest is there. */
  #next: number = 0

  add(session: Session): void {
    const closed = snapshotOf(session)
    if (this.#kept.length < natsLimits.closedKept) {
      this.#kept.push(closed)
      return
    }
    this.#kept[this.#next] = closed
    this.#next = (this.#next + 1) % natsLimits.closedKept
  }

  /** The oldest first. */
  values(): ClosedSession[] {
    return [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)]
  }
}

function snapshotOf(session: Session): ClosedSession {
  const view = new SessionView(session)
  return {
    id: view.id,
    address: view.address,
    port: view.port,
    startedMs: view.startedMs,
    lastActiveMs: view.lastActiveMs,
    roundTripMs: view.roundTripMs,
    pendingBytes: view.pendingBytes,
    inMessages: view.inMessages,
    inBytes: view.inBytes,
    outMessages: view.outMessages,
    outBytes: view.outBytes,
    subscriptionCount: view.subscriptionCount,
    name: view.name,
    lang: view.lang,
    version: view.version,
    user: view.user,
    vhost: view.vhost,
    tls: view.tls,
    stoppedMs: session.head.broker.turn.clock.wallMs(),
    reason: session.endReason,
    subscriptions: () => [],
  }
}
