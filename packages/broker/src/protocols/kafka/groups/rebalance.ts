import { assert } from '../../../base/assert.ts'
import type { Clock } from '../../../base/clock.ts'
import { Timer, type Timers } from '../../../base/timers.ts'
import { KafkaError } from '../errors.ts'
import { joinRefused, syncRefused } from './group-answers.ts'
import type { JoinRequest, JoinResult, MemberAssignment, SyncResult } from './group-requests.ts'
import { groupLimits, type GroupSettings } from './limits.ts'
import { Member, noBytes } from './member.ts'
import { PendingMembers } from './pending-members.ts'
import { Roster, type GroupMemory } from './roster.ts'
import type { Waiter } from './waiter.ts'

/** As Kafka names them; operators see these words. */
export const GroupState = {
  /** No members; it may have commits. */
  empty: 'Empty',
  /** Something changed: the members are to join again. */
  preparing: 'PreparingRebalance',
  /** A new generation has begun, its leader has not yet shared out. */
  completing: 'CompletingRebalance',
  stable: 'Stable',
  /** Removed; only those that still hold the object see this. */
  dead: 'Dead',
} as const
export type GroupState = (typeof GroupState)[keyof typeof GroupState]

/** What a group needs of those around it. */
export interface GroupContext {
  readonly clock: Clock
  readonly timers: Timers
  readonly settings: GroupSettings
  readonly memory: GroupMemory
  /** An id that no member ever had, beginning with `prefix`. */
  newMemberId(prefix: string): string
}

/**
 * The phases that the members of one group go through together.
 *
 *   Empty ──changed──> PreparingRebalance ──all joined, or time is up──> CompletingRebalance
 *     ^                   ^         ^                                      │         │
 *     └── nobody joined ──┘         ├────────────── changed ───────────────┘       share
 *                                   │                                                v
 *                                   └────────────── changed ─────────────────────  Stable
 *
 * It knows who waits for what; which requests are in order is decided by Group. Invariants: the
 * generation only grows, each has one leader, and who waits is answered when the phase ends.
 */
export class Rebalance {
  state: GroupState = GroupState.empty
  generation: number = 0
  protocol: string | null = null
  /** When the last member went, wall clock; commits expire from here. */
  emptySinceMs: number
  readonly roster: Roster
  readonly pending: PendingMembers
  readonly #context: GroupContext
  /** Members that wait for the next generation. */
  #joined: number = 0
  /** Members that have not yet asked for their assignment of this generation. */
  readonly #unsynced = new Set<Member>()
  readonly #joinTimer: Timer = new Timer(() => this.#joinTimeUp())
  readonly #syncTimer: Timer = new Timer(() => this.#syncTimeUp())
  /** The first generation is being put off, for more members to come. */
  #gathering: boolean = false
  #gatherUntilMs: number = 0

  constructor(context: GroupContext) {
    this.#context = context
    this.roster = new Roster(context.memory)
    this.emptySinceMs = context.clock.wallMs()
    this.pending = new PendingMembers(context.timers, () => this.#completeJoinIfReady())
  }

  /** Lets a new member in, which waits for its first generation. */
  add(memberId: string, request: JoinRequest, waiter: Waiter<JoinResult>): void {
    this.pending.take(memberId)
    const session = new Timer(() => this.#sessionTimeUp(member))
    const member: Member = new Member(memberId, request.instanceId, session)
    member.update(request)
    this.roster.add(member, request.protocolType)
    this.touch(member)
    this.parkJoin(member, waiter)
    if (this.#gathering) this.#gatherLonger()
    this.changed()
  }

  /** The id will not be joined with; false if it is not pending. */
  forgetPending(memberId: string): boolean {
    if (!this.pending.take(memberId)) return false
    this.#completeJoinIfReady()
    return true
  }

  /** A sign of life. Who never had a generation knows no id to send heartbeats with, so it has longer. */
  touch(member: Member): void {
    const silenceMs = member.isNew ? groupLimits.newMemberJoinMs : member.sessionTimeoutMs
    this.#context.timers.set(member.session, silenceMs)
  }

  parkJoin(member: Member, waiter: Waiter<JoinResult>): void {
    // Asked twice: the connection of the first time is one that the client has given up.
    this.#answerJoin(member, joinRefused(KafkaError.REBALANCE_IN_PROGRESS, member.id))
    member.join = waiter
    this.#joined++
    waiter.park(() => this.#joinAbandoned(member))
  }

  parkSync(member: Member, waiter: Waiter<SyncResult>): void {
    this.#answerSync(member, syncRefused(KafkaError.REBALANCE_IN_PROGRESS))
    member.sync = waiter
    waiter.park(() => {
      member.sync = null
      this.touch(member)
    })
  }

  /** Begins a rebalance, or sees whether this was the last change that one waits for. */
  changed(): void {
    if (this.state === GroupState.preparing) return this.#completeJoinIfReady()
    this.#context.timers.clear(this.#syncTimer)
    this.#unsynced.clear()
    if (this.state === GroupState.completing) this.#dropAssignments()
    const isFirst = this.state === GroupState.empty
    this.state = GroupState.preparing
    if (isFirst) return this.#gather()
    this.#context.timers.set(this.#joinTimer, this.roster.rebalanceTimeoutMs())
    this.#completeJoinIfReady()
  }

  /** The member has asked for its assignment, so it knows of this generation. */
  synced(member: Member): void {
    if (this.#unsynced.delete(member) && this.#unsynced.size === 0) {
      this.#context.timers.clear(this.#syncTimer)
    }
  }

  /** The leader has shared out. Who is not mentioned has nothing. */
  share(assignments: readonly MemberAssignment[]): void {
    assert(this.state === GroupState.completing, 'a generation is shared out once')
    for (const member of this.roster.members) this.roster.assign(member, noBytes)
    for (const { memberId, assignment } of assignments) {
      const member = this.roster.find(memberId)
      if (member !== undefined) this.roster.assign(member, Buffer.from(assignment))
    }
    this.state = GroupState.stable
    for (const member of this.roster.members) this.#answerSync(member, this.assignmentOf(member))
  }

  /** The caller says `changed` when all that go have gone. */
  remove(member: Member, error: number): void {
    this.#answerJoin(member, joinRefused(error, ''))
    this.#answerSync(member, syncRefused(error))
    this.#context.timers.clear(member.session)
    this.roster.remove(member)
    this.synced(member)
  }

  /** A static member comes back under a new id; whoever uses the old one is a ghost. [KIP-345] */
  replace(member: Member, memberId: string, request: JoinRequest): void {
    this.#answerJoin(member, joinRefused(KafkaError.FENCED_INSTANCE_ID, member.id))
    this.#answerSync(member, syncRefused(KafkaError.FENCED_INSTANCE_ID))
    this.roster.rename(member, memberId)
    this.roster.update(member, request)
    this.touch(member)
  }

  /** What the member is told of the present generation; only the leader learns who else is in it. */
  generationFor(member: Member): JoinResult {
    const { leader } = this.roster
    const others = member === leader ? this.roster.members : []
    return {
      error: KafkaError.NONE,
      generation: this.generation,
      protocolType: this.roster.protocolType,
      protocol: this.protocol,
      leader: leader?.id ?? '',
      skipAssignment: false,
      memberId: member.id,
      members: Array.from(others, (each) => ({
        memberId: each.id,
        instanceId: each.instanceId,
        metadata: each.metadataFor(this.protocol),
      })),
    }
  }

  assignmentOf(member: Member): SyncResult {
    const { assignment } = member
    const { protocolType } = this.roster
    return { error: KafkaError.NONE, protocolType, protocol: this.protocol, assignment }
  }

  /** Ends everything; whoever waits is told to look for the coordinator anew. */
  kill(): void {
    this.state = GroupState.dead
    this.#context.timers.clear(this.#joinTimer)
    this.#context.timers.clear(this.#syncTimer)
    this.pending.clear()
    for (const member of [...this.roster.members]) this.remove(member, KafkaError.NOT_COORDINATOR)
  }

  #gather(): void {
    this.#gathering = true
    this.#gatherUntilMs = this.#context.clock.nowMs() + groupLimits.initialRebalanceMsMax
    this.#gatherLonger()
  }

  #gatherLonger(): void {
    const leftMs = Math.max(0, this.#gatherUntilMs - this.#context.clock.nowMs())
    const delayMs = Math.min(this.#context.settings.initialRebalanceDelayMs, leftMs)
    if (delayMs === 0) this.#endGathering()
    else this.#context.timers.set(this.#joinTimer, delayMs)
  }

  /** Those that have just been given an id join any moment now; the first generation waits for them a little. */
  #endGathering(): void {
    this.#gathering = false
    this.#context.timers.set(this.#joinTimer, groupLimits.initialPendingMs)
    this.#completeJoinIfReady()
  }

  #joinTimeUp(): void {
    if (this.#gathering) this.#endGathering()
    else this.#completeJoin()
  }

  #completeJoinIfReady(): void {
    if (this.state !== GroupState.preparing || this.#gathering) return
    if (this.#joined === this.roster.size && this.pending.size === 0) this.#completeJoin()
  }

  /** Begins the next generation with those that have joined. */
  #completeJoin(): void {
    this.#context.timers.clear(this.#joinTimer)
    this.#evictThoseWhoDidNotJoin()
    if (this.roster.size === 0) return this.#becomeEmpty()
    if (!this.roster.electJoinedLeader()) {
      // Static members alone, all away: their places are kept until their sessions end.
      this.#context.timers.set(this.#joinTimer, this.roster.rebalanceTimeoutMs())
      return
    }
    this.generation++
    this.protocol = this.roster.chooseProtocol()
    this.state = GroupState.completing
    this.#context.timers.set(this.#syncTimer, this.roster.rebalanceTimeoutMs())
    for (const member of this.roster.members) {
      this.#unsynced.add(member)
      member.isNew = false
      this.touch(member)
      this.#answerJoin(member, this.generationFor(member))
    }
  }

  /** Static members keep their place: they may be restarting. */
  #evictThoseWhoDidNotJoin(): void {
    for (const member of [...this.roster.members]) {
      if (member.join !== null || member.instanceId !== null) continue
      this.remove(member, KafkaError.UNKNOWN_MEMBER_ID)
    }
  }

  #becomeEmpty(): void {
    this.generation++
    this.protocol = null
    this.state = GroupState.empty
    this.emptySinceMs = this.#context.clock.wallMs()
  }

  /** Those that wait for their assignment are to join again. */
  #dropAssignments(): void {
    for (const member of this.roster.members) {
      this.roster.assign(member, noBytes)
      this.#answerSync(member, syncRefused(KafkaError.REBALANCE_IN_PROGRESS))
    }
  }

  /** Members that never came for their assignment are taken for gone. [KAFKA-13435] */
  #syncTimeUp(): void {
    for (const member of [...this.#unsynced]) this.remove(member, KafkaError.UNKNOWN_MEMBER_ID)
    this.changed()
  }

  #sessionTimeUp(member: Member): void {
    // Who waits for us cannot be blamed for its silence.
    const isWaiting = member.join !== null || member.sync !== null
    if (isWaiting && !member.isNew) return
    this.remove(member, KafkaError.UNKNOWN_MEMBER_ID)
    this.changed()
  }

  /**
   * The connection went while its join waited. Kafka does not notice, counts it among those that
   * have joined, and its partitions go unread until its session ends. Here it has not joined.
   */
  #joinAbandoned(member: Member): void {
    member.join = null
    this.#joined--
    if (!member.isNew) return this.touch(member)
    this.remove(member, KafkaError.UNKNOWN_MEMBER_ID)
    this.changed()
  }

  #answerJoin(member: Member, result: JoinResult): void {
    const waiter = member.join
    if (waiter === null) return
    member.join = null
    this.#joined--
    waiter.answer(result)
  }

  #answerSync(member: Member, result: SyncResult): void {
    const waiter = member.sync
    if (waiter === null) return
    member.sync = null
    this.touch(member)
    waiter.answer(result)
  }
}
