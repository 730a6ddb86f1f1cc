import type { Arguments } from '../arguments.ts'
import type { Permission } from '../auth/permissions.ts'
import type { Durability } from '../commits.ts'
import type { CommittedOffset } from '../stream/committed-offsets.ts'
import type { StreamConfig } from '../stream/stream-config.ts'
import type { FeedOptions } from '../feed/feed.ts'
import type { DestinationKind, ExchangeType } from './exchange.ts'

/**
 * What outlives the process of all that is declared, as plain data: the journal stores one list of these for each change,
 * a snapshot lists them all, and restoring takes them back one by one.
 *
 * Each names a thing exactly. One whose kind ends in `-gone` says that the thing is no more; any other replaces what the thing
 * was before. What cannot be without another thing goes with it and is not named: bindings with either of their
 * ends, permissions with their user, feeds with their stream, committed offsets with their stream or their group, and everything with its virtual
 * host. So what is written of a deletion is small, whatever hung on it. What a rule removes is named: the auto-delete exchanges
 * that go with their last binding.
 *
 * Only lasting things are here: exchanges and queues that are durable and nobody's own, bindings between two such.
 */
export type Declaration =
  | BrokerDeclaration
  | VirtualHostDeclaration
  | VirtualHostGone
  | ExchangeDeclaration
  | ExchangeGone
  | QueueDeclaration
  | QueueGone
  | BindingDeclaration
  | BindingGone
  | StreamDeclaration
  | StreamGone
  | StreamQueueDeclaration
  | FeedDeclaration
  | FeedGone
  | UserDeclaration
  | UserGone
  | PermissionDeclaration
  | PermissionGone
  | OffsetDeclaration
  | OffsetGone
  | GroupGone

/** There is one. Its counters are never lower than those of an earlier one. */
export interface BrokerDeclaration {
  readonly kind: 'broker'
  /** 22 characters, drawn when the data directory was made. */
  readonly clusterId: string
  /** All object ids below may have been given: none of them is ever given again. */
  readonly nextObjectId: number
  /** The same of the ids of idempotent producers. */
  readonly nextProducerId: number
}

export interface VirtualHostDeclaration {
  readonly kind: 'virtual-host'
  readonly name: string
}

/** All that was in it is gone with it, permissions in it included; the users whose own it is stay. */
export interface VirtualHostGone {
  readonly kind: 'virtual-host-gone'
  readonly name: string
  /** Queues, partitions and cursors of the life that ended have lower ids than this; those of a later one have not. */
  readonly objectIdsBelow: number
}

export interface ExchangeDeclaration {
  readonly kind: 'exchange'
  readonly vhost: string
  readonly name: string
  readonly type: ExchangeType
  readonly autoDelete: boolean
  readonly internal: boolean
  readonly arguments: Arguments
}

export interface ExchangeGone {
  readonly kind: 'exchange-gone'
  readonly vhost: string
  readonly name: string
}

/** A later queue of the same name has a higher object id: of two lives, the higher holds. */
export interface QueueDeclaration {
  readonly kind: 'queue'
  readonly vhost: string
  readonly name: string
  /** What records in the journal name it by. */
  readonly objectId: number
  readonly durability: Durability
  readonly autoDelete: boolean
  readonly arguments: Arguments
}

export interface QueueGone {
  readonly kind: 'queue-gone'
  readonly vhost: string
  readonly name: string
  /** Of the life that ended. */
  readonly objectId: number
}

/** All of it is its identity. */
interface BindingParts {
  readonly vhost: string
  readonly source: string
  readonly destinationKind: DestinationKind
  readonly destination: string
  readonly routingKey: string
  readonly arguments: Arguments
}

export interface BindingDeclaration extends BindingParts {
  readonly kind: 'binding'
}

export interface BindingGone extends BindingParts {
  readonly kind: 'binding-gone'
}

/** As with queues, of two lives of one name that with the higher object ids holds. */
export interface StreamDeclaration {
  readonly kind: 'stream'
  readonly vhost: string
  readonly name: string
  /** 16 bytes. */
  readonly id: Buffer
  /** The object id of each partition, in the order of their indexes. */
  readonly partitionIds: readonly number[]
  readonly config: StreamConfig
  /** What its creator set, in that protocol's words. */
  readonly settings: ReadonlyMap<string, string>
}

export interface StreamGone {
  readonly kind: 'stream-gone'
  readonly vhost: string
  readonly name: string
  /** 16 bytes, of the life that ended. */
  readonly id: Buffer
}

/** As with queues, of two lives of one name that with the higher cursor ids holds. */
export interface FeedDeclaration extends FeedOptions {
  readonly kind: 'feed'
  readonly vhost: string
  readonly name: string
  /** By which the journal knows how far each partition has been carried. */
  readonly cursorIds: readonly number[]
  /** That far, at the moment of this. What the journal says later is more. */
  readonly offsets: readonly number[]
}

export interface FeedGone {
  readonly kind: 'feed-gone'
  readonly vhost: string
  readonly name: string
  /** The first of those of the life that ended. */
  readonly cursorId: number
}

/** Goes with its stream, which comes before it. */
export interface StreamQueueDeclaration {
  readonly kind: 'stream-queue'
  readonly vhost: string
  /** Of the stream too. */
  readonly name: string
  /** 16 bytes, of the stream: of a later one of that name it says nothing. */
  readonly stream: Buffer
  readonly arguments: Arguments
}

export interface UserDeclaration {
  readonly kind: 'user'
  readonly name: string
  readonly tags: readonly string[]
  readonly vhost: string
  readonly loopbackOnly: boolean
  /** Credential.format(): a hash, never a password. */
  readonly credential: string
}

export interface UserGone {
  readonly kind: 'user-gone'
  readonly name: string
}

export interface PermissionDeclaration extends Permission {
  readonly kind: 'permission'
}

export interface PermissionGone {
  readonly kind: 'permission-gone'
  readonly user: string
  readonly vhost: string
}

/** Where a committed offset is: by the stream's id, so that a later stream of the same name has none. */
interface OffsetPlace {
  readonly vhost: string
  readonly group: string
  /** 16 bytes. */
  readonly stream: Buffer
  readonly partition: number
}

export interface OffsetDeclaration extends OffsetPlace, CommittedOffset {
  readonly kind: 'offset'
}

export interface OffsetGone extends OffsetPlace {
  readonly kind: 'offset-gone'
}

export interface GroupGone {
  readonly kind: 'group-gone'
  readonly vhost: string
  readonly group: string
}

/** Where declarations go to be kept. */
export interface DeclarationStore {
  /** Of queues and streams that do not say. */
  readonly durability: Durability
  /** Called once for each change, after it was made, with all that belongs to it. */
  declared(declarations: readonly Declaration[]): void
}

/** What those need who declare. */
export interface DeclarationContext {
  /** Null: nothing outlives the process. */
  readonly declarations: DeclarationStore | null
  /** The first of `count` object ids in a row that nothing has had. */
  nextObjectId(count: number): number
}
