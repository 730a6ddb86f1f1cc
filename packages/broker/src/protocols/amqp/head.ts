import type { Connection } from '../../base/net/connection.ts'
import type { Broker } from '../../core/broker.ts'
import type { StorageListener } from '../../core/completions.ts'
import type { BrokerError } from '../../core/errors.ts'
import type { ProtocolHead } from '../head.ts'
import { ClientSession } from './client-session.ts'
import { shuttingDown } from './connection-errors.ts'
import { amqpErrorFrom, type AmqpError } from './errors.ts'
import { NO_METHOD } from './frame-input.ts'
import { SessionState } from './session-state.ts'
import { Session } from './session.ts'

/** AMQP 0-9-1 on the listeners of one broker. */
export class AmqpHead implements ProtocolHead, StorageListener {
  readonly #broker: Broker
  readonly #sessions = new Map<Connection, Session>()

  constructor(broker: Broker) {
    this.#broker = broker
    broker.completions.listen(this)
  }

  accept(connection: Connection): void {
    if (this.#broker.completions.storageError !== null) return connection.destroy()
    const session = new Session(this.#broker, connection, () => this.#forget(connection))
    this.#sessions.set(connection, session)
    this.#broker.connections.add(new ClientSession(session))
    connection.handle(session)
  }

  #forget(connection: Connection): void {
    this.#sessions.delete(connection)
    this.#broker.connections.remove(connection.id)
  }

  /** Tells every client that the broker is going: 320, as RabbitMQ does. */
  close(): void {
    this.#broker.completions.unlisten(this)
    this.#closeSessions(shuttingDown())
  }

  /** Nobody is served any more: who stayed would wait for confirms that never come. */
  storageFailed(error: BrokerError): void {
    this.#closeSessions(amqpErrorFrom(error.code, error.message, NO_METHOD))
  }

  #closeSessions(error: AmqpError): void {
    for (const session of this.#sessions.values()) {
      if (session.state === SessionState.running) session.closeConnection(error)
      else session.end()
    }
  }
}
