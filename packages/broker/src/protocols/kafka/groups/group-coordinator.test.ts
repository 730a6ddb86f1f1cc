import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KafkaError } from '../errors.ts'
import { answerOf, FakeMember, settle } from './testing/fake-member.ts'
import { GroupWorld } from './testing/group-world.ts'

const DAY_MS = 86_400_000
const INTERVAL_MS = 600_000
const nobody = { memberId: '', instanceId: null, generation: -1 }

function commit(
  world: GroupWorld,
  {
    group = 'g',
    retentionMs = null,
  }: {
    group?: string
    retentionMs?: number | null
  } = {},
): void {
  const committedMs = 1_700_000_000_000 + world.nowMs
  const place = { stream, partition: 0 }
  const rest = { leaderEpoch: -1, metadata: '', committedMs, retentionMs }
  world.coordinator.offsets.commit(group, [{ ...place, commit: { offset: 7, ...rest } }])
}

const stream = { name: 's', id: Buffer.alloc(16, 1), deleted: false }
const place = { group: 'g', stream, partition: 0 }

test('commits live for seven days after the last member went', () => {
  const world = new GroupWorld({ sessionTimeoutMsMax: 100 * DAY_MS })
  const member = new FakeMember(world, { name: 'a', sessionTimeoutMs: 100 * DAY_MS })
  settle(world, [member])
  commit(world)
  world.jump(30 * DAY_MS)
  assert.notEqual(world.coordinator.offsets.find(place), undefined)
  member.leave()
  world.jump(7 * DAY_MS - 1000)
  assert.equal(world.coordinator.offsets.find(place)?.offset, 7)
  world.jump(INTERVAL_MS)
  assert.equal(world.coordinator.offsets.find(place), undefined)
  assert.equal(world.coordinator.describe('g'), undefined)
})

test('commits of a group that never had members live for seven days each', () => {
  const world = new GroupWorld()
  assert.equal(world.coordinator.checkCommit('g', nobody), KafkaError.NONE)
  commit(world)
  world.jump(6 * DAY_MS)
  commit(world)
  world.jump(6 * DAY_MS)
  assert.equal(world.coordinator.offsets.find(place)?.offset, 7)
  world.jump(DAY_MS + INTERVAL_MS)
  assert.equal(world.coordinator.offsets.find(place), undefined)
})

test('a commit of old may say how long it lives', () => {
  const world = new GroupWorld()
  world.coordinator.checkCommit('g', nobody)
  commit(world, { retentionMs: 1000 })
  world.jump(INTERVAL_MS)
  assert.equal(world.coordinator.offsets.find(place), undefined)
})

test('groups without members and commits are forgotten, however many', () => {
  const world = new GroupWorld()
  for (let i = 0; i < 1200; i++) {
    world.coordinator.checkCommit(`g${i}`, nobody)
    if (i % 2 === 0) commit(world, { group: `g${i}` })
  }
  world.jump(INTERVAL_MS)
  world.pass(100)
  assert.equal(world.coordinator.list().length, 600)
})

test('commits in a stream that was deleted are gone', () => {
  const world = new GroupWorld()
  const deleted = { name: 'd', id: Buffer.alloc(16, 2), deleted: false }
  world.coordinator.checkCommit('g', nobody)
  const rest = { leaderEpoch: -1, metadata: '', committedMs: 0, retentionMs: null }
  const commits = [{ stream: deleted, partition: 0, commit: { offset: 1, ...rest } }]
  world.coordinator.offsets.commit('g', commits)
  deleted.deleted = true
  assert.deepEqual(world.coordinator.offsets.of('g'), [])
  world.jump(INTERVAL_MS)
  assert.equal(world.coordinator.offsets.bytes, 0)
})

test('a group is removed only when it has no members', () => {
  const world = new GroupWorld()
  const member = new FakeMember(world, { name: 'a' })
  assert.equal(world.coordinator.remove('g'), KafkaError.GROUP_ID_NOT_FOUND)
  settle(world, [member])
  commit(world)
  assert.equal(world.coordinator.remove('g'), KafkaError.NON_EMPTY_GROUP)
  member.leave()
  assert.equal(world.coordinator.remove('g'), KafkaError.NONE)
  assert.equal(world.coordinator.offsets.find(place), undefined)
  assert.deepEqual(world.coordinator.list(), [])
})

test('a group without a name is refused', () => {
  const world = new GroupWorld({}, '')
  const asked = new FakeMember(world, { name: 'a' }).join()
  assert.equal(answerOf(asked).error, KafkaError.INVALID_GROUP_ID)
  assert.equal(world.coordinator.leave('', []).error, KafkaError.INVALID_GROUP_ID)
})

test('closing answers whoever waits and leaves no timer that does anything', () => {
  const world = new GroupWorld()
  const [a, b] = [new FakeMember(world, { name: 'a' }), new FakeMember(world, { name: 'b' })]
  settle(world, [a])
  const waiting = b.join()
  world.coordinator.close()
  assert.equal(answerOf(waiting).error, KafkaError.NOT_COORDINATOR)
  world.pass(100_000)
})

test('a member id fits the wire whatever the client calls itself, and is the same when it comes back', () => {
  const world = new GroupWorld()
  const member = new FakeMember(world, { name: '🐘'.repeat(10_000) })
  member.askJoin()
  assert.ok(Buffer.byteLength(member.id) < 300)
  assert.equal(Buffer.from(member.id).toString(), member.id)
})

test('operators see who is in a group and what each has', () => {
  const world = new GroupWorld()
  const [a, b] = [
    new FakeMember(world, { name: 'a' }),
    new FakeMember(world, { name: 'b', instanceId: 'i' }),
  ]
  settle(world, [a, b])
  const described = world.group
  assert.deepEqual(
    [
      described.id,
      described.state,
      described.protocolType,
      described.protocol,
      described.generation,
    ],
    ['g', 'Stable', 'consumer', 'range', 1],
  )
  assert.deepEqual(described.members[1], {
    memberId: b.id,
    instanceId: 'i',
    clientId: 'b',
    clientHost: '/127.0.0.1',
    isLeader: false,
    metadata: Buffer.from('range of b'),
    assignment: Buffer.from('b'),
  })
})

test('members of all groups together say no more than there is room for, and who is in stays in', () => {
  const world = new GroupWorld({ membersBytesMax: 10_000 })
  const a = new FakeMember(world, { name: 'a', takesIdFirst: false })
  const b = new FakeMember(world, { name: 'b', takesIdFirst: false })
  a.protocols = [{ name: 'range', metadata: Buffer.alloc(4000) }]
  b.protocols = a.protocols
  settle(world, [a])
  assert.equal(answerOf(b.join()).error, KafkaError.COORDINATOR_NOT_AVAILABLE)
  // What a member says instead of what it said before is no addition.
  for (let fill = 1; fill < 10; fill++) {
    a.protocols = [{ name: 'range', metadata: Buffer.alloc(4000, fill) }]
    assert.equal(answerOf(a.join()).error, KafkaError.NONE)
    const assignments = [{ memberId: a.id, assignment: Buffer.alloc(2000) }]
    assert.equal(answerOf(a.sync(assignments)).error, KafkaError.NONE)
  }
  a.protocols = [{ name: 'range', metadata: Buffer.alloc(4000, 77) }]
  assert.equal(answerOf(a.join()).error, KafkaError.NONE)
  const large = [{ memberId: a.id, assignment: Buffer.alloc(6000) }]
  assert.equal(answerOf(a.sync(large)).error, KafkaError.COORDINATOR_NOT_AVAILABLE)
  a.leave()
  assert.notEqual(b.join().result?.error, KafkaError.COORDINATOR_NOT_AVAILABLE)
  world.pass(20)
  assert.equal(world.group.members.length, 1)
})

test('a group that an earlier process had is known by its commits, which expire in their time', () => {
  const world = new GroupWorld()
  commit(world)
  assert.equal(world.group.state, 'Empty')
  assert.deepEqual(
    world.coordinator.list().map(({ id }) => id),
    ['g'],
  )
  const later = world.restart()
  later.jump(7 * DAY_MS - INTERVAL_MS)
  assert.equal(later.coordinator.offsets.find(place)?.offset, 7)
  later.jump(2 * INTERVAL_MS)
  assert.equal(later.coordinator.offsets.isEmpty, true)
  assert.deepEqual(later.coordinator.list(), [])
})

test('a group that is known by its commits alone can be removed', () => {
  const world = new GroupWorld()
  commit(world)
  assert.equal(world.coordinator.remove('g'), KafkaError.NONE)
  assert.equal(world.coordinator.offsets.isEmpty, true)
  assert.equal(world.coordinator.remove('g'), KafkaError.GROUP_ID_NOT_FOUND)
})

test('commits that were in use outlive a restart, however old they were', () => {
  const world = new GroupWorld({ sessionTimeoutMsMax: 100 * DAY_MS })
  const member = new FakeMember(world, { name: 'a', sessionTimeoutMs: 100 * DAY_MS })
  settle(world, [member])
  commit(world)
  for (let day = 0; day < 30; day++) world.jump(DAY_MS)
  const later = world.restart()
  later.jump(5 * DAY_MS)
  assert.equal(later.coordinator.offsets.find(place)?.offset, 7)
  later.jump(3 * DAY_MS)
  assert.equal(later.coordinator.offsets.find(place), undefined)
})
