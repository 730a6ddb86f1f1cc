import type { Logger } from '../../base/log.ts'
import type { Connection } from '../../base/net/connection.ts'
import type { Newcomer } from '../../base/net/newcomer.ts'
import type { StartTls, TlsFiles } from '../../base/net/tls.ts'
import type { LoginOutcome } from '../../core/auth/user.ts'
import type { Broker } from '../../core/broker.ts'
import type { StorageListener } from '../../core/completions.ts'
import type { ProtocolHead } from '../head.ts'
import { BufferView } from '../../base/buffer-view.ts'
import { ClientSession } from './client-session.ts'
import { ClosedConnections } from './closed-connections.ts'
import { ControlLine } from './codec/control-line.ts'
import { errorLine, infoLine } from './codec/server-lines.ts'
import { connectionsExceeded, tlsRequired } from './errors.ts'
import { natsLimits } from './limits.ts'
import { limitsFrom, type NatsHeadOptions, type SetLimits } from './options.ts'
import { Session } from './session.ts'

/** Clients switch features on by it: this one has neither JetStream nor what came after it. */
export const NATS_VERSION = '2.9.25'

/** NATS on the listeners of one broker. What its sessions share is used within one call only. */
export class NatsHead implements ProtocolHead, StorageListener {
  readonly broker: Broker
  readonly logger: Logger
  readonly limits: SetLimits
  readonly line: ControlLine
  readonly views: BufferView = new BufferView()
  readonly sessions: Set<Session> = new Set()
  /** Connections that are gone. */
  readonly closed: ClosedConnections = new ClosedConnections()
  /** Since the start. */
  accepted: number = 0
  slowConsumers: number = 0
  subscribed: number = 0
  readonly startTls: StartTls | undefined
  readonly serverName: string
  readonly ignoresLogins: boolean
  readonly #requireLogin: boolean
  #headerScratch: Buffer | null = null

  /** Throws a RangeError for a limit that cannot be. */
  constructor(broker: Broker, options: NatsHeadOptions = {}) {
    this.broker = broker
    this.logger = broker.logger.child({ sub: 'nats' })
    this.limits = limitsFrom(options.limits)
    this.line = new ControlLine(this.limits.controlLineBytesMax)
    this.startTls = options.tls && this.#startTlsWith(options.tls)
    this.serverName = options.serverName ?? broker.identity.clusterId
    this.ignoresLogins = options.ignoreLogins ?? false
    this.#requireLogin = options.requireLogin ?? false
    broker.completions.listen(this)
  }

  get connectionsMax(): number {
    return this.limits.connectionsMax
  }

  /** Where the header bytes of the message that is being published are put together. */
  get headerScratch(): Buffer {
    this.#headerScratch ??= Buffer.allocUnsafeSlow(
      1 + natsLimits.subjectBytesMax + natsLimits.headerBytesMax,
    )
    return this.#headerScratch
  }

  /** Who a client is that does not say it. */
  unauthenticated({ loopback }: { readonly loopback: boolean }): LoginOutcome {
    // The rule of a machine that is not this one: nobody is let in there without a word.
    const isTrusted = loopback && !this.#requireLogin
    return this.broker.access.users.verifyUnauthenticated({ loopback: isTrusted })
  }

  /** INFO. */
  infoFor(
    { id, endpoint }: Newcomer,
    { isLeaving = false }: { readonly isLeaving?: boolean } = {},
  ): Buffer {
    const files = this.startTls?.files
    return infoLine({
      serverId: this.broker.identity.clusterId,
      serverName: this.serverName,
      version: NATS_VERSION,
      host: plainAddress(endpoint.localAddress),
      port: endpoint.localPort,
      authRequired: this.asksForLogin(endpoint),
      tls: files === undefined ? null : { verify: files.ca !== undefined },
      payloadBytesMax: this.limits.payloadBytesMax,
      clientId: id,
      clientIp: plainAddress(endpoint.remoteAddress),
      isLeaving,
    })
  }

  accept(connection: Connection): void {
    if (this.broker.completions.storageError !== null) return connection.destroy()
    this.accepted++
    const session = new Session(this, connection)
    this.sessions.add(session)
    this.broker.connections.add(new ClientSession(session))
    connection.handle(session)
  }

  /** INFO first: some clients read nothing else before it. [as nats-server] */
  refusalFor(newcomer: Newcomer): Uint8Array {
    return Buffer.concat([this.infoFor(newcomer), errorLine(connectionsExceeded().message)])
  }

  /** The socket of the session is gone. */
  forget(session: Session): void {
    this.sessions.delete(session)
    this.closed.traffic.add(session.traffic)
    this.broker.connections.remove(session.connection.id)
  }

  /** Connections are closed, and clients look for the server again. */
  close(): void {
    this.broker.completions.unlisten(this)
    for (const session of this.sessions) session.shutDown()
  }

  /** Nobody is served any more. */
  storageFailed(): void {
    for (const session of this.sessions) session.end()
  }

  /**
   * Also where guest would come in without: some clients (those for Python) say who they are only if they are asked to, and would else be guest although
   * they were given a name. Who has none says CONNECT without, and is guest.
   */
  asksForLogin(endpoint: { readonly loopback: boolean }): boolean {
    const { users, tokens } = this.broker.access
    if (tokens.count > 0 || !users.isOnlyKnownGuest) return true
    return this.unauthenticated(endpoint).principal === null
  }

  #startTlsWith(files: TlsFiles): StartTls {
    return {
      files,
      timeoutMs: natsLimits.tlsTimeoutMs,
      greeting: (newcomer) => this.infoFor(newcomer),
      tlsRequired: errorLine(tlsRequired().message),
      failed: ({ id, endpoint }, reason) => {
        const peer = `${endpoint.remoteAddress}:${endpoint.remotePort}`
        this.logger.child({ conn: id, peer }).warn(`TLS failed: ${reason}`)
      },
    }
  }
}

/** Without what the system puts before an IPv4 address on a socket for both. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:/, '')
}
