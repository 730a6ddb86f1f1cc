import type { ClientConnection, ConnectionDescription } from '../../core/connections.ts'
import type { Subscription } from '../../core/subscription/subscription.ts'
import type { Session } from './session.ts'

/** One Redis connection as it is listed and closed from outside. */
export class ClientSession implements ClientConnection {
  readonly protocol = 'redis'
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  get socket(): ClientConnection['socket'] {
    return this.#session.connection
  }

  get callerId(): number {
    return this.#session.callerId
  }

  describe(): ConnectionDescription {
    const { caller, connection, subscriptions } = this.#session
    return {
      state: connection.open ? this.#stateName() : 'closing',
      user: caller?.principal.name ?? null,
      vhost: caller?.vhost.name ?? null,
      client: this.#clientName(),
      channels: 0,
      consumers: subscriptions.size,
      confirmed: 0,
      delivered: 0,
    }
  }

  /** Sharded channels are not the core's. */
  *subscriptions(): Generator<Subscription> {
    const { channels, patterns } = this.#session.subscriptions
    yield* channels.values()
    yield* patterns.values()
  }

  #stateName(): ConnectionDescription['state'] {
    if (this.#session.caller === null) return 'starting'
    return this.#session.isBlocked ? 'blocked' : 'running'
  }

  #clientName(): string {
    const { name, libraryName, libraryVersion } = this.#session
    const software = [libraryName, libraryVersion].filter((part) => part !== '').join(' ')
    if (name === '' || software === '') return `${name}${software}`
    return `${name} (${software})`
  }

  /** There is no word for it. */
  disconnect(reason: string): void {
    this.#session.close(reason)
  }
}
