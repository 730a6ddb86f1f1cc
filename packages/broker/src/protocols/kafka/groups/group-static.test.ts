import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KafkaError } from '../errors.ts'
import { answerOf, FakeMember, protocolsOf, settle } from './testing/fake-member.ts'
import { GroupWorld } from './testing/group-world.ts'

interface Pair {
  readonly world: GroupWorld
  /** Leads. */
  readonly a: FakeMember
  readonly b: FakeMember
}

/** Two static members in a stable group. */
function setUp({ skipsAssignment = true }: { skipsAssignment?: boolean } = {}): Pair {
  const world = new GroupWorld()
  const a = new FakeMember(world, { name: 'a', instanceId: 'ia', skipsAssignment })
  const b = new FakeMember(world, { name: 'b', instanceId: 'ib', skipsAssignment })
  settle(world, [a, b])
  return { world, a, b }
}

/** The same instance after a restart, when it knows nothing of its old id. */
function restarted(
  world: GroupWorld,
  {
    name,
    instanceId,
    skipsAssignment = true,
  }: {
    name: string
    instanceId: string
    skipsAssignment?: boolean
  },
): FakeMember {
  return new FakeMember(world, { name, instanceId, skipsAssignment })
}

test('a static member is let in with its first request and named for its instance', () => {
  const { a } = setUp()
  assert.match(a.id, /^ia-/)
})

test('a static member that comes back takes its place over and disturbs nobody', () => {
  const { world, a, b } = setUp()
  const back = restarted(world, { name: 'b', instanceId: 'ib' })
  const joined = answerOf(back.askJoin())
  assert.deepEqual([joined.error, joined.generation, joined.members], [KafkaError.NONE, 1, []])
  assert.equal(joined.skipAssignment, false)
  assert.notEqual(back.id, b.id)
  assert.equal(answerOf(back.sync()).assignment.toString(), 'b')
  assert.equal(a.heartbeat(), KafkaError.NONE)
  for (const error of [b.heartbeat(), b.commitError(), answerOf(b.sync()).error, b.leave()]) {
    assert.equal(error, KafkaError.FENCED_INSTANCE_ID)
  }
  assert.equal(answerOf(b.askJoin()).error, KafkaError.FENCED_INSTANCE_ID)
})

test('a static leader that comes back leads on but is told to share out nothing', () => {
  const { world } = setUp()
  const back = restarted(world, { name: 'a', instanceId: 'ia' })
  const joined = answerOf(back.askJoin())
  assert.equal(joined.leader, back.id)
  assert.equal(joined.skipAssignment, true)
  assert.equal(joined.members.length, 2)
  assert.equal(answerOf(back.sync()).assignment.toString(), 'a')
})

test('a static leader of old that comes back is told that its former self leads', () => {
  const { world, a } = setUp({ skipsAssignment: false })
  const back = restarted(world, { name: 'a', instanceId: 'ia', skipsAssignment: false })
  const joined = answerOf(back.askJoin())
  assert.equal(joined.leader, a.id)
  assert.equal(joined.skipAssignment, false)
  assert.deepEqual(joined.members, [])
})

test('a static member that comes back with another protocol starts a rebalance', () => {
  const world = new GroupWorld()
  const protocols = ['sticky', 'range']
  const a = new FakeMember(world, { name: 'a', instanceId: 'ia', protocols })
  settle(world, [a])
  const back = restarted(world, { name: 'a', instanceId: 'ia' })
  const joined = answerOf(back.askJoin({ protocols: protocolsOf(['range', 'sticky'], 'a') }))
  assert.deepEqual([joined.generation, joined.protocol], [2, 'range'])
})

test('a static member that comes back while the leader shares out starts a new generation', () => {
  const world = new GroupWorld()
  const a = new FakeMember(world, { name: 'a', instanceId: 'ia' })
  const b = new FakeMember(world, { name: 'b', instanceId: 'ib' })
  const joins = [a.join(), b.join()]
  world.pass(20)
  joins.forEach(answerOf)
  const waiting = b.sync()
  const back = restarted(world, { name: 'b', instanceId: 'ib' })
  const asked = back.askJoin()
  assert.equal(answerOf(waiting).error, KafkaError.FENCED_INSTANCE_ID)
  assert.equal(answerOf(a.sync()).error, KafkaError.REBALANCE_IN_PROGRESS)
  a.askJoin()
  assert.equal(answerOf(asked).generation, 2)
})

test('a static member that comes back while it waits to join fences the one that waits', () => {
  const { world, a, b } = setUp()
  b.protocols = protocolsOf(['range'], 'b anew')
  const waiting = b.askJoin()
  const oldId = b.id
  const back = restarted(world, { name: 'b', instanceId: 'ib' })
  const asked = back.askJoin()
  assert.deepEqual(
    [answerOf(waiting).error, answerOf(waiting).memberId],
    [KafkaError.FENCED_INSTANCE_ID, oldId],
  )
  a.askJoin()
  assert.equal(answerOf(asked).generation, 2)
})

test('static members that do not join again keep their place until their session ends', () => {
  const world = new GroupWorld()
  const times = { sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 5000 }
  const a = new FakeMember(world, { name: 'a', instanceId: 'ia', ...times })
  const b = new FakeMember(world, { name: 'b', instanceId: 'ib', ...times })
  settle(world, [a, b])
  a.protocols = protocolsOf(['range'], 'a anew')
  const asked = a.askJoin()
  world.pass(5010)
  const joined = answerOf(asked)
  assert.deepEqual(
    joined.members.map((each) => each.instanceId),
    ['ia', 'ib'],
  )
  a.sync([{ memberId: b.id, assignment: Buffer.from('kept') }])
  const back = restarted(world, { name: 'b', instanceId: 'ib' })
  answerOf(back.askJoin())
  assert.equal(answerOf(back.sync()).assignment.toString(), 'kept')
})

test('when all that are left are static and away, the next generation waits for one of them', () => {
  const world = new GroupWorld()
  const times = { sessionTimeoutMs: 100_000, rebalanceTimeoutMs: 5000 }
  const a = new FakeMember(world, { name: 'a', instanceId: 'ia', ...times })
  const b = new FakeMember(world, { name: 'b', ...times })
  settle(world, [a, b])
  b.leave()
  world.pass(12_000)
  assert.equal(world.group.state, 'PreparingRebalance')
  assert.equal(answerOf(a.askJoin()).generation, 2)
})

test('an operator removes a static member by its instance alone', () => {
  const { world, a } = setUp()
  const { members } = world.coordinator.leave('g', [
    { memberId: '', instanceId: 'ib' },
    { memberId: '', instanceId: 'nobody' },
    { memberId: 'x', instanceId: 'ia' },
  ])
  assert.deepEqual(members, [
    KafkaError.NONE,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_INSTANCE_ID,
  ])
  assert.equal(a.heartbeat(), KafkaError.REBALANCE_IN_PROGRESS)
})

test('a full group lets a static member that is in it come back', () => {
  const world = new GroupWorld({ membersMax: 1 })
  settle(world, [new FakeMember(world, { name: 'a', instanceId: 'ia' })])
  const back = restarted(world, { name: 'a', instanceId: 'ia' })
  assert.equal(answerOf(back.askJoin()).error, KafkaError.NONE)
})

test('a static member that is unknown under its id has to join anew', () => {
  const { world } = setUp()
  const stranger = restarted(world, { name: 'c', instanceId: 'ic' })
  assert.equal(answerOf(stranger.askJoin({ memberId: 'x' })).error, KafkaError.UNKNOWN_MEMBER_ID)
})

test('an id that was given to a dynamic member is none for a static one', () => {
  const world = new GroupWorld()
  const a = new FakeMember(world, { name: 'a', instanceId: 'i' })
  settle(world, [a])
  const b = new FakeMember(world, { name: 'b' })
  assert.equal(answerOf(b.askJoin()).error, KafkaError.MEMBER_ID_REQUIRED)
  const asA = answerOf(b.askJoin({ instanceId: 'i' }))
  assert.equal(asA.error, KafkaError.FENCED_INSTANCE_ID)
  const asNobody = answerOf(b.askJoin({ instanceId: 'j' }))
  assert.equal(asNobody.error, KafkaError.UNKNOWN_MEMBER_ID)
  assert.deepEqual(
    world.group.members.map(({ memberId }) => memberId),
    [a.id],
  )
  world.pass(100_000)
})
