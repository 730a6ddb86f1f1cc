import { Writer } from '../../base/writer.ts'
import type { Logger } from '../../base/log.ts'
import type { Connection, Endpoint } from '../../base/net/connection.ts'
import type { Broker, MemoryListener } from '../../core/broker.ts'
import type { Decompress } from '../../core/stream/time-lookup.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import type { ProtocolHead } from '../head.ts'
import { GroupCoordinator } from './groups/group-coordinator.ts'
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
export class KafkaHead implements ProtocolHead, KafkaShared, MemoryListener {
  readonly broker: Broker
  readonly logger: Logger
  readonly nodeId: number
  readonly clusterId: string
  readonly autoCreateTopics: boolean
  readonly defaultPartitions: number
  readonly advertised: Address | null
  readonly decompress: Decompress | null
  readonly sessions: Set<Session> = new Set()
  /** Where answers are encoded: one at a time, and copied out at once. */
  readonly writer: Writer = new Writer(4096)
  readonly #coordinators = new Map<string, GroupCoordinator>()
  #lastProducerId: number
  #hasToldAddress: boolean = false

  constructor(broker: Broker, options: KafkaOptions = {}) {
    this.broker = broker
    this.logger = broker.logger.child({ sub: 'kafka' })
    this.nodeId = options.nodeId ?? 1
    this.clusterId = broker.random.bytes(16).toString('base64url')
    this.autoCreateTopics = options.autoCreateTopics ?? true
    this.defaultPartitions = options.defaultPartitions ?? 1
    this.advertised = options.advertised ?? null
    this.decompress = options.decompress ?? null
    // A producer that outlives this broker must not find its id given to another by the next one.
    this.#lastProducerId = (broker.random.bytes(4).readUInt32BE() >>> 1) * 65_536
    broker.onMemoryChange(this)
  }

  accept(connection: Connection): void {
    const session = new Session(this, connection)
    this.sessions.add(session)
    connection.handle(session)
  }

  /** Kafka has no word for goodbye: connections are closed, and clients look for another node. */
  close(): void {
    this.broker.offMemoryChange(this)
    for (const coordinator of this.#coordinators.values()) coordinator.close()
    for (const session of this.sessions) session.connection.end()
  }

  coordinatorOf(vhost: VirtualHost): GroupCoordinator {
    let coordinator = this.#coordinators.get(vhost.name)
    if (coordinator === undefined) {
      coordinator = new GroupCoordinator({ broker: this.broker, vhost })
      this.#coordinators.set(vhost.name, coordinator)
    }
    return coordinator
  }

  nextProducerId(): number {
    return ++this.#lastProducerId
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

  memoryChanged(): void {
    if (this.broker.memory.full) this.logger.warn('memory limit reached: Produce requests wait')
    else this.logger.info('memory is free again: Produce requests go on')
  }

  /** Gives back what one large answer took. */
  trimWriter(): void {
    if (this.writer.buffer.length > writerBytesKept) this.writer.buffer = Buffer.allocUnsafe(4096)
  }
}
