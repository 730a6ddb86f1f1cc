import type { ClientConnection, ConnectionDescription } from '../../core/connections.ts'
import type { Subscription } from '../../core/subscription/subscription.ts'
import type { Session } from './session.ts'

/** One NATS connection as it is listed and closed from outside. */
export class ClientSession implements ClientConnection {
  readonly protocol = 'nats'
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
    const session = this.#session
    return {
      state: this.#stateName(),
      user: session.userName,
      vhost: session.isIn ? session.vhost.name : null,
      client: this.#clientName(),
      channels: 0,
      consumers: session.subscriptions.size,
      confirmed: 0,
      delivered: session.traffic.outMessages,
    }
  }

  subscriptions(): Iterable<Subscription> {
    return this.#session.subscriptions.values()
  }

  #stateName(): ConnectionDescription['state'] {
    const { connection, isIn, flow } = this.#session
    if (!connection.open) return 'closing'
    if (!isIn) return 'starting'
    return flow.isBlocked ? 'blocked' : 'running'
  }

  #clientName(): string {
    const { name, lang, version } = this.#session.options
    const software = [lang, version].filter((part) => part !== '').join(' ')
    if (name === '' || software === '') return `${name}${software}`
    return `${name} (${software})`
  }

  disconnect(reason: string): void {
    this.#session.close(reason)
  }
}
