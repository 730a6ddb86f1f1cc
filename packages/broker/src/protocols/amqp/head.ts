import type { Connection } from '../../base/net/connection.ts'
import type { Broker } from '../../core/broker.ts'
import type { ProtocolHead } from '../head.ts'
import { connectionForced } from './connection-errors.ts'
import { SessionState } from './session-state.ts'
import { Session } from './session.ts'

/** AMQP 0-9-1 on the listeners of one broker. */
export class AmqpHead implements ProtocolHead {
  readonly #broker: Broker
  readonly #sessions = new Map<Connection, Session>()

  constructor(broker: Broker) {
    this.#broker = broker
  }

  accept(connection: Connection): void {
    const session = new Session(this.#broker, connection, () => this.#sessions.delete(connection))
    this.#sessions.set(connection, session)
    connection.handle(session)
  }

  /** Tells every client that the broker is going: 320, as RabbitMQ does. */
  close(): void {
    for (const session of this.#sessions.values()) {
      if (session.state === SessionState.running)
        session.closeConnection(connectionForced('shutdown'))
      else session.end()
    }
  }
}
