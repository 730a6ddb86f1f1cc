import type { ClientConnection, ConnectionDescription } from '../../core/connections.ts'
import { connectionForced } from './connection-errors.ts'
import { SessionState } from './session-state.ts'
import type { Session } from './session.ts'

/** One AMQP connection as it is listed and closed from outside. */
export class ClientSession implements ClientConnection {
  readonly protocol = 'amqp'
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  get socket(): ClientConnection['socket'] {
    return this.#session.connection
  }

  get callerId(): number {
    return this.#session.id
  }

  describe(): ConnectionDescription {
    const { user, channels, state } = this.#session
    const isOpen = state >= SessionState.running
    const counts = { consumers: 0, confirmed: 0, delivered: 0 }
    for (const channel of channels.values()) {
      // What a closed one has had is counted already.
      if (channel.closing) continue
      counts.consumers += channel.consumers.size
      counts.confirmed += channel.confirmed
      counts.delivered += channel.lastDeliveryTag
    }
    return {
      state: this.#stateName(),
      user: user.name === '' ? null : user.name,
      vhost: isOpen && this.#session.hasVhost ? this.#session.vhost.name : null,
      client: this.#clientName(),
      channels: channels.size,
      ...counts,
    }
  }

  #stateName(): ConnectionDescription['state'] {
    const { state, flow } = this.#session
    if (state > SessionState.running) return 'closing'
    if (state < SessionState.running) return 'starting'
    return flow.isBlocked ? 'blocked' : 'running'
  }

  #clientName(): string {
    const { product, version, connectionName } = this.#session.client
    const software = [product, version].filter((part) => part !== '').join(' ')
    return connectionName === '' ? software : `${connectionName} (${software})`
  }

  disconnect(reason: string): void {
    const session = this.#session
    if (session.state === SessionState.running) session.closeConnection(connectionForced(reason))
    // Whoever has not come that far is told nothing; see Session.failHandshake.
    else if (session.state < SessionState.running) session.end()
  }
}
