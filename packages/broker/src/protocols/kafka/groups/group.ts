import { assert } from '../../../base/assert.ts'
import { KafkaError } from '../errors.ts'
import { joinRefused, syncRefused } from './group-answers.ts'
import type {
  GenerationIdentity,
  GroupDescription,
  JoinRequest,
  JoinResult,
  MemberIdentity,
  SyncRequest,
  SyncResult,
} from './group-requests.ts'
import { groupLimits } from './limits.ts'
import { protocolsBytes, type Member } from './member.ts'
import { GroupState, Rebalance, type GroupContext } from './rebalance.ts'
import type { Roster } from './roster.ts'
import type { Waiter } from './waiter.ts'

/**
 * One consumer group of the classic protocol: which requests of its members are in order.
 *
 * It decides as Kafka 4's group coordinator does; differences stand beside the code. It knows no sockets, no
 * topics and no commits, and what members tell each other is bytes to it. Invariant: every request
 * is answered once, or its waiter abandoned.
 */
export class Group {
  readonly id: string
  readonly #context: GroupContext
  readonly #rebalance: Rebalance

  constructor(id: string, context: GroupContext) {
    this.id = id
    this.#context = context
    this.#rebalance = new Rebalance(context)
  }

  get state(): GroupState {
    return this.#rebalance.state
  }

  /** 'consumer' for consumers; null for a group that never had members. */
  get protocolType(): string | null {
    return this.#roster.protocolType
  }

  /** When the last member went, wall clock. */
  get emptySinceMs(): number {
    return this.#rebalance.emptySinceMs
  }

  /** Nobody is in it or about to be. */
  get isUnused(): boolean {
    return this.state === GroupState.empty && this.#rebalance.pending.size === 0
  }

  get #roster(): Roster {
    return this.#rebalance.roster
  }

  join(request: JoinRequest, waiter: Waiter<JoinResult>): void {
    const { memberId } = request
    const error = this.#refusalOfJoin(request)
    if (error !== KafkaError.NONE) {
      const isFull = error === KafkaError.GROUP_MAX_SIZE_REACHED
      waiter.answer(joinRefused(error, isFull ? '' : memberId))
    } else if (memberId === '') {
      this.#joinUnknown(request, waiter)
    } else if (this.#rebalance.pending.has(memberId)) {
      this.#rebalance.add(memberId, request, waiter)
    } else {
      this.#joinAgain(this.#getMember(memberId), request, waiter)
    }
  }

  sync(request: SyncRequest, waiter: Waiter<SyncResult>): void {
    const error = this.#refusalOfSync(request)
    if (error !== KafkaError.NONE) return waiter.answer(syncRefused(error))
    const member = this.#getMember(request.memberId)
    this.#rebalance.synced(member)
    if (this.state === GroupState.stable) {
      this.#rebalance.touch(member)
      return waiter.answer(this.#rebalance.assignmentOf(member))
    }
    this.#rebalance.parkSync(member, waiter)
    if (member === this.#roster.leader) this.#rebalance.share(request.assignments)
  }

  heartbeat(request: GenerationIdentity): number {
    const error = this.#refusalOfGeneration(request)
    if (error !== KafkaError.NONE) return error
    this.#rebalance.touch(this.#getMember(request.memberId))
    if (this.state === GroupState.preparing) return KafkaError.REBALANCE_IN_PROGRESS
    return KafkaError.NONE
  }

  /** Removes members and returns an error for each. */
  leave(members: readonly MemberIdentity[]): number[] {
    const before = this.#roster.size
    const errors = members.map((identity) => this.#leaveOne(identity))
    if (this.#roster.size < before) this.#rebalance.changed()
    return errors
  }

  /** Whether a commit may be made in the name of this member and generation. */
  checkCommit(request: GenerationIdentity): number {
    const { generation, memberId, instanceId } = request
    // An operator's, or that of a consumer which chooses its partitions itself.
    if (generation < 0 && this.state === GroupState.empty) return KafkaError.NONE
    const isNobody = generation < 0 && memberId === '' && instanceId === null
    if (isNobody && this.state !== GroupState.dead) return KafkaError.UNKNOWN_MEMBER_ID
    const error = this.#refusalOfGeneration(request)
    if (error !== KafkaError.NONE) return error
    // It does not know yet what it has in this generation.
    if (this.state === GroupState.completing) return KafkaError.REBALANCE_IN_PROGRESS
    this.#rebalance.touch(this.#getMember(memberId))
    return KafkaError.NONE
  }

  describe(): GroupDescription {
    const { state, generation, protocol } = this.#rebalance
    const members = Array.from(this.#roster.members, (member) => ({
      memberId: member.id,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      isLeader: member === this.#roster.leader,
      metadata: member.metadataFor(protocol),
      assignment: member.assignment,
    }))
    return { id: this.id, state, protocolType: this.protocolType, protocol, generation, members }
  }

  /** Ends it; whoever waits is told to look for the coordinator anew. */
  kill(): void {
    this.#rebalance.kill()
  }

  #joinUnknown(request: JoinRequest, waiter: Waiter<JoinResult>): void {
    const { instanceId } = request
    const memberId = this.#context.newMemberId(instanceId ?? request.clientId)
    const before = instanceId === null ? undefined : this.#roster.findStatic(instanceId)
    if (before !== undefined) {
      this.#comeBack(before, { memberId, request, waiter })
    } else if (instanceId === null && request.takesIdFirst) {
      this.#rebalance.pending.add(memberId, request.sessionTimeoutMs)
      waiter.answer(joinRefused(KafkaError.MEMBER_ID_REQUIRED, memberId))
    } else {
      this.#rebalance.add(memberId, request, waiter)
    }
  }

  /** A member joins again: it was told to, or it has something new to say. */
  #joinAgain(member: Member, request: JoinRequest, waiter: Waiter<JoinResult>): void {
    if (this.#mayKeepGeneration(member, request)) {
      this.#rebalance.touch(member)
      return waiter.answer(this.#rebalance.generationFor(member))
    }
    this.#roster.update(member, request)
    this.#rebalance.parkJoin(member, waiter)
    this.#rebalance.changed()
  }

  /** It may only have missed the answer to its first try. */
  #mayKeepGeneration(member: Member, request: JoinRequest): boolean {
    if (!member.offers(request.protocols)) return false
    if (this.state === GroupState.completing) return true
    // A leader has reasons that its own metadata does not show, such as a topic with more partitions.
    return this.state === GroupState.stable && member !== this.#roster.leader
  }

  /** A static member is back after a restart and takes the place of its instance. [KIP-345] */
  #comeBack(member: Member, { memberId, request, waiter }: NewJoin): void {
    const oldLeaderId = this.#roster.leader?.id ?? ''
    this.#rebalance.replace(member, memberId, request)
    const { protocol } = this.#rebalance
    if (this.state === GroupState.stable && this.#roster.chooseProtocol() === protocol) {
      const result = this.#rebalance.generationFor(member)
      const isLeader = member === this.#roster.leader
      // The old assignment holds, so a leader must not share out again [KIP-814]. A client that
      // cannot be told so is told that somebody else leads.
      if (request.skipsAssignment) waiter.answer({ ...result, skipAssignment: isLeader })
      else waiter.answer({ ...result, leader: oldLeaderId, members: [] })
      return
    }
    // While the leader shares out, it may do so to the old id: only a new generation puts that right.
    this.#rebalance.parkJoin(member, waiter)
    this.#rebalance.changed()
  }

  #leaveOne({ memberId, instanceId }: MemberIdentity): number {
    if (this.state === GroupState.dead) return KafkaError.COORDINATOR_NOT_AVAILABLE
    // An operator removes a static member, whose id only that member knows.
    const named =
      memberId === '' && instanceId !== null ? this.#roster.findStatic(instanceId) : undefined
    if (named === undefined) {
      if (this.#rebalance.forgetPending(memberId)) return KafkaError.NONE
      const error = this.#refusalOfMember({ memberId, instanceId })
      if (error !== KafkaError.NONE) return error
    }
    this.#rebalance.remove(named ?? this.#getMember(memberId), KafkaError.UNKNOWN_MEMBER_ID)
    return KafkaError.NONE
  }

  #refusalOfJoin(request: JoinRequest): number {
    const { memberId, instanceId, protocolType, protocols } = request
    if (this.state === GroupState.dead) return KafkaError.COORDINATOR_NOT_AVAILABLE
    if (!this.#hasRoomFor(request)) return KafkaError.GROUP_MAX_SIZE_REACHED
    if (protocolType === '' || protocols.length === 0) return KafkaError.INCONSISTENT_GROUP_PROTOCOL
    if (exceedsBounds(request)) return KafkaError.MESSAGE_TOO_LARGE
    if (!this.#hasMemoryFor(request)) return KafkaError.COORDINATOR_NOT_AVAILABLE
    const isFree = this.state === GroupState.empty
    const fits = protocolType === this.protocolType && this.#roster.shares(protocols)
    if (!isFree && !fits) return KafkaError.INCONSISTENT_GROUP_PROTOCOL
    // A static member is let in without having been given an id first, so a pending id is not its own.
    const isPending = instanceId === null && this.#rebalance.pending.has(memberId)
    if (memberId === '' || isPending) return KafkaError.NONE
    return this.#refusalOfMember(request)
  }

  /** Who is in stays in. While a group rebalances, Kafka gives the place of a slow member to a newcomer. */
  #hasRoomFor({ memberId, instanceId }: MemberIdentity): boolean {
    const { pending } = this.#rebalance
    if (this.#roster.find(memberId) !== undefined || pending.has(memberId)) return true
    if (instanceId !== null && this.#roster.findStatic(instanceId) !== undefined) return true
    return this.#roster.size + pending.size < this.#context.settings.membersMax
  }

  /** Whether what the member says fits beside what all members say; no more than before always does. */
  #hasMemoryFor({ memberId, instanceId, protocols }: JoinRequest): boolean {
    const known = this.#roster.find(memberId) ?? this.#roster.findStatic(instanceId ?? '')
    const growth = protocolsBytes(protocols) - (known?.bytes ?? 0)
    return growth <= 0 || this.#hasMemory(growth)
  }

  #hasMemory(bytes: number): boolean {
    const { memory, settings } = this.#context
    return memory.bytes + bytes <= settings.membersBytesMax
  }

  #refusalOfSync(request: SyncRequest): number {
    const error = this.#refusalOfGeneration(request)
    if (error !== KafkaError.NONE) return error
    const { protocolType, protocol } = request
    const isOtherType = protocolType !== null && protocolType !== this.protocolType
    const isOther = protocol !== null && protocol !== this.#rebalance.protocol
    if (isOtherType || isOther) return KafkaError.INCONSISTENT_GROUP_PROTOCOL
    if (this.state === GroupState.preparing) return KafkaError.REBALANCE_IN_PROGRESS
    let bytes = 0
    for (const { assignment } of request.assignments) bytes += assignment.length
    if (bytes > groupLimits.assignmentBytesMax) return KafkaError.MESSAGE_TOO_LARGE
    if (bytes > 0 && !this.#hasMemory(bytes)) return KafkaError.COORDINATOR_NOT_AVAILABLE
    return KafkaError.NONE
  }

  #refusalOfGeneration(request: GenerationIdentity): number {
    if (this.state === GroupState.dead) return KafkaError.COORDINATOR_NOT_AVAILABLE
    const error = this.#refusalOfMember(request)
    if (error !== KafkaError.NONE) return error
    if (request.generation !== this.#rebalance.generation) return KafkaError.ILLEGAL_GENERATION
    return KafkaError.NONE
  }

  #refusalOfMember({ memberId, instanceId }: MemberIdentity): number {
    if (instanceId === null) {
      return this.#roster.find(memberId) === undefined
        ? KafkaError.UNKNOWN_MEMBER_ID
        : KafkaError.NONE
    }
    const member = this.#roster.findStatic(instanceId)
    if (member === undefined) return KafkaError.UNKNOWN_MEMBER_ID
    return member.id === memberId ? KafkaError.NONE : KafkaError.FENCED_INSTANCE_ID
  }

  #getMember(memberId: string): Member {
    const member = this.#roster.find(memberId)
    assert(member !== undefined, 'a request in order is a member’s')
    return member
  }
}

interface NewJoin {
  readonly memberId: string
  readonly request: JoinRequest
  readonly waiter: Waiter<JoinResult>
}

/** More than any client sends: a member could otherwise fill our memory and that of its leader. */
function exceedsBounds({ protocols }: JoinRequest): boolean {
  if (protocols.length > groupLimits.memberProtocolsMax) return true
  let bytes = 0
  for (const { metadata } of protocols) bytes += metadata.length
  return bytes > groupLimits.memberMetadataBytesMax
}
