import type {
  Declaration,
  PermissionDeclaration,
  PermissionGone,
  UserDeclaration,
  UserGone,
} from '../topology/declaration.ts'
import type { DeriveKey } from './credential.ts'
import { Permissions } from './permissions.ts'
import type { Principal } from './principal.ts'
import type { RandomSource } from './random.ts'
import { Tokens } from './tokens.ts'
import type { User } from './user.ts'
import { Users } from './users.ts'

/**
 * What a principal can want to do. The protocols' operations come down to these:
 *
 *   AMQP, as RabbitMQ 4             needs
 *   connection.open                 access on the vhost
 *   exchange.declare                configure on the exchange; with alternate-exchange also read on
 *                                   the exchange and write on the alternate
 *   queue.declare                   configure on the queue; with a dead letter exchange also read
 *                                   on the queue and write on that exchange
 *   either, passive                 describe on it (any one of the three)
 *   exchange.delete, queue.delete   configure on it
 *   queue.bind, queue.unbind        write on the queue, then read on the exchange
 *   exchange.bind, exchange.unbind  write on the destination, then read on the source
 *   basic.publish                   write on the exchange ('' is asked about as amq.default)
 *   basic.get, consume, queue.purge read on the queue
 *   basic.ack, nack, reject, cancel nothing: what was delivered may be settled
 *   property user_id of another     impersonate on the broker
 *   a queue with x-queue-type=stream is asked about as a queue
 *
 *   Kafka                           needs
 *   Produce                         write on the stream
 *   InitProducerId, AddPartitionsToTxn, EndTxn
 *                                   write on the transaction, if it has an id
 *   Fetch, ListOffsets, OffsetForLeaderEpoch
 *                                   read on the stream
 *   CreateTopics, CreatePartitions, DeleteTopics, DeleteRecords, AlterConfigs, auto-creation
 *                                   configure on the stream
 *   Metadata, DescribeConfigs       describe on the stream; what may not be seen is left out
 *   JoinGroup, SyncGroup, Heartbeat, LeaveGroup, OffsetCommit, OffsetFetch, TxnOffsetCommit
 *                                   read on the group; commits also read on the stream
 *   FindCoordinator, DescribeGroups, ListGroups
 *                                   describe on the group
 *   DeleteGroups, OffsetDelete      configure on the group
 *   broker configs, ACLs, users     administer on the broker
 *
 *   NATS                            needs
 *   PUB, HPUB                       write on the exchange amq.topic
 *   SUB                             read on it
 *
 *   Redis                           needs
 *   PUBLISH, SPUBLISH               write on the exchange amq.topic
 *   SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE
 *                                   read on it
 *   CLIENT LIST, CLIENT KILL        monitor, administer on the broker, for others' connections
 *
 *   control API                     needs
 *   any of it                       manage on the broker
 *   what others have and do         monitor on the broker
 *   all else                        what AMQP and Kafka need for the same
 *
 * Every one of them on a named thing also needs a permission row in its vhost.
 */
export type Action =
  | 'configure'
  | 'write'
  | 'read'
  | 'describe'
  | 'access'
  | 'administer'
  | 'monitor'
  | 'manage'
  | 'impersonate'

/** A thing with a name in a virtual host; the patterns do not tell the kinds apart. */
export interface NamedResource {
  readonly kind: 'exchange' | 'queue' | 'stream' | 'group' | 'transaction'
  readonly vhost: string
  readonly name: string
}

export type Resource =
  NamedResource | { readonly kind: 'vhost'; readonly vhost: string } | { readonly kind: 'broker' }

/** What is declared of who may do what. */
export type AccessDeclaration = UserDeclaration | UserGone | PermissionDeclaration | PermissionGone

export interface AccessControlOptions {
  readonly random: RandomSource
  /** Stands in for scrypt in tests. */
  readonly derive?: DeriveKey
  /** A user is gone: close its connections. Its permissions are gone already. */
  readonly onUserRemoved?: (user: User) => void
  /** Called with each change that is to outlive the process. */
  readonly declared?: (declarations: readonly Declaration[]) => void
}

/**
 * The door of one broker: its users, their permissions, and the one authorize() that every protocol
 * and the control API ask. Invariant: what is not expressly permitted is refused.
 */
export class AccessControl {
  readonly users: Users
  readonly permissions: Permissions
  readonly tokens: Tokens

  constructor(options: AccessControlOptions) {
    const { random, derive, onUserRemoved, declared } = options
    this.permissions = new Permissions(declared)
    const onRemoved = (user: User): void => {
      // Else a later user of the same name would inherit them.
      this.permissions.removeUser(user.name)
      onUserRemoved?.(user)
    }
    this.users = new Users({
      random,
      onRemoved,
      ...(derive === undefined ? {} : { derive }),
      ...(declared === undefined ? {} : { declared }),
    })
    this.tokens = new Tokens(this.users, random)
  }

  /**
   * Changes whenever authorize() may answer differently. A publisher asks once for each exchange,
   * keeps the answer with this number, and then compares one number a message.
   */
  get version(): number {
    // Both only grow, so no two states have the same sum.
    return this.users.version + this.permissions.version
  }

  /** guest/guest with every right in `/`, from this machine only: a fresh RabbitMQ. */
  addDefaultGuest(): void {
    this.users.addDefaultGuest()
    this.permissions.set({ user: 'guest', vhost: '/', configure: '.*', write: '.*', read: '.*' })
  }

  /** Takes back what was declared; it is not told again. */
  restore(declaration: AccessDeclaration): void {
    switch (declaration.kind) {
      case 'user':
        return this.users.restore(declaration)
      case 'user-gone':
        this.users.restore(declaration)
        return this.permissions.removeUser(declaration.name)
      case 'permission':
      case 'permission-gone':
        return this.permissions.restore(declaration)
    }
  }

  /** All users and permissions, as firstOf() lists what changes meanwhile. */
  *declarations(): Generator<Declaration> {
    yield* this.users.declarations()
    yield* this.permissions.declarations()
  }

  /** Whether the principal may do this. Neither the principal's protocol nor its address count. */
  authorize(principal: Principal, action: Action, resource: Resource): boolean {
    const user = this.users.find(principal.name)
    // Removed since it logged in, or removed and another of that name created.
    if (user === null || user.id !== principal.userId) return false
    switch (resource.kind) {
      case 'broker':
        return hasTagFor(user, action)
      case 'vhost':
        return this.#authorizeVhost(user, action, resource.vhost)
      default:
        return this.#authorizeNamed(user, action, resource)
    }
  }

  /** Creating and removing virtual hosts is the broker's matter; this is about one that exists. */
  #authorizeVhost(user: User, action: Action, vhost: string): boolean {
    if (action !== 'access') return false
    return this.permissions.find({ user: user.name, vhost }) !== null
  }

  #authorizeNamed(user: User, action: Action, resource: NamedResource): boolean {
    const { vhost } = resource
    // As RabbitMQ: the default exchange has no name to write a pattern for.
    const isDefault = resource.kind === 'exchange' && resource.name === ''
    const name = isDefault ? 'amq.default' : resource.name
    const allows = (permission: 'configure' | 'write' | 'read'): boolean =>
      this.permissions.allows({ user: user.name, vhost, action: permission, name })
    switch (action) {
      case 'configure':
      case 'write':
      case 'read':
        return allows(action)
      case 'describe':
        return allows('configure') || allows('write') || allows('read')
      default:
        return false
    }
  }
}

/** Whoever has one of them may use the control API; how much of it, is asked at each step. [as RabbitMQ] */
const managementTags: ReadonlySet<string> = new Set([
  'management',
  'policymaker',
  'monitoring',
  'administrator',
])

/** RabbitMQ's tags. An administrator does not impersonate unless it has that tag too. */
function hasTagFor(user: User, action: Action): boolean {
  switch (action) {
    case 'administer':
      return user.tags.includes('administrator')
    case 'monitor':
      return user.tags.includes('administrator') || user.tags.includes('monitoring')
    case 'manage':
      return user.tags.some((tag) => managementTags.has(tag))
    case 'impersonate':
      return user.tags.includes('impersonator')
    default:
      return false
  }
}

/** The refusal in RabbitMQ's words, which clients show and some tests compare. */
export function describeRefusal(principal: Principal, action: Action, resource: Resource): string {
  const by = `refused for user '${principal.name}'`
  if (resource.kind === 'broker') return `${action} access to the broker ${by}`
  if (resource.kind === 'vhost') return `access to vhost '${resource.vhost}' ${by}`
  const { kind, vhost } = resource
  const isDefault = kind === 'exchange' && resource.name === ''
  const name = isDefault ? 'amq.default' : resource.name
  return `${action} access to ${kind} '${name}' in vhost '${vhost}' ${by}`
}
