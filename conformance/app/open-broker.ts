import { systemClock } from '../../packages/broker/src/base/clock.ts'
import type { Connection } from '../../packages/broker/src/base/net/connection.ts'
import { Listener } from '../../packages/broker/src/base/net/listener.ts'
import { OutputBuffers } from '../../packages/broker/src/base/net/output-buffers.ts'
import { Timers } from '../../packages/broker/src/base/timers.ts'
import { Turn } from '../../packages/broker/src/base/turn.ts'
import type { AccessControl } from '../../packages/broker/src/core/auth/access-control.ts'
import type { Permission } from '../../packages/broker/src/core/auth/permissions.ts'
import { systemRandom } from '../../packages/broker/src/core/auth/random.ts'
import { Broker } from '../../packages/broker/src/core/broker.ts'
import { AmqpHead } from '../../packages/broker/src/protocols/amqp/head.ts'
import { amqpMessageFormat } from '../../packages/broker/src/protocols/amqp/message-format.ts'
import type { ProtocolHead } from '../../packages/broker/src/protocols/head.ts'
import { KafkaHead } from '../../packages/broker/src/protocols/kafka/head.ts'
import { RedisHead } from '../../packages/broker/src/protocols/redis/head.ts'
import { recordingLogger, type LogLine } from '../clients/support/recording-logger.ts'
import { MemoryLog } from '../../packages/broker/src/storage/memory-log.ts'

/** Who a listener takes its clients for. */
export interface Peer {
  readonly remoteAddress: string
  readonly loopback: boolean
}

/**
 * A broker put together as startBroker does it, but whose inside a test can reach: for permissions,
 * which no option sets yet, and for clients that come from another machine, which no test may
 * contact: they connect from here, and the listener takes them for somebody else.
 */
export class OpenBroker {
  readonly access: AccessControl
  readonly lines: LogLine[] = []
  readonly #broker: Broker
  readonly #turn: Turn = new Turn(systemClock)
  readonly #timers: Timers = new Timers(systemClock)
  readonly #buffers: OutputBuffers = new OutputBuffers()
  readonly #listeners: Listener[] = []

  constructor() {
    this.#broker = new Broker({
      turn: this.#turn,
      timers: this.#timers,
      messageLog: new MemoryLog((task) => this.#turn.schedule(task)),
      memoryBytesMax: 64 * 1024 ** 2,
      random: systemRandom,
      logger: recordingLogger(this.lines),
    })
    this.access = this.#broker.access
    this.access.addDefaultGuest()
    this.#broker.formats.register(amqpMessageFormat)
  }

  /** A user without a tag; patterns as RabbitMQ's `set_permissions`. */
  addUser(
    user: { readonly name: string; readonly password: string },
    patterns?: Pick<Permission, 'configure' | 'write' | 'read'>,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      this.access.users.add(user, (refusal) => {
        if (refusal !== null) return reject(new Error(refusal))
        if (patterns !== undefined) {
          this.access.permissions.set({ user: user.name, vhost: '/', ...patterns })
        }
        resolve()
      })
    })
  }

  /** Opens a listener on loopback; with a peer, everyone who connects there is taken for it. */
  listenAmqp(peer?: Peer): Promise<number> {
    return this.#listen(new AmqpHead(this.#broker), peer)
  }

  listenKafka(peer?: Peer): Promise<number> {
    return this.#listen(new KafkaHead(this.#broker), peer)
  }

  listenRedis(peer?: Peer): Promise<number> {
    return this.#listen(new RedisHead(this.#broker), peer)
  }

  /** Drops every client; what is to be tested is not how it closes. */
  async close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()))
    this.#timers.close()
  }

  async #listen(head: ProtocolHead, peer: Peer | undefined): Promise<number> {
    const listener = await Listener.open({
      hosts: ['127.0.0.1'],
      port: 0,
      turn: this.#turn,
      timers: this.#timers,
      buffers: this.#buffers,
      nextId: () => this.#broker.nextId(),
      accept: (connection) => head.accept(peer ? takenFor(connection, peer) : connection),
    })
    this.#listeners.push(listener)
    return listener.port
  }
}

function takenFor(connection: Connection, peer: Peer): Connection {
  return Object.assign(connection, { endpoint: { ...connection.endpoint, ...peer } })
}
