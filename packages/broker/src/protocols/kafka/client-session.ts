import type { ClientConnection, ConnectionDescription } from '../../core/connections.ts'
import type { Session } from './session.ts'

/** One Kafka connection as it is listed and closed from outside. */
export class ClientSession implements ClientConnection {
  readonly protocol = 'kafka'
  /** Streams know no callers. */
  readonly callerId = 0
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  get socket(): ClientConnection['socket'] {
    return this.#session.connection
  }

  describe(): ConnectionDescription {
    const { principal, vhost, connection } = this.#session
    const state = principal === null ? 'starting' : 'running'
    return {
      state: connection.open ? state : 'closing',
      user: principal?.name ?? null,
      vhost: vhost?.name ?? null,
      client: this.#clientName(),
      channels: 0,
      consumers: 0,
      confirmed: 0,
      delivered: 0,
    }
  }

  #clientName(): string {
    const { software, header } = this.#session
    const clientId = header.clientId ?? ''
    if (software === '' || clientId === '') return `${clientId}${software}`
    return `${clientId} (${software})`
  }

  /** There is no word for it: the client looks for another node, and for this one again. */
  disconnect(reason: string): void {
    this.#session.close(reason)
  }
}
