import type { Clock } from '../../../base/clock.ts'
import { Timer, type Timers } from '../../../base/timers.ts'
import type { RandomSource } from '../../../core/auth/random.ts'
import type { CommittedOffset, CommittedOffsets } from '../../../core/stream/committed-offsets.ts'
import type { VirtualHost } from '../../../core/topology/virtual-host.ts'
import { KafkaError } from '../errors.ts'
import { joinRefused, syncRefused } from './group-answers.ts'
import type {
  GenerationIdentity,
  GroupDescription,
  JoinRequest,
  JoinResult,
  LeaveResult,
  MemberIdentity,
  SyncRequest,
  SyncResult,
} from './group-requests.ts'
import { Group } from './group.ts'
import { defaultGroupSettings, groupLimits, type GroupSettings } from './limits.ts'
import { GroupState, type GroupContext } from './rebalance.ts'
import type { Waiter } from './waiter.ts'

export interface GroupCoordinatorOptions {
  /** What is needed of it. */
  readonly broker: {
    readonly turn: { readonly clock: Clock }
    readonly timers: Timers
    readonly random: RandomSource
  }
  readonly vhost: Pick<VirtualHost, 'committedOffsets'>
  readonly settings?: Partial<GroupSettings>
}

/**
 * The consumer groups of one virtual host, by id, and how long what they have committed is kept.
 *
 * Authorization and the wire are the handlers' matter. A group that an earlier process had is known by its commits
 * alone, until somebody joins it or commits again. Invariant: a group that has members is in the table; one that has neither
 * members nor commits goes with the next look at what has expired.
 */
export class GroupCoordinator {
  /** Its virtual host's. */
  readonly offsets: CommittedOffsets
  readonly settings: GroupSettings
  readonly #broker: GroupCoordinatorOptions['broker']
  readonly #context: GroupContext
  readonly #groups = new Map<string, Group>()
  readonly #expiry: Timer = new Timer(() => this.#expire())
  /** Where the look at what has expired is; null between two looks. */
  #unlooked: Iterator<string> | null = null

  constructor({ broker, vhost, settings }: GroupCoordinatorOptions) {
    this.#broker = broker
    this.settings = { ...defaultGroupSettings, ...settings }
    this.offsets = vhost.committedOffsets
    this.#context = {
      clock: broker.turn.clock,
      timers: broker.timers,
      settings: this.settings,
      memory: { bytes: 0 },
      newMemberId: (prefix) => `${cut(prefix)}-${uuid(broker.random.bytes(16))}`,
    }
    if (!this.offsets.isEmpty) this.#armExpiry()
  }

  /** Answers through the waiter, at once or when the other members have joined. */
  join(groupId: string, request: JoinRequest, waiter: Waiter<JoinResult>): void {
    const error = this.#refusalOfJoin(groupId, request)
    if (error !== KafkaError.NONE) return waiter.answer(joinRefused(error, request.memberId))
    const isUnknown = request.memberId === ''
    const group = isUnknown ? this.#findOrCreate(groupId) : this.#groups.get(groupId)
    if (group !== undefined) return group.join(request, waiter)
    const why = isUnknown ? KafkaError.COORDINATOR_NOT_AVAILABLE : KafkaError.UNKNOWN_MEMBER_ID
    waiter.answer(joinRefused(why, request.memberId))
  }

  /** Answers through the waiter, at once or when the leader has shared out. */
  sync(groupId: string, request: SyncRequest, waiter: Waiter<SyncResult>): void {
    const group = this.#groups.get(groupId)
    if (group === undefined) waiter.answer(syncRefused(refusalWithoutGroup(groupId)))
    else group.sync(request, waiter)
  }

  heartbeat(groupId: string, request: GenerationIdentity): number {
    return this.#groups.get(groupId)?.heartbeat(request) ?? refusalWithoutGroup(groupId)
  }

  leave(groupId: string, members: readonly MemberIdentity[]): LeaveResult {
    if (groupId === '') return { error: KafkaError.INVALID_GROUP_ID, members: [] }
    const errors = this.#groups.get(groupId)?.leave(members)
    return {
      error: KafkaError.NONE,
      members: errors ?? members.map(() => KafkaError.UNKNOWN_MEMBER_ID),
    }
  }

  /**
   * Whether this member may commit in the group's name. A commit without a generation makes the
   * group if there is none; otherwise that is GROUP_ID_NOT_FOUND.
   */
  checkCommit(groupId: string, request: GenerationIdentity): number {
    const isSimple = request.generation < 0
    const group = isSimple ? this.#findOrCreate(groupId) : this.#groups.get(groupId)
    if (group !== undefined) return group.checkCommit(request)
    return isSimple ? KafkaError.COORDINATOR_NOT_AVAILABLE : KafkaError.GROUP_ID_NOT_FOUND
  }

  /** Of all groups. */
  names(): string[] {
    return [...this.#ids()]
  }

  list(): GroupDescription[] {
    return Array.from(this.#ids(), (groupId) => this.#describe(groupId))
  }

  describe(groupId: string): GroupDescription | undefined {
    const isKnown = this.#groups.has(groupId) || this.offsets.has(groupId)
    return isKnown ? this.#describe(groupId) : undefined
  }

  #describe(groupId: string): GroupDescription {
    return (this.#groups.get(groupId) ?? new Group(groupId, this.#context)).describe()
  }

  /** Removes a group without members and what it committed. */
  remove(groupId: string): number {
    const group = this.#groups.get(groupId)
    if (group === undefined && !this.offsets.has(groupId)) return KafkaError.GROUP_ID_NOT_FOUND
    if (group !== undefined && group.state !== GroupState.empty) return KafkaError.NON_EMPTY_GROUP
    this.#forget(groupId)
    return KafkaError.NONE
  }

  /** Ends all groups; whoever waits is answered, and no timer of theirs is left. */
  close(): void {
    this.#broker.timers.clear(this.#expiry)
    for (const group of this.#groups.values()) group.kill()
    this.#groups.clear()
  }

  #refusalOfJoin(groupId: string, { sessionTimeoutMs }: JoinRequest): number {
    if (groupId === '') return KafkaError.INVALID_GROUP_ID
    const { sessionTimeoutMsMin, sessionTimeoutMsMax } = this.settings
    const isSound =
      sessionTimeoutMs >= sessionTimeoutMsMin && sessionTimeoutMs <= sessionTimeoutMsMax
    return isSound ? KafkaError.NONE : KafkaError.INVALID_SESSION_TIMEOUT
  }

  /** Undefined if there are too many. */
  #findOrCreate(groupId: string): Group | undefined {
    const known = this.#groups.get(groupId)
    if (known !== undefined) return known
    if (this.#groups.size >= groupLimits.groupsMax) return undefined
    const group = new Group(groupId, this.#context)
    this.#groups.set(groupId, group)
    this.#armExpiry()
    return group
  }

  #armExpiry(): void {
    if (!this.#expiry.armed) this.#broker.timers.set(this.#expiry, groupLimits.expiryIntervalMs)
  }

  /** Of all groups, those included that are known by their commits alone. */
  *#ids(): Generator<string> {
    yield* this.#groups.keys()
    for (const groupId of this.offsets.groups()) if (!this.#groups.has(groupId)) yield groupId
  }

  /** Looks at some groups, and comes back soon if there are more. */
  #expire(): void {
    this.#unlooked ??= this.#ids()
    for (let looked = 0; looked < groupLimits.expiryGroupsPerRun; looked++) {
      const { value, done } = this.#unlooked.next()
      if (done === true) {
        this.#unlooked = null
        break
      }
      this.#expireOne(value)
    }
    if (this.#groups.size === 0 && this.offsets.isEmpty) return
    const pauseMs = this.#unlooked === null ? groupLimits.expiryIntervalMs : 0
    this.#broker.timers.set(this.#expiry, pauseMs)
  }

  /**
   * Commits expire when the group has been without members for the time of retention, counted anew
   * from each commit made since; Kafka does not count anew once the group has had members.
   */
  #expireOne(groupId: string): void {
    const group = this.#groups.get(groupId)
    if (group !== undefined && !group.isUnused) return this.#renew(groupId)
    const nowMs = this.#context.clock.wallMs()
    const emptySinceMs = group?.emptySinceMs ?? 0
    this.offsets.expire(groupId, (commit) => {
      return nowMs - Math.max(commit.committedMs, emptySinceMs) >= this.#retentionMs(commit)
    })
    if (group !== undefined && !this.offsets.has(groupId)) this.#forget(groupId)
  }

  /**
   * When a group lost its members is not written down. So that after a restart its commits are not taken for as old as they are,
   * those that are in use are dated anew now and then: they will live on for three quarters of their time at least.
   */
  #renew(groupId: string): void {
    const nowMs = this.#context.clock.wallMs()
    this.offsets.renew(groupId, nowMs, (commit) => {
      return nowMs - commit.committedMs >= this.#retentionMs(commit) / 4
    })
  }

  #retentionMs({ retentionMs }: CommittedOffset): number {
    return retentionMs ?? this.settings.offsetsRetentionMs
  }

  #forget(groupId: string): void {
    this.#groups.get(groupId)?.kill()
    this.offsets.removeGroup(groupId)
    this.#groups.delete(groupId)
  }
}

function refusalWithoutGroup(groupId: string): number {
  return groupId === '' ? KafkaError.INVALID_GROUP_ID : KafkaError.UNKNOWN_MEMBER_ID
}

/** A member id must fit a string of the wire whatever the client calls itself. */
function cut(prefix: string): string {
  if (Buffer.byteLength(prefix) <= groupLimits.memberIdPrefixBytesMax) return prefix
  // A character has at most three bytes for each of its code units. Half a character that is left
  // becomes here what it would become on the wire, else the client could not name itself.
  return Buffer.from(prefix.slice(0, Math.floor(groupLimits.memberIdPrefixBytesMax / 3))).toString()
}

/** A random UUID, version 4. [RFC 9562 5.4] */
function uuid(bytes: Buffer): string {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ]
  return parts.join('-')
}
