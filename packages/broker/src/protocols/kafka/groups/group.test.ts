import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KafkaError } from '../errors.ts'
import { answerOf, FakeMember, protocolsOf, settle } from './testing/fake-member.ts'
import { GroupWorld } from './testing/group-world.ts'

test('a lone member is given an id, then leads the first generation after 20 ms', () => {
  const world = new GroupWorld()
  const member = new FakeMember(world, { name: 'a' })
  const first = answerOf(member.askJoin())
  assert.equal(first.error, KafkaError.MEMBER_ID_REQUIRED)
  assert.match(first.memberId, /^a-[0-9a-f]{8}-0000-4000-8000-[0-9a-f]{12}$/)
  const asked = member.askJoin()
  assert.equal(asked.result, null)
  world.pass(20)
  const joined = answerOf(asked)
  assert.deepEqual(
    { ...joined, members: joined.members.map((each) => each.metadata.toString()) },
    {
      error: KafkaError.NONE,
      generation: 1,
      protocolType: 'consumer',
      protocol: 'range',
      leader: member.id,
      skipAssignment: false,
      memberId: member.id,
      members: ['range of a'],
    },
  )
  const synced = answerOf(member.sync([{ memberId: member.id, assignment: Buffer.from('all') }]))
  assert.equal(synced.assignment.toString(), 'all')
  assert.equal(member.heartbeat(), KafkaError.NONE)
})

test('without a delay of the first generation a lone member joins in the call', () => {
  const world = new GroupWorld({ initialRebalanceDelayMs: 0 })
  assert.equal(answerOf(new FakeMember(world, { name: 'a' }).join()).generation, 1)
})

test('a client of old is let in with its first request', () => {
  const world = new GroupWorld()
  const asked = new FakeMember(world, { name: 'a', takesIdFirst: false }).askJoin()
  world.pass(20)
  assert.equal(answerOf(asked).error, KafkaError.NONE)
})

test('members that come together share the first generation; only the leader is told of all', () => {
  const world = new GroupWorld()
  const members = ['a', 'b', 'c'].map((name) => new FakeMember(world, { name }))
  const joins = members.map((member) => {
    world.pass(10)
    return member.join()
  })
  world.pass(20)
  const [a, b, c] = joins.map(answerOf)
  assert.deepEqual([a?.generation, b?.generation, c?.generation], [1, 1, 1])
  assert.deepEqual([a?.leader, b?.leader, c?.leader], [a?.memberId, a?.memberId, a?.memberId])
  assert.deepEqual(
    a?.members.map((each) => each.memberId),
    members.map((each) => each.id),
  )
  assert.deepEqual([b?.members, c?.members], [[], []])
})

test('ever more members put the first generation off by three seconds at most', () => {
  const world = new GroupWorld()
  const first = new FakeMember(world, { name: 'first' }).join()
  for (let i = 0; i < 400 && first.result === null; i++) {
    new FakeMember(world, { name: 'next', takesIdFirst: false }).join()
    world.pass(10)
  }
  assert.equal(answerOf(first).error, KafkaError.NONE)
  assert.ok(world.nowMs - 1_000_000 <= 3020)
})

test('the first generation waits for a member that has just been given its id', () => {
  const world = new GroupWorld()
  const [a, b] = [new FakeMember(world, { name: 'a' }), new FakeMember(world, { name: 'b' })]
  b.askJoin()
  const asked = a.join()
  world.pass(500)
  assert.equal(asked.result, null)
  b.askJoin()
  assert.equal(answerOf(asked).members.length, 2)
})

test('a client that vanishes with its new id holds the first generation up by three seconds only', () => {
  const world = new GroupWorld()
  new FakeMember(world, { name: 'gone' }).askJoin()
  const asked = new FakeMember(world, { name: 'a' }).join()
  world.pass(3000)
  assert.equal(asked.result, null)
  world.pass(30)
  assert.equal(answerOf(asked).members.length, 1)
})

test('an id that is not used within the session timeout is taken back', () => {
  const world = new GroupWorld()
  const member = new FakeMember(world, { name: 'a', sessionTimeoutMs: 6000 })
  member.askJoin()
  world.pass(6010)
  assert.equal(answerOf(member.askJoin()).error, KafkaError.UNKNOWN_MEMBER_ID)
})

test('the group ends empty when a pending member and all others go', () => {
  const world = new GroupWorld()
  const [a, b] = [new FakeMember(world, { name: 'a' }), new FakeMember(world, { name: 'b' })]
  settle(world, [a])
  b.askJoin()
  assert.equal(a.leave(), KafkaError.NONE)
  assert.equal(b.leave(), KafkaError.NONE)
  assert.equal(world.group.state, 'Empty')
  assert.equal(world.group.generation, 2)
})

test('a pending member that leaves disturbs nobody', () => {
  const world = new GroupWorld()
  const [a, b] = [new FakeMember(world, { name: 'a' }), new FakeMember(world, { name: 'b' })]
  settle(world, [a])
  b.askJoin()
  assert.equal(b.leave(), KafkaError.NONE)
  assert.equal(world.group.state, 'Stable')
})

test('joins that break a rule are refused with its code', () => {
  const world = new GroupWorld()
  settle(world, [new FakeMember(world, { name: 'a' })])
  const member = new FakeMember(world, { name: 'b' })
  const refused = (change: Parameters<FakeMember['askJoin']>[0]): number =>
    answerOf(member.askJoin(change)).error
  assert.equal(refused({ sessionTimeoutMs: 5999 }), KafkaError.INVALID_SESSION_TIMEOUT)
  assert.equal(refused({ sessionTimeoutMs: 1_800_001 }), KafkaError.INVALID_SESSION_TIMEOUT)
  assert.equal(refused({ memberId: 'nobody' }), KafkaError.UNKNOWN_MEMBER_ID)
  assert.equal(refused({ memberId: '', protocolType: '' }), KafkaError.INCONSISTENT_GROUP_PROTOCOL)
  assert.equal(refused({ memberId: '', protocols: [] }), KafkaError.INCONSISTENT_GROUP_PROTOCOL)
  assert.equal(
    refused({ memberId: '', protocolType: 'connect' }),
    KafkaError.INCONSISTENT_GROUP_PROTOCOL,
  )
  const others = protocolsOf(['roundrobin'], 'b')
  assert.equal(refused({ memberId: '', protocols: others }), KafkaError.INCONSISTENT_GROUP_PROTOCOL)
  const large = [{ name: 'range', metadata: Buffer.alloc(1_048_577) }]
  assert.equal(refused({ memberId: '', protocols: large }), KafkaError.MESSAGE_TOO_LARGE)
  assert.equal(world.group.members.length, 1)
})

test('an empty group refuses a member without protocols and takes one of another type', () => {
  const world = new GroupWorld()
  const member = new FakeMember(world, { name: 'a' })
  assert.equal(
    answerOf(member.askJoin({ protocols: [] })).error,
    KafkaError.INCONSISTENT_GROUP_PROTOCOL,
  )
  settle(world, [member])
  member.leave()
  const other = new FakeMember(world, { name: 'w', takesIdFirst: false })
  const asked = other.askJoin({ protocolType: 'connect' })
  world.pass(20)
  assert.equal(answerOf(asked).protocolType, 'connect')
})

test('the protocol with most votes among those that all know is chosen', () => {
  const world = new GroupWorld()
  const likes = [
    ['sticky', 'range', 'roundrobin'],
    ['roundrobin', 'range'],
    ['roundrobin', 'cooperative', 'range'],
  ]
  const members = likes.map(
    (protocols, index) => new FakeMember(world, { name: `m${index}`, protocols }),
  )
  const joins = members.map((member) => member.join())
  world.pass(20)
  for (const asked of joins) assert.equal(answerOf(asked).protocol, 'roundrobin')
  assert.deepEqual(
    joins.map(answerOf)[0]?.members.map((each) => each.metadata.toString()),
    ['roundrobin of m0', 'roundrobin of m1', 'roundrobin of m2'],
  )
})

test('a newcomer makes the others join again, and each assignment arrives whole', () => {
  const world = new GroupWorld()
  const [a, b] = [new FakeMember(world, { name: 'a' }), new FakeMember(world, { name: 'b' })]
  settle(world, [a])
  const asked = b.join()
  assert.equal(asked.result, null)
  assert.equal(a.heartbeat(), KafkaError.REBALANCE_IN_PROGRESS)
  assert.equal(answerOf(a.sync()).error, KafkaError.REBALANCE_IN_PROGRESS)
  const again = answerOf(a.join())
  assert.equal(again.generation, 2)
  assert.equal(again.leader, a.id)
  assert.equal(answerOf(asked).generation, 2)
  // Larger than a frame's chunk, and overwritten by the client's next frame.
  const large = Buffer.alloc(200_000, 'x')
  const waiting = b.sync()
  assert.equal(waiting.result, null)
  const own = answerOf(a.sync([{ memberId: b.id, assignment: large }]))
  assert.equal(own.assignment.length, 0)
  large.fill('y')
  assert.deepEqual(answerOf(waiting).assignment, Buffer.alloc(200_000, 'x'))
  assert.deepEqual(answerOf(b.sync()).assignment, Buffer.alloc(200_000, 'x'))
})

test('members that do not join again within the rebalance timeout are out', () => {
  const world = new GroupWorld()
  const [a, b, c] = ['a', 'b', 'c'].map((name) => {
    return new FakeMember(world, { name, sessionTimeoutMs: 100_000, rebalanceTimeoutMs: 5000 })
  }) as [FakeMember, FakeMember, FakeMember]
  settle(world, [a, b])
  const asked = c.join()
  const again = b.join()
  world.pass(4990)
  assert.equal(a.heartbeat(), KafkaError.REBALANCE_IN_PROGRESS)
  assert.equal(asked.result, null)
  world.pass(20)
  assert.equal(answerOf(asked).generation, 2)
  // The leader is out: one of those that joined leads.
  assert.equal(answerOf(again).leader, b.id)
  assert.equal(answerOf(again).members.length, 2)
  assert.equal(a.heartbeat(), KafkaError.UNKNOWN_MEMBER_ID)
})

test('a silent member is out after its session timeout and the rest rebalance', () => {
  const world = new GroupWorld()
  const [a, b] = [
    new FakeMember(world, { name: 'a', sessionTimeoutMs: 6000 }),
    new FakeMember(world, { name: 'b', sessionTimeoutMs: 30_000 }),
  ]
  settle(world, [a, b])
  world.pass(5000)
  assert.equal(a.heartbeat(), KafkaError.NONE)
  world.pass(5990)
  assert.equal(world.group.members.length, 2)
  world.pass(20)
  assert.equal(b.heartbeat(), KafkaError.REBALANCE_IN_PROGRESS)
  assert.equal(answerOf(b.join()).leader, b.id)
  assert.equal(world.group.members.length, 1)
})

test('a member that waits for its answer is not called silent', () => {
  const world = new GroupWorld()
  const [a, b] = [
    new FakeMember(world, { name: 'a', sessionTimeoutMs: 6000 }),
    new FakeMember(world, { name: 'b', sessionTimeoutMs: 6000 }),
  ]
  settle(world, [a])
  b.join()
  for (let i = 0; i < 10; i++) {
    world.pass(5000)
    a.heartbeat()
  }
  assert.equal(answerOf(a.join()).members.length, 2)
  const waiting = b.sync()
  for (let i = 0; i < 10; i++) {
    world.pass(5000)
    assert.equal(a.heartbeat(), KafkaError.NONE)
  }
  a.sync()
  assert.equal(answerOf(waiting).error, KafkaError.NONE)
})

test('members that never fetch their assignment are out after the rebalance timeout', () => {
  const world = new GroupWorld()
  const [a, b] = ['a', 'b'].map((name) => {
    return new FakeMember(world, { name, sessionTimeoutMs: 100_000, rebalanceTimeoutMs: 5000 })
  }) as [FakeMember, FakeMember]
  const joins = [a.join(), b.join()]
  world.pass(20)
  joins.forEach(answerOf)
  const waiting = b.sync()
  world.pass(5010)
  assert.equal(answerOf(waiting).error, KafkaError.REBALANCE_IN_PROGRESS)
  assert.equal(a.heartbeat(), KafkaError.UNKNOWN_MEMBER_ID)
  assert.equal(answerOf(b.join()).leader, b.id)
})

test('a new member that waits for five minutes is told to start over', () => {
  const world = new GroupWorld()
  const slow = { sessionTimeoutMs: 1_800_000, rebalanceTimeoutMs: 1_800_000 }
  const [a, b] = [
    new FakeMember(world, { name: 'a', ...slow }),
    new FakeMember(world, { name: 'b', ...slow }),
  ]
  settle(world, [a])
  const asked = b.join()
  world.pass(300_010)
  assert.equal(answerOf(asked).error, KafkaError.UNKNOWN_MEMBER_ID)
  assert.equal(answerOf(asked).memberId, '')
  assert.equal(answerOf(a.join()).members.length, 1)
})

test('a member of a stable group that joins unchanged keeps the generation, its leader does not', () => {
  const world = new GroupWorld()
  const [a, b] = [new FakeMember(world, { name: 'a' }), new FakeMember(world, { name: 'b' })]
  settle(world, [a, b])
  const again = answerOf(b.askJoin())
  assert.deepEqual([again.error, again.generation, again.members], [KafkaError.NONE, 1, []])
  assert.equal(answerOf(b.sync()).assignment.toString(), 'b')
  a.askJoin()
  assert.equal(world.group.state, 'PreparingRebalance')
})

test('a member that joins with something new to say starts a rebalance', () => {
  const world = new GroupWorld()
  const [a, b] = [new FakeMember(world, { name: 'a' }), new FakeMember(world, { name: 'b' })]
  settle(world, [a, b])
  b.protocols = protocolsOf(['range'], 'b with another topic')
  const asked = b.askJoin()
  assert.equal(asked.result, null)
  const told = answerOf(a.askJoin()).members.map((each) => each.metadata.toString())
  assert.deepEqual(told, ['range of a', 'range of b with another topic'])
})

test('while the leader shares out, an unchanged join is answered again and a changed one starts over', () => {
  const world = new GroupWorld()
  const [a, b] = [new FakeMember(world, { name: 'a' }), new FakeMember(world, { name: 'b' })]
  const joins = [a.join(), b.join()]
  world.pass(20)
  joins.forEach(answerOf)
  assert.equal(answerOf(a.askJoin()).members.length, 2)
  assert.equal(answerOf(b.askJoin()).generation, 1)
  const waiting = b.sync()
  a.protocols = protocolsOf(['range'], 'a anew')
  const asked = a.askJoin()
  assert.equal(answerOf(waiting).error, KafkaError.REBALANCE_IN_PROGRESS)
  b.askJoin()
  assert.equal(answerOf(asked).generation, 2)
})

test('a second join of a member ends the first, a second sync likewise', () => {
  const world = new GroupWorld()
  const [a, b] = [new FakeMember(world, { name: 'a' }), new FakeMember(world, { name: 'b' })]
  settle(world, [a, b])
  b.protocols = protocolsOf(['range'], 'b anew')
  const first = b.askJoin()
  const second = b.askJoin()
  assert.equal(answerOf(first).error, KafkaError.REBALANCE_IN_PROGRESS)
  a.askJoin()
  assert.equal(answerOf(second).generation, 2)
  const early = b.sync()
  const late = b.sync()
  assert.equal(answerOf(early).error, KafkaError.REBALANCE_IN_PROGRESS)
  a.sync([{ memberId: b.id, assignment: Buffer.from('x') }])
  assert.equal(answerOf(late).assignment.toString(), 'x')
})

test('requests of strangers and of other generations are told so', () => {
  const world = new GroupWorld()
  const member = new FakeMember(world, { name: 'a' })
  const { coordinator } = world
  const identity = { memberId: 'x', instanceId: null, generation: 1 }
  assert.equal(coordinator.heartbeat('', identity), KafkaError.INVALID_GROUP_ID)
  assert.equal(coordinator.heartbeat('nowhere', identity), KafkaError.UNKNOWN_MEMBER_ID)
  settle(world, [member])
  assert.equal(coordinator.heartbeat('g', identity), KafkaError.UNKNOWN_MEMBER_ID)
  member.generation = 2
  assert.equal(member.heartbeat(), KafkaError.ILLEGAL_GENERATION)
  assert.equal(answerOf(member.sync()).error, KafkaError.ILLEGAL_GENERATION)
  assert.equal(member.commitError(), KafkaError.ILLEGAL_GENERATION)
  member.generation = 1
  const inconsistent = KafkaError.INCONSISTENT_GROUP_PROTOCOL
  assert.equal(answerOf(member.sync([], { protocolType: 'connect' })).error, inconsistent)
  assert.equal(answerOf(member.sync([], { protocol: 'sticky' })).error, inconsistent)
  assert.equal(answerOf(member.sync([], { protocol: 'range' })).error, KafkaError.NONE)
  const tooMuch = [{ memberId: member.id, assignment: Buffer.alloc(16_777_217) }]
  assert.equal(answerOf(member.sync(tooMuch)).error, KafkaError.MESSAGE_TOO_LARGE)
})

test('several members leave at once, each with its own error, and the rest rebalance once', () => {
  const world = new GroupWorld()
  const [a, b, c] = ['a', 'b', 'c'].map((name) => new FakeMember(world, { name })) as [
    FakeMember,
    FakeMember,
    FakeMember,
  ]
  settle(world, [a, b, c])
  const leaving = [a, b].map(({ id }) => ({ memberId: id, instanceId: null }))
  const stranger = { memberId: 'x', instanceId: null }
  const twice = leaving[0] as { memberId: string; instanceId: null }
  const { error, members } = world.coordinator.leave('g', [...leaving, stranger, twice])
  assert.equal(error, KafkaError.NONE)
  const unknown = KafkaError.UNKNOWN_MEMBER_ID
  assert.deepEqual(members, [KafkaError.NONE, KafkaError.NONE, unknown, unknown])
  assert.equal(answerOf(c.join()).generation, 2)
})

test('a member that is removed while it waits is told that it is unknown', () => {
  const world = new GroupWorld()
  const [a, b] = [new FakeMember(world, { name: 'a' }), new FakeMember(world, { name: 'b' })]
  settle(world, [a])
  const joining = b.join()
  b.leave()
  assert.equal(answerOf(joining).error, KafkaError.UNKNOWN_MEMBER_ID)
  const c = new FakeMember(world, { name: 'c' })
  c.join()
  a.join()
  const waiting = c.sync()
  c.leave()
  assert.equal(answerOf(waiting).error, KafkaError.UNKNOWN_MEMBER_ID)
})

test('a full group refuses newcomers, those with a pending id not, and makes room when one leaves', () => {
  const world = new GroupWorld({ membersMax: 2 })
  const [a, b, c] = ['a', 'b', 'c'].map((name) => new FakeMember(world, { name })) as [
    FakeMember,
    FakeMember,
    FakeMember,
  ]
  settle(world, [a])
  assert.equal(answerOf(b.askJoin()).error, KafkaError.MEMBER_ID_REQUIRED)
  const refused = answerOf(c.askJoin())
  assert.deepEqual([refused.error, refused.memberId], [KafkaError.GROUP_MAX_SIZE_REACHED, ''])
  const asked = b.askJoin()
  a.askJoin()
  assert.equal(answerOf(asked).error, KafkaError.NONE)
  a.leave()
  assert.equal(answerOf(c.askJoin()).error, KafkaError.MEMBER_ID_REQUIRED)
})

test('a new member whose connection goes while it waits is gone, and nobody waits for it', () => {
  const world = new GroupWorld()
  const [a, b] = [new FakeMember(world, { name: 'a' }), new FakeMember(world, { name: 'b' })]
  settle(world, [a])
  const asked = b.join()
  asked.waiter.abandon()
  assert.equal(answerOf(a.join()).members.length, 1)
  assert.equal(asked.result, null)
})

test('a member whose connection goes while it waits has its session to come back in', () => {
  const world = new GroupWorld()
  const short = { sessionTimeoutMs: 6000 }
  const [a, b] = [
    new FakeMember(world, { name: 'a', ...short }),
    new FakeMember(world, { name: 'b', ...short }),
  ]
  settle(world, [a, b])
  b.protocols = protocolsOf(['range'], 'b anew')
  const lost = b.askJoin()
  world.pass(5000)
  a.heartbeat()
  lost.waiter.abandon()
  const waiting = a.askJoin()
  assert.equal(waiting.result, null)
  world.pass(5000)
  b.askJoin()
  assert.equal(answerOf(waiting).members.length, 2)
  const lostAgain = b.sync()
  lostAgain.waiter.abandon()
  world.pass(5000)
  a.heartbeat()
  world.pass(1010)
  assert.deepEqual(
    world.group.members.map((each) => each.memberId),
    [a.id],
  )
})

test('only the present members of a group with members may commit, and not before they are synced', () => {
  const world = new GroupWorld()
  const nobody = { memberId: '', instanceId: null, generation: -1 }
  const commit = (change: object): number =>
    world.coordinator.checkCommit('g', { ...nobody, ...change })
  assert.equal(commit({}), KafkaError.NONE)
  assert.equal(commit({ memberId: 'x' }), KafkaError.NONE)
  assert.equal(commit({ generation: 1, memberId: 'x' }), KafkaError.UNKNOWN_MEMBER_ID)
  const fresh = world.coordinator.checkCommit('fresh', { ...nobody, generation: 1, memberId: 'x' })
  assert.equal(fresh, KafkaError.GROUP_ID_NOT_FOUND)
  const [a, b] = [new FakeMember(world, { name: 'a' }), new FakeMember(world, { name: 'b' })]
  const joining = a.join()
  world.pass(20)
  answerOf(joining)
  assert.equal(a.commitError(), KafkaError.REBALANCE_IN_PROGRESS)
  a.sync()
  assert.equal(a.commitError(), KafkaError.NONE)
  assert.equal(commit({}), KafkaError.UNKNOWN_MEMBER_ID)
  assert.equal(commit({ memberId: a.id }), KafkaError.ILLEGAL_GENERATION)
  b.join()
  // While it hands over it may still say how far it came.
  assert.equal(a.commitError(), KafkaError.NONE)
})

test('a commit is a sign of life', () => {
  const world = new GroupWorld()
  const member = new FakeMember(world, { name: 'a', sessionTimeoutMs: 6000 })
  settle(world, [member])
  for (let i = 0; i < 5; i++) {
    world.pass(5000)
    assert.equal(member.commitError(), KafkaError.NONE)
  }
})

test('three rebalances at once end with every member known', () => {
  const world = new GroupWorld()
  const members = ['a', 'b', 'c', 'd'].map((name) => new FakeMember(world, { name }))
  const [a, b, c, d] = members as [FakeMember, FakeMember, FakeMember, FakeMember]
  settle(world, [a])
  b.join()
  a.join()
  // The second begins while the first shares out, the third while the second gathers.
  const joinOfC = c.join()
  d.askJoin()
  assert.equal(answerOf(a.sync()).error, KafkaError.REBALANCE_IN_PROGRESS)
  const joinOfB = b.join()
  a.join()
  assert.equal(joinOfC.result, null)
  d.askJoin()
  assert.equal(answerOf(joinOfB).generation, 3)
  assert.equal(answerOf(joinOfC).generation, 3)
  settle(world, members.slice(1).concat(a))
  for (const member of members) assert.equal(member.heartbeat(), KafkaError.NONE)
})
