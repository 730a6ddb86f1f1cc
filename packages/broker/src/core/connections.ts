import type { Clock } from '../base/clock.ts'
import type { Subscription } from './subscription/subscription.ts'

/** What can be seen of a socket without asking its protocol. */
export interface ClientSocket {
  /** As the log has it, under `conn`. */
  readonly id: number
  readonly endpoint: {
    readonly remoteAddress: string
    readonly remotePort: number
    readonly localAddress: string
    readonly localPort: number
  }
  readonly bytesReceived: number
  readonly bytesSent: number
}

/** What a head says of one of its connections, made when somebody asks. */
export interface ConnectionDescription {
  /** `blocked` is held back because publishers wait. */
  readonly state: 'starting' | 'running' | 'blocked' | 'closing'
  /** Null before it has logged in. */
  readonly user: string | null
  readonly vhost: string | null
  /** Product, library, client id, as the client says; may be empty. */
  readonly client: string
  readonly channels: number
  readonly consumers: number
  /** Messages confirmed to it, and deliveries to it, as far as its protocol has such things. */
  readonly confirmed: number
  readonly delivered: number
}

/** One client's connection, as its head registers it. */
export interface ClientConnection {
  readonly protocol: 'amqp' | 'kafka' | 'nats' | 'redis'
  readonly socket: ClientSocket
  /** The id of the caller that it is to the core; 0 if it is none. */
  readonly callerId: number
  describe(): ConnectionDescription
  /** What it listens to now; absent where its protocol has no such thing. */
  subscriptions?(): Iterable<Subscription>
  /** Ends it, and says why in the protocol's own words, if it has any. */
  disconnect(reason: string): void
}

export interface RegisteredConnection {
  readonly connection: ClientConnection
  /** Wall clock. */
  readonly connectedMs: number
}

/**
 * The connections of all heads, to be listed and closed. It asks a head only when somebody asks it, so that
 * nothing is counted twice. Invariant: what is in it has a socket that is open, or just closing.
 */
export class Connections {
  readonly #clock: Clock
  readonly #byId = new Map<number, RegisteredConnection>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#byId.size
  }

  add(connection: ClientConnection): void {
    this.#byId.set(connection.socket.id, { connection, connectedMs: this.#clock.wallMs() })
  }

  remove(socketId: number): void {
    this.#byId.delete(socketId)
  }

  find(socketId: number): RegisteredConnection | undefined {
    return this.#byId.get(socketId)
  }

  values(): IterableIterator<RegisteredConnection> {
    return this.#byId.values()
  }

  /** The user is gone. */
  disconnectUser(user: string): void {
    this.#disconnect('user deleted', (described) => described.user === user)
  }

  /** The virtual host is gone. In the words of RabbitMQ, which clients log. */
  disconnectVirtualHost(vhost: string): void {
    this.#disconnect(`vhost '${vhost}' is deleted`, (described) => described.vhost === vhost)
  }

  #disconnect(reason: string, isMeant: (described: ConnectionDescription) => boolean): void {
    for (const { connection } of [...this.#byId.values()]) {
      if (isMeant(connection.describe())) connection.disconnect(reason)
    }
  }
}
