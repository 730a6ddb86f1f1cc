import { BufferView } from '../../base/buffer-view.ts'
import type { Logger } from '../../base/log.ts'
import type { Connection } from '../../base/net/connection.ts'
import type { Broker } from '../../core/broker.ts'
import type { StorageListener } from '../../core/completions.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import type { ProtocolHead } from '../head.ts'
import { Channels } from './channels.ts'
import { ClientSession } from './client-session.ts'
import { Reply } from './codec/reply.ts'
import type { Request } from './codec/request.ts'
import { Session } from './session.ts'

/** Clients switch features on by it: what it can, and is not about data, is served. */
const VERSION = '7.2.0'

const TOO_MANY_CLIENTS = Buffer.from('-ERR max number of clients reached\r\n')

/** Publish and subscribe of Redis, on the listeners of one broker. */
export class RedisHead implements ProtocolHead, StorageListener {
  readonly broker: Broker
  readonly logger: Logger
  readonly version: string = VERSION
  /** By the id of the connection. */
  readonly sessions: Map<number, Session> = new Map()
  /** Where answers are written: one at a time, and copied out at once. */
  readonly reply: Reply = new Reply()
  /** Of the input that is being read. */
  readonly views: BufferView = new BufferView()
  /** The PUBLISH that is being carried out, if subscribers can be shown it as it stands; else null. */
  passedOn: Request | null = null
  readonly startedMs: number
  /** Since the start. */
  accepted: number = 0
  commands: number = 0
  readonly #channels = new WeakMap<VirtualHost, Channels>()

  constructor(broker: Broker) {
    this.broker = broker
    this.logger = broker.logger.child({ sub: 'redis' })
    this.startedMs = broker.turn.clock.nowMs()
    broker.completions.listen(this)
  }

  accept(connection: Connection): void {
    if (this.broker.completions.storageError !== null) return connection.destroy()
    this.accepted++
    const session = new Session(this, connection)
    this.sessions.set(connection.id, session)
    this.broker.connections.add(new ClientSession(session))
    connection.handle(session)
    if (session.login.isHopeless) session.deny()
  }

  refusalFor(): Uint8Array {
    return TOO_MANY_CLIENTS
  }

  forget(session: Session): void {
    this.sessions.delete(session.connection.id)
    this.broker.connections.remove(session.connection.id)
  }

  /** What the Redis clients of a virtual host listen to. */
  channelsOf(vhost: VirtualHost): Channels {
    let channels = this.#channels.get(vhost)
    if (channels === undefined) {
      channels = new Channels(vhost)
      this.#channels.set(vhost, channels)
    }
    return channels
  }

  /** Redis has no word for goodbye: connections are closed, and clients connect again. */
  close(): void {
    this.broker.completions.unlisten(this)
    this.#endAll()
  }

  /** Nobody is served any more. */
  storageFailed(): void {
    this.#endAll()
  }

  #endAll(): void {
    for (const session of this.sessions.values()) session.end()
  }
}
