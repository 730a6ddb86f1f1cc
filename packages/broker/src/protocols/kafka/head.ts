import { Writer } from '../../base/writer.ts'
import type { Logger } from '../../base/log.ts'
import type { Connection, Endpoint } from '../../base/net/connection.ts'
import type { Broker } from '../../core/broker.ts'
import type { StorageListener } from '../../core/completions.ts'
import type { Decompress } from '../../core/stream/time-lookup.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import type { ProtocolHead } from '../head.ts'
import { ClientSession } from './client-session.ts'
import { GroupCoordinator } from './groups/group-coordinator.ts'
import { HeadGroups } from './groups/head-groups.ts'
import type { Address, KafkaShared } from './request-context.ts'
import { Session } from './session.ts'

export interface KafkaOptions {
  /** What clients are told to connect to, instead of the address that they used. */
  readonly advertised?: Address
  /** The id of the one node. */
  readonly nodeId?: number
  /** Whether asking for a topic, or producing to it, may create it. */
  readonly autoCreateTopics?: boolean
  /** Partitions of a topic whose creator does not say. [num.partitions] */
  readonly defaultPartitions?: number
  /** For searches by time within compressed batches; without it they are exact to the batch. */
  readonly decompress?: Decompress
}

const writerBytesKept = 65_536

/**
 * Kafka, spoken to all clients of one broker, who see a cluster of one node. What they share and none
 * of them owns is here; what belongs to one of them is in Session.
 */
export class KafkaHead implements ProtocolHead, KafkaShared, StorageListener {
  readonly broker: Broker
  readonly logger: Logger
  readonly nodeId: number
  readonly autoCreateTopics: boolean
  readonly defaultPartitions: number
  readonly advertised: Address | null
  readonly decompress: Decompress | null
  readonly sessions: Set<Session> = new Set()
  /** Where answers are encoded: one at a time, and copied out at once. */
  readonly writer: Writer = new Writer(4096)
  readonly #coordinators = new Map<VirtualHost, GroupCoordinator>()
  readonly #groups: HeadGroups
  #hasToldAddress: boolean = false

  constructor(broker: Broker, options: KafkaOptions = {}) {
    this.broker = broker
    this.logger = broker.logger.child({ sub: 'kafka' })
    this.nodeId = options.nodeId ?? 1
    this.autoCreateTopics = options.autoCreateTopics ?? true
    this.defaultPartitions = options.defaultPartitions ?? 1
    this.advertised = options.advertised ?? null
    this.decompress = options.decompress ?? null
    this.#groups = new HeadGroups(this)
    broker.groups.register(this.#groups)
    broker.completions.listen(this)
  }

  get clusterId(): string {
    return this.broker.identity.clusterId
  }

  accept(connection: Connection): void {
    if (this.broker.completions.storageError !== null) return connection.destroy()
    const session = new Session(this, connection)
    this.sessions.add(session)
    this.broker.connections.add(new ClientSession(session))
    connection.handle(session)
  }

  /** Kafka has no word for goodbye: connections are closed, and clients look for another node. */
  close(): void {
    this.broker.completions.unlisten(this)
    this.broker.groups.unregister(this.#groups)
    for (const coordinator of this.#coordinators.values()) coordinator.close()
    for (const session of this.sessions) session.connection.end()
  }

  /** Undefined where nobody has asked for groups yet. */
  findCoordinator(vhost: VirtualHost): GroupCoordinator | undefined {
    return this.#coordinators.get(vhost)
  }

  coordinatorOf(vhost: VirtualHost): GroupCoordinator {
    let coordinator = this.#coordinators.get(vhost)
    if (coordinator === undefined) {
      coordinator = new GroupCoordinator({ broker: this.broker, vhost })
      this.#coordinators.set(vhost, coordinator)
    }
    return coordinator
  }

  /** The virtual host is gone; another of that name has groups of its own. */
  closeCoordinator(vhost: VirtualHost): void {
    this.#coordinators.get(vhost)?.close()
    this.#coordinators.delete(vhost)
  }

  /** Clients look for another node, and for this one again when it is back. */
  storageFailed(): void {
    for (const session of this.sessions) session.storageFailed()
  }

  /**
   * The address under which this client reached us is the one that works for it: the usual cause of
   * "connects, then fails" is a broker that says another.
   */
  addressFor(endpoint: Endpoint): Address {
    if (this.advertised !== null) return this.advertised
    const host = endpoint.localAddress.replace(/^::ffff:/, '')
    if (!endpoint.loopback) this.#tellAddressOnce(host, endpoint)
    return { host, port: endpoint.localPort }
  }

  #tellAddressOnce(host: string, { localPort, remoteAddress }: Endpoint): void {
    if (this.#hasToldAddress) return
    this.#hasToldAddress = true
    this.logger.info(
      `a client at ${remoteAddress} was told to connect to ${host}:${localPort}, where it reached us; ` +
        'if clients cannot reach that (a container, a proxy), set --kafka-advertised HOST:PORT',
    )
  }

  /** Gives back what one large answer took. */
  trimWriter(): void {
    if (this.writer.buffer.length > writerBytesKept) this.writer.buffer = Buffer.allocUnsafe(4096)
  }
}
