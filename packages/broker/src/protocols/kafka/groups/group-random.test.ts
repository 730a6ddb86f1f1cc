import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JoinResult, SyncResult } from './group-requests.ts'
import { FakeMember, protocolsOf, type Asked } from './testing/fake-member.ts'
import { GroupWorld } from './testing/group-world.ts'

/*
 * Members that join, change, sync, fall silent, lose their connections, leave and come back in any order. Whatever
 * happens: no request is answered twice (Waiter asserts that), a generation has one leader and one
 * protocol, generations only grow, and an assignment is what that generation's leader sent. In the
 * end, when all behave, all are in one stable generation and nobody waits.
 */
const RUNS = 150
const STEPS = 400
const NAMES = ['a', 'b', 'c', 'd', 'e']

test('members that do anything in any order leave a sound group behind', (context) => {
  for (let run = 0; run < RUNS; run++) {
    const seed = 0x5eed + run * 7919
    try {
      new Chaos(seed).play()
    } catch (error) {
      context.diagnostic(`seed ${seed}`)
      throw error
    }
  }
})

interface Player {
  member: FakeMember
  readonly instanceId: string | null
  join: Asked<JoinResult> | null
  sync: { readonly asked: Asked<SyncResult>; readonly generation: number } | null
  /** Of the last generation that it was told of. */
  lastGeneration: number
}

class Chaos {
  readonly #world: GroupWorld = new GroupWorld()
  readonly #players: Player[]
  readonly #leaders = new Map<number, string>()
  /** By generation, then by member: what the leader sent. */
  readonly #sent = new Map<number, Map<string, string>>()
  #state: number
  #maxGeneration: number = 0

  constructor(seed: number) {
    this.#state = seed
    this.#players = NAMES.map((name, index) => {
      const instanceId = index >= 3 ? `i-${name}` : null
      return {
        member: this.#newMember(name, instanceId),
        instanceId,
        join: null,
        sync: null,
        lastGeneration: 0,
      }
    })
  }

  play(): void {
    for (let step = 0; step < STEPS; step++) {
      this.#act(this.#players[this.#below(NAMES.length)] as Player)
      this.#look()
    }
    this.#end()
  }

  #act(player: Player): void {
    switch (this.#below(12)) {
      case 0:
      case 1:
      case 2:
        return this.#join(player)
      case 3:
      case 4:
        return this.#syncOf(player)
      case 5:
        player.member.heartbeat()
        player.member.commitError()
        return
      case 6:
        player.member.leave()
        return
      case 7:
        player.member.protocols = protocolsOf(
          ['range', 'sticky'],
          `${player.member.name}${this.#below(3)}`,
        )
        return this.#join(player)
      case 8:
        player.join?.waiter.abandon()
        player.sync?.asked.waiter.abandon()
        player.join = null
        player.sync = null
        return
      case 9:
        // A restart: the new one knows nothing of the old, whose connections are gone.
        player.join?.waiter.abandon()
        player.sync?.asked.waiter.abandon()
        player.join = null
        player.sync = null
        player.member = this.#newMember(player.member.name, player.instanceId)
        return
      case 10:
        return this.#world.pass(this.#below(200))
      default:
        return this.#world.pass(this.#below(20) === 0 ? 12_000 : this.#below(2000))
    }
  }

  /** A client has one request under way; the one before it, if any, it has given up. */
  #join(player: Player): void {
    const before = player.join
    // Who has no id cannot say that it is the same one again.
    const isLost = player.member.id === '' || this.#below(2) === 0
    if (isLost) before?.waiter.abandon()
    player.join = player.member.join()
    if (before !== null && !isLost)
      assert.notEqual(before.result, null, 'what is given up is answered')
    const { result } = player.join
    if (result?.error === 25 || result?.error === 82) player.member.id = ''
  }

  #syncOf(player: Player): void {
    const { member } = player
    if (member.generation < 1) return
    const before = player.sync
    const generation = member.generation
    const isLeader = this.#leaders.get(generation) === member.id
    const text = `${generation}/${this.#below(1e9)}`
    const members = this.#world.group.members
    const assignments = members.map(({ memberId }) => {
      return { memberId, assignment: Buffer.from(`${memberId} ${text}`) }
    })
    if (isLeader && this.#world.group.state === 'CompletingRebalance') {
      const sent = new Map(assignments.map((each) => [each.memberId, each.assignment.toString()]))
      if (this.#world.group.generation === generation) this.#sent.set(generation, sent)
    }
    player.sync = { asked: member.sync(isLeader ? assignments : []), generation }
    for (const { assignment } of assignments) assignment.fill(0)
    if (
      before !== null &&
      before.asked !== player.sync.asked &&
      player.sync.asked.result === null
    ) {
      assert.notEqual(before.asked.result, null, 'what is given up is answered')
    }
  }

  #look(): void {
    const group = this.#world.coordinator.describe('g')
    if (group === undefined) return
    assert.ok(group.generation >= this.#maxGeneration, 'generations only grow')
    this.#maxGeneration = group.generation
    assert.ok(
      group.members.length === 0 || group.members.filter((each) => each.isLeader).length === 1,
    )
    assert.equal(group.members.length === 0 && group.state === 'Stable', false)
    for (const player of this.#players) this.#lookAt(player)
  }

  #lookAt(player: Player): void {
    const joined = player.join?.result
    if (player.join !== null && joined !== null && joined !== undefined) {
      player.join = null
      if (joined.error === 0) this.#checkJoined(joined)
      else if (joined.error === 25 || joined.error === 82) player.member.id = ''
    }
    const synced = player.sync?.asked.result
    if (player.sync !== null && synced !== null && synced !== undefined) {
      const { generation } = player.sync
      player.sync = null
      if (synced.error === 0) this.#checkSynced({ player, synced, generation })
    }
  }

  #checkJoined({ generation, leader, memberId, members }: JoinResult): void {
    const known = this.#leaders.get(generation)
    if (known === undefined) this.#leaders.set(generation, leader)
    // A static leader that came back leads on, under another id.
    else if (leader !== known) {
      assert.match(leader, /^i-/)
      this.#leaders.set(generation, leader)
    }
    if (leader !== memberId) assert.deepEqual(members, [])
    else assert.ok(members.some((each) => each.memberId === memberId))
  }

  #checkSynced({
    player,
    synced,
    generation,
  }: {
    player: Player
    synced: SyncResult
    generation: number
  }): void {
    const sent = this.#sent.get(generation)
    assert.ok(sent !== undefined, 'an assignment is answered after the leader has sent it')
    const expected = sent.get(player.member.id)
    // Static members have what their former selves were given.
    if (expected === undefined) assert.notEqual(player.instanceId, null)
    else assert.equal(synced.assignment.toString(), expected)
  }

  /** All behave: within a session's time they are together. */
  #end(): void {
    for (const player of this.#players) {
      player.join?.waiter.abandon()
      player.sync?.asked.waiter.abandon()
      player.member = this.#newMember(player.member.name, player.instanceId)
    }
    const joins: (Asked<JoinResult> | null)[] = this.#players.map(() => null)
    for (let i = 0; i < 40; i++) {
      for (const [index, { member }] of this.#players.entries()) {
        const asked = joins[index]
        const isWaiting = asked !== null && asked !== undefined && asked.result === null
        if (isWaiting) continue
        if (member.heartbeat() === 0) member.sync()
        else joins[index] = member.join()
      }
      this.#world.pass(1000)
    }
    for (const asked of joins) assert.notEqual(asked?.result, null, 'nobody waits for ever')
    const group = this.#world.group
    assert.equal(group.state, 'Stable')
    assert.equal(group.members.length, NAMES.length)
    for (const { member } of this.#players) assert.equal(member.heartbeat(), 0)
  }

  #newMember(name: string, instanceId: string | null): FakeMember {
    const protocols = ['range', 'sticky']
    const takesIdFirst = this.#below(3) > 0
    const times = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 6000 }
    const identity = instanceId === null ? {} : { instanceId }
    return new FakeMember(this.#world, { name, protocols, takesIdFirst, ...times, ...identity })
  }

  /** A linear congruential generator: the same in every run. */
  #below(bound: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#state / 2 ** 32) * bound)
  }
}
