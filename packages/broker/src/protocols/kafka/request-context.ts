import type { Action } from '../../core/auth/access-control.ts'
import type { Principal } from '../../core/auth/principal.ts'
import type { Logger } from '../../base/log.ts'
import type { Broker } from '../../core/broker.ts'
import type { Decompress } from '../../core/stream/time-lookup.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import type { ApiKey } from './codec/api-keys.ts'
import type { ResponseBodies } from './codec/messages.ts'
import type { GroupCoordinator } from './groups/group-coordinator.ts'

/** Where a client is told to connect: what --kafka-advertised says, else where it reached us. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** What all Kafka connections of one broker share. */
export interface KafkaShared {
  readonly broker: Broker
  /** The only node there is; leader, coordinator and controller of everything. */
  readonly nodeId: number
  /** 22 characters, for as long as the data exists. */
  readonly clusterId: string
  readonly logger: Logger
  /** Whether asking for a topic may create it. */
  readonly autoCreateTopics: boolean
  /** Partitions of a topic whose creator does not say. */
  readonly defaultPartitions: number
  /** Null: what is compressed stays closed. */
  readonly decompress: Decompress | null
  /** The groups of a virtual host; made when first asked for: `new GroupCoordinator({ broker, vhost })`. */
  coordinatorOf(vhost: VirtualHost): GroupCoordinator
}

/**
 * One request, for its handler: who asks, and the way to answer.
 *
 * A handler is `(request, context) => void` and calls `reply` once, before it returns or later. Until
 * then the session reads no further request of that connection, so answers keep their order. What
 * the request holds as a Buffer is a view of the frame: whatever outlives the call is copied first.
 * A throw of DecodeError, or anything else, closes the connection.
 */
export interface RequestContext<K extends ApiKey = ApiKey> {
  readonly apiKey: K
  readonly apiVersion: number
  readonly correlationId: number
  /** What the client calls itself; null if it does not. */
  readonly clientId: string | null
  /** As Kafka shows it to users: '/127.0.0.1'. */
  readonly clientHost: string
  readonly principal: Principal
  /** The virtual host of the principal; topics and groups are names in it. */
  readonly vhost: VirtualHost
  /** Where this client should look for any broker, coordinators included. */
  readonly address: Address
  readonly broker: Broker
  readonly head: KafkaShared
  /** Whether the principal may do this to a topic (`stream`), group or transaction of its virtual host. */
  may(action: Action, kind: 'stream' | 'group' | 'transaction', name: string): boolean
  /** Notes what the client's library calls itself, for the log. */
  introduce(software: string): void
  /** Answers. After the connection has closed it does nothing. */
  reply(body: ResponseBodies[K]): void
  /** As reply, when all that the request has changed, and all that was declared before, is on the disk. */
  replyWhenSafe(body: ResponseBodies[K]): void
  /** Has `step` called once a piece of work, others' in between, until it is false or the connection closes. */
  inPieces(step: () => boolean): void
  /** Has `run` called if the connection closes before the reply: for handlers that park the request. */
  onClosed(run: () => void): void
}

export type Handler<Request, K extends ApiKey> = (
  request: Request,
  context: RequestContext<K>,
) => void
