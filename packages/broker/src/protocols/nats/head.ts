import type { Logger } from '../../base/log.ts'
import type { Connection } from '../../base/net/connection.ts'
import type { Broker } from '../../core/broker.ts'
import type { StorageListener } from '../../core/completions.ts'
import type { ProtocolHead } from '../head.ts'
import { BufferView } from './buffer-view.ts'
import { ClientSession } from './client-session.ts'
import { ControlLine } from './codec/control-line.ts'
import type { ServerInfo } from './codec/server-lines.ts'
import { natsLimits } from './limits.ts'
import { Session } from './session.ts'

/** Clients switch features on by it: this one has neither JetStream nor what came after it. */
const VERSION = '2.9.25'

/** NATS on the listeners of one broker. What its sessions share is used within one call only. */
export class NatsHead implements ProtocolHead, StorageListener {
  readonly broker: Broker
  readonly logger: Logger
  readonly line: ControlLine = new ControlLine(natsLimits.controlLineBytesMax)
  readonly views: BufferView = new BufferView()
  readonly sessions: Set<Session> = new Set()
  #headerScratch: Buffer | null = null

  constructor(broker: Broker) {
    this.broker = broker
    this.logger = broker.logger.child({ sub: 'nats' })
    broker.completions.listen(this)
  }

  /** Where the header bytes of the message that is being published are put together. */
  get headerScratch(): Buffer {
    this.#headerScratch ??= Buffer.allocUnsafeSlow(
      1 + natsLimits.subjectBytesMax + natsLimits.headerBytesMax,
    )
    return this.#headerScratch
  }

  infoFor({ id, endpoint }: Connection, authRequired: boolean): ServerInfo {
    return {
      serverId: this.broker.identity.clusterId,
      version: VERSION,
      host: plainAddress(endpoint.localAddress),
      port: endpoint.localPort,
      authRequired,
      payloadBytesMax: natsLimits.payloadBytesMax,
      clientId: id,
      clientIp: plainAddress(endpoint.remoteAddress),
    }
  }

  accept(connection: Connection): void {
    if (this.broker.completions.storageError !== null) return connection.destroy()
    const session = new Session(this, connection)
    this.sessions.add(session)
    this.broker.connections.add(new ClientSession(session))
    connection.handle(session)
  }

  /** The socket of the session is gone. */
  forget(session: Session): void {
    this.sessions.delete(session)
    this.broker.connections.remove(session.connection.id)
  }

  /** NATS has no word for goodbye: connections are closed, and clients look for the server again. */
  close(): void {
    this.broker.completions.unlisten(this)
    for (const session of this.sessions) session.end()
  }

  /** Nobody is served any more. */
  storageFailed(): void {
    for (const session of this.sessions) session.end()
  }
}

/** Without what the system puts before an IPv4 address on a socket for both. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:/, '')
}
