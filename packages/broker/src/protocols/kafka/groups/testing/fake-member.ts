import assert from 'node:assert/strict'
import type {
  GroupProtocol,
  JoinRequest,
  JoinResult,
  MemberAssignment,
  SyncRequest,
  SyncResult,
} from '../group-requests.ts'
import { Waiter } from '../waiter.ts'
import type { GroupWorld } from './group-world.ts'

export interface FakeMemberOptions {
  readonly name: string
  readonly instanceId?: string
  /** Names in order of preference. */
  readonly protocols?: readonly string[]
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
  /** False for a client of old, which is let in at once. */
  readonly takesIdFirst?: boolean
  readonly skipsAssignment?: boolean
}

/** A request of a fake member, and what became of it. */
export interface Asked<Result> {
  result: Result | null
  readonly waiter: Waiter<Result>
}

/** A consumer without a socket. It does nothing by itself. */
export class FakeMember {
  readonly name: string
  readonly instanceId: string | null
  id: string = ''
  generation: number = -1
  isLeader: boolean = false
  /** What it says of itself; change it and join again. */
  protocols: readonly GroupProtocol[]
  readonly #options: FakeMemberOptions
  readonly #world: GroupWorld

  constructor(world: GroupWorld, options: FakeMemberOptions) {
    this.#world = world
    this.#options = options
    this.name = options.name
    this.instanceId = options.instanceId ?? null
    this.protocols = protocolsOf(options.protocols ?? ['range'], options.name)
  }

  /** Asks once. */
  askJoin(change: Partial<JoinRequest> = {}): Asked<JoinResult> {
    const asked = ask<JoinResult>((result) => {
      if (result.memberId !== '') this.id = result.memberId
      if (result.error !== 0) return
      this.generation = result.generation
      this.isLeader = result.leader === result.memberId
    })
    const { coordinator, groupId } = this.#world
    coordinator.join(groupId, { ...this.#joinRequest(), ...change }, asked.waiter)
    return asked
  }

  /** Joins as a client does: a second time when it was given an id. */
  join(): Asked<JoinResult> {
    const first = this.askJoin()
    return first.result?.error === 79 ? this.askJoin() : first
  }

  /** Leaders hand out `assignments`. */
  sync(
    assignments: readonly MemberAssignment[] = [],
    change: Partial<SyncRequest> = {},
  ): Asked<SyncResult> {
    const asked = ask<SyncResult>(() => {})
    const { coordinator, groupId } = this.#world
    const rest = { protocolType: null, protocol: null, assignments, ...change }
    coordinator.sync(groupId, { ...this.identity, ...rest }, asked.waiter)
    return asked
  }

  heartbeat(): number {
    const { coordinator, groupId } = this.#world
    return coordinator.heartbeat(groupId, this.identity)
  }

  commitError(): number {
    return this.#world.coordinator.checkCommit(this.#world.groupId, this.identity)
  }

  leave(): number {
    const { coordinator, groupId } = this.#world
    const { memberId, instanceId } = this.identity
    return coordinator.leave(groupId, [{ memberId, instanceId }]).members[0] ?? -1
  }

  get identity(): { memberId: string; instanceId: string | null; generation: number } {
    return { memberId: this.id, instanceId: this.instanceId, generation: this.generation }
  }

  #joinRequest(): JoinRequest {
    const options = this.#options
    return {
      memberId: this.id,
      instanceId: this.instanceId,
      clientId: this.name,
      clientHost: '/127.0.0.1',
      sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
      rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 60_000,
      protocolType: 'consumer',
      protocols: this.protocols,
      takesIdFirst: options.takesIdFirst ?? true,
      skipsAssignment: options.skipsAssignment ?? true,
    }
  }
}

export function protocolsOf(names: readonly string[], says: string): GroupProtocol[] {
  return names.map((name) => ({ name, metadata: Buffer.from(`${name} of ${says}`) }))
}

/** The answer, which must be there. */
export function answerOf<Result>(asked: Asked<Result>): Result {
  assert.notEqual(asked.result, null, 'not answered')
  return asked.result as Result
}

function ask<Result>(onResult: (result: Result) => void): Asked<Result> {
  const asked: Asked<Result> = {
    result: null,
    waiter: new Waiter((result) => {
      asked.result = result
      onResult(result)
    }),
  }
  return asked
}

/** Has all join, and the leader give each member its name. Returns once the group is stable. */
export function settle(world: GroupWorld, members: readonly FakeMember[]): void {
  const joins = members.map((member) => member.join())
  world.pass(20)
  for (const asked of joins) assert.equal(answerOf(asked).error, 0)
  const assignments = members.map(({ id, name }) => ({
    memberId: id,
    assignment: Buffer.from(name),
  }))
  const syncs = members.map((member) => member.sync(member.isLeader ? assignments : []))
  for (const [index, asked] of syncs.entries()) {
    assert.equal(answerOf(asked).assignment.toString(), members[index]?.name)
  }
  assert.equal(world.group.state, 'Stable')
}
