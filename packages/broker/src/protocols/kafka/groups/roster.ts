import { assert } from '../../../base/assert.ts'
import type { GroupProtocol, JoinRequest } from './group-requests.ts'
import type { Member } from './member.ts'

/** What the members of all groups take together. */
export interface GroupMemory {
  bytes: number
}

/**
 * The members of one group, by id and by instance, and what they have in common.
 *
 * It knows no states and no timers. Invariant: there is a leader exactly when there are members,
 * and it is one of them.
 */
export class Roster {
  leader: Member | null = null
  /** What the members are, 'consumer' as a rule; the last ones', when there are none. */
  protocolType: string | null = null
  readonly #memory: GroupMemory
  readonly #byId = new Map<string, Member>()
  readonly #byInstance = new Map<string, Member>()
  /** How many members know each protocol. */
  readonly #supporters = new Map<string, number>()

  constructor(memory: GroupMemory) {
    this.#memory = memory
  }

  get size(): number {
    return this.#byId.size
  }

  get members(): Iterable<Member> {
    return this.#byId.values()
  }

  find(id: string): Member | undefined {
    return this.#byId.get(id)
  }

  findStatic(instanceId: string): Member | undefined {
    return this.#byInstance.get(instanceId)
  }

  /** The first to come leads. */
  add(member: Member, protocolType: string): void {
    assert(!this.#byId.has(member.id), 'a member id is given once')
    if (this.size === 0) this.protocolType = protocolType
    this.#byId.set(member.id, member)
    if (member.instanceId !== null) {
      assert(!this.#byInstance.has(member.instanceId), 'an instance is in a group once')
      this.#byInstance.set(member.instanceId, member)
    }
    this.#count(member, 1)
    this.leader ??= member
  }

  remove(member: Member): void {
    assert(this.#byId.delete(member.id), 'only a member can be removed')
    if (member.instanceId !== null) this.#byInstance.delete(member.instanceId)
    this.#count(member, -1)
    if (this.leader === member) this.leader = first(this.#byId.values())
  }

  /** Has the member say what it says now. */
  update(member: Member, request: JoinRequest): void {
    this.#count(member, -1)
    member.update(request)
    this.#count(member, 1)
  }

  assign(member: Member, assignment: Buffer): void {
    this.#memory.bytes += assignment.length - member.assignment.length
    member.assignment = assignment
  }

  /** From now on only the new id is the member's. */
  rename(member: Member, id: string): void {
    this.#byId.delete(member.id)
    member.id = id
    this.#byId.set(id, member)
  }

  /** Whether all members know one of these protocols. */
  shares(protocols: readonly GroupProtocol[]): boolean {
    return protocols.some(({ name }) => (this.#supporters.get(name) ?? 0) === this.size)
  }

  /** The protocol with most votes; of several, the one that the leader likes best. */
  chooseProtocol(): string {
    const votes = new Map<string, number>()
    for (const [name, supporters] of this.#supporters) {
      if (supporters === this.size) votes.set(name, 0)
    }
    const candidates = new Set(votes.keys())
    for (const member of this.members) {
      const choice = member.vote(candidates)
      if (choice !== undefined) votes.set(choice, (votes.get(choice) ?? 0) + 1)
    }
    let chosen: string | null = null
    for (const { name } of this.leader?.protocols ?? []) {
      if (!votes.has(name)) continue
      if (chosen === null || (votes.get(name) ?? 0) > (votes.get(chosen) ?? 0)) chosen = name
    }
    assert(chosen !== null, 'members without a common protocol are not let in')
    return chosen
  }

  /** Sees to it that the leader is one that waits for the next generation; false if nobody does. */
  electJoinedLeader(): boolean {
    if (this.leader === null) return false
    if (this.leader.join !== null) return true
    for (const member of this.members) {
      if (member.join === null) continue
      this.leader = member
      return true
    }
    return false
  }

  /** As long as the most patient member allows. */
  rebalanceTimeoutMs(): number {
    let longest = 0
    for (const { rebalanceTimeoutMs } of this.members) {
      longest = Math.max(longest, rebalanceTimeoutMs)
    }
    return longest
  }

  /** A protocol that a member names twice counts once. */
  #count(member: Member, by: 1 | -1): void {
    this.#memory.bytes += by * member.bytes
    for (const name of new Set(member.protocols.map((each) => each.name))) {
      const supporters = (this.#supporters.get(name) ?? 0) + by
      if (supporters === 0) this.#supporters.delete(name)
      else this.#supporters.set(name, supporters)
    }
  }
}

function first(members: Iterable<Member>): Member | null {
  for (const member of members) return member
  return null
}
