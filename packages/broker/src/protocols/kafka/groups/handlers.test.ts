import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiKey } from '../codec/api-keys.ts'
import type {
  JoinGroupResponse,
  OffsetCommitResponse,
  OffsetFetchRequest,
  OffsetFetchResponse,
  SyncGroupResponse,
} from '../codec/messages/group.ts'
import { KafkaError } from '../errors.ts'
import * as handlers from './handlers.ts'
import { FakeHost, versionsOf, type FakeContext } from './testing/fake-context.ts'
import { GroupWorld } from './testing/group-world.ts'

function setUp(): FakeHost {
  const host = new FakeHost(new GroupWorld())
  host.addStream('s', 2)
  return host
}

const joinRequest = {
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 30_000,
  memberId: '',
  groupInstanceId: null,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('m') }],
  reason: null,
}

function join(
  host: FakeHost,
  version: number,
  change: object = {},
): FakeContext<typeof ApiKey.JoinGroup> {
  const asked = host.context(ApiKey.JoinGroup, version)
  handlers.joinGroup({ ...joinRequest, ...change }, asked.context)
  return asked
}

/** A member in a stable generation. */
function settle(
  host: FakeHost,
  { join: joinVersion = 9, sync: syncVersion = 5 } = {},
): {
  joined: JoinGroupResponse
  synced: SyncGroupResponse
} {
  let asked = join(host, joinVersion)
  const first = asked.bodies[0]
  if (first?.errorCode === KafkaError.MEMBER_ID_REQUIRED) {
    asked = join(host, joinVersion, { memberId: first.memberId })
  }
  host.world.pass(20)
  const joined = asked.bodies[0] as JoinGroupResponse
  const sync = host.context(ApiKey.SyncGroup, syncVersion)
  const { generationId, memberId } = joined
  const assignments = [{ memberId, assignment: Buffer.from('all') }]
  const names = syncVersion >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : NO_NAMES
  handlers.syncGroup(
    { groupId: 'g', generationId, memberId, groupInstanceId: null, ...names, assignments },
    sync.context,
  )
  return { joined, synced: sync.bodies[0] as SyncGroupResponse }
}

const NO_NAMES = { protocolType: null, protocolName: null }

test('every version of JoinGroup, SyncGroup, Heartbeat and LeaveGroup takes a member through its life', () => {
  for (const version of versionsOf(ApiKey.JoinGroup)) {
    const host = setUp()
    const { joined, synced } = settle(host, { join: version, sync: Math.min(5, version) })
    assert.equal(joined.errorCode, KafkaError.NONE, `version ${version}`)
    assert.equal(joined.protocolName, 'range')
    assert.equal(synced.assignment.toString(), 'all')
    const { memberId, generationId } = joined
    const heartbeat = host.context(ApiKey.Heartbeat, Math.min(4, version))
    const identity = { groupId: 'g', generationId, memberId, groupInstanceId: null }
    handlers.heartbeat(identity, heartbeat.context)
    assert.deepEqual(heartbeat.bodies, [{ throttleTimeMs: 0, errorCode: KafkaError.NONE }])
    const leave = host.context(ApiKey.LeaveGroup, Math.min(5, version))
    const members = version >= 3 ? [{ memberId, groupInstanceId: null, reason: null }] : []
    handlers.leaveGroup(
      { groupId: 'g', memberId: version >= 3 ? '' : memberId, members },
      leave.context,
    )
    assert.equal(leave.bodies[0]?.errorCode, KafkaError.NONE)
    assert.equal(leave.bodies[0]?.members[0]?.errorCode, KafkaError.NONE)
    assert.equal(host.world.group.state, 'Empty')
  }
})

test('refusals can be said in every version', () => {
  for (const version of versionsOf(ApiKey.JoinGroup)) {
    const [body] = join(setUp(), version, { memberId: 'x' }).bodies
    assert.equal(body?.errorCode, KafkaError.UNKNOWN_MEMBER_ID)
    assert.equal(body?.protocolName, version >= 7 ? null : '')
  }
  for (const version of versionsOf(ApiKey.SyncGroup)) {
    const asked = setUp().context(ApiKey.SyncGroup, version)
    const identity = { groupId: 'g', generationId: 1, memberId: 'x', groupInstanceId: null }
    handlers.syncGroup(
      { ...identity, protocolType: 'consumer', protocolName: 'range', assignments: [] },
      asked.context,
    )
    assert.equal(asked.bodies[0]?.errorCode, KafkaError.UNKNOWN_MEMBER_ID)
  }
  for (const version of versionsOf(ApiKey.LeaveGroup)) {
    const asked = setUp().context(ApiKey.LeaveGroup, version)
    const members = [{ memberId: 'x', groupInstanceId: null, reason: null }]
    handlers.leaveGroup({ groupId: 'g', memberId: 'x', members }, asked.context)
    const top = version >= 3 ? KafkaError.NONE : KafkaError.UNKNOWN_MEMBER_ID
    assert.equal(asked.bodies[0]?.errorCode, top)
    assert.equal(asked.bodies[0]?.members[0]?.errorCode, KafkaError.UNKNOWN_MEMBER_ID)
  }
})

test('JoinGroup 0 has one time for session and rebalance', () => {
  const host = setUp()
  join(host, 0, { rebalanceTimeoutMs: -1 })
  host.world.pass(20)
  // The member never syncs: the rebalance timeout evicts it.
  host.world.pass(9000)
  assert.equal(host.world.group.members.length, 1)
  host.world.pass(1100)
  assert.equal(host.world.group.members.length, 0)
})

test('SyncGroup 5 has to name the protocol', () => {
  const host = setUp()
  const { joined } = settle(host)
  const asked = host.context(ApiKey.SyncGroup, 5)
  const { memberId, generationId } = joined
  const identity = { groupId: 'g', generationId, memberId, groupInstanceId: null }
  handlers.syncGroup({ ...identity, ...NO_NAMES, assignments: [] }, asked.context)
  assert.equal(asked.bodies[0]?.errorCode, KafkaError.INCONSISTENT_GROUP_PROTOCOL)
})

test('a join whose connection closes is not answered and leaves no member behind', () => {
  const host = setUp()
  const asked = join(host, 3)
  assert.equal(asked.closed.length, 1)
  asked.closed[0]?.()
  host.world.pass(100)
  assert.deepEqual(asked.bodies, [])
  assert.deepEqual(host.world.group.members, [])
})

test('who may not read a group is refused everything about it', () => {
  const host = setUp()
  host.refused.add('read group g')
  const identity = { groupId: 'g', generationId: 1, memberId: 'x', groupInstanceId: null }
  const refused = KafkaError.GROUP_AUTHORIZATION_FAILED
  assert.equal(join(host, 9).bodies[0]?.errorCode, refused)
  const sync = host.context(ApiKey.SyncGroup, 5)
  handlers.syncGroup({ ...identity, ...NO_NAMES, assignments: [] }, sync.context)
  assert.equal(sync.bodies[0]?.errorCode, refused)
  const heartbeat = host.context(ApiKey.Heartbeat, 4)
  handlers.heartbeat(identity, heartbeat.context)
  assert.equal(heartbeat.bodies[0]?.errorCode, refused)
  const leave = host.context(ApiKey.LeaveGroup, 5)
  handlers.leaveGroup({ groupId: 'g', memberId: '', members: [] }, leave.context)
  assert.equal(leave.bodies[0]?.errorCode, refused)
  assert.equal(commit(host, {}).topics[0]?.partitions[0]?.errorCode, refused)
  assert.equal(fetch(host, { version: 9 }).groups[0]?.errorCode, refused)
  assert.equal(fetch(host, { version: 7 }).errorCode, refused)
  assert.equal(fetch(host, { version: 1 }).topics[0]?.partitions[0]?.errorCode, refused)
  assert.deepEqual(host.world.coordinator.list(), [])
})

test('every group’s coordinator is this node, at the address by which the client came', () => {
  for (const version of versionsOf(ApiKey.FindCoordinator)) {
    const host = setUp()
    const asked = host.context(ApiKey.FindCoordinator, version)
    handlers.findCoordinator({ key: 'g', keyType: 0, coordinatorKeys: ['g', 'h'] }, asked.context)
    const [body] = asked.bodies
    const found = {
      nodeId: 1,
      host: 'here',
      port: 9092,
      errorCode: KafkaError.NONE,
      errorMessage: null,
    }
    if (version < 4) assert.deepEqual({ ...found, ...body }, body)
    else
      assert.deepEqual(body?.coordinators, [
        { key: 'g', ...found },
        { key: 'h', ...found },
      ])
  }
})

test('there is no coordinator for transactions, unknown types, nameless groups and groups one may not see', () => {
  const host = setUp()
  host.refused.add('describe group secret')
  const errorOf = (key: string, keyType: number, version: number): number | undefined => {
    const asked = host.context(ApiKey.FindCoordinator, version)
    handlers.findCoordinator({ key, keyType, coordinatorKeys: [key] }, asked.context)
    const [body] = asked.bodies
    return version < 4 ? body?.errorCode : body?.coordinators[0]?.errorCode
  }
  for (const version of versionsOf(ApiKey.FindCoordinator)) {
    assert.equal(errorOf('t', 1, version), KafkaError.INVALID_REQUEST)
    assert.equal(errorOf('t', 7, version), KafkaError.INVALID_REQUEST)
    assert.equal(errorOf('', 0, version), KafkaError.INVALID_GROUP_ID)
    assert.equal(errorOf('secret', 0, version), KafkaError.GROUP_AUTHORIZATION_FAILED)
  }
})

interface Commit {
  readonly version?: number
  readonly topic?: string
  readonly partition?: number
  readonly metadata?: string | null
  readonly memberId?: string
  readonly generation?: number
  readonly offset?: number
}

function commit(host: FakeHost, options: Commit): OffsetCommitResponse {
  const {
    version = 9,
    topic = 's',
    partition = 0,
    metadata = 'note',
    memberId = '',
    generation = -1,
  } = options
  const asked = host.context(ApiKey.OffsetCommit, version)
  const committed = {
    committedOffset: options.offset ?? 42,
    committedLeaderEpoch: 3,
    committedMetadata: metadata,
  }
  const partitions = [{ partitionIndex: partition, ...committed }]
  handlers.offsetCommit(
    {
      groupId: 'g',
      generationIdOrMemberEpoch: generation,
      memberId,
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [{ name: topic, partitions }],
    },
    asked.context,
  )
  assert.equal(asked.bodies.length, 0, 'the answer waits until the commit is safe')
  host.makeSafe()
  return asked.bodies[0] as OffsetCommitResponse
}

function commitError(host: FakeHost, options: Commit): number | undefined {
  return commit(host, options).topics[0]?.partitions[0]?.errorCode
}

interface Fetch {
  readonly version: number
  readonly topics?: OffsetFetchRequest['topics']
}

function fetch(host: FakeHost, { version, topics }: Fetch): OffsetFetchResponse {
  const asked = host.context(ApiKey.OffsetFetch, version)
  const wanted = topics === undefined ? [{ name: 's', partitionIndexes: [0, 1] }] : topics
  const groups = [{ groupId: 'g', memberId: null, memberEpoch: -1, topics: wanted }]
  handlers.offsetFetch({ groupId: 'g', topics: wanted, groups, requireStable: true }, asked.context)
  return asked.bodies[0] as OffsetFetchResponse
}

test('a commit comes back with its metadata in every version, and what was never committed as -1', () => {
  for (const commitVersion of versionsOf(ApiKey.OffsetCommit)) {
    const host = setUp()
    assert.equal(commitError(host, { version: commitVersion }), KafkaError.NONE)
    for (const version of versionsOf(ApiKey.OffsetFetch)) {
      const body = fetch(host, { version })
      const topics = version >= 8 ? body.groups[0]?.topics : body.topics
      const at = { errorCode: KafkaError.NONE }
      assert.deepEqual(topics, [
        {
          name: 's',
          partitions: [
            {
              ...at,
              partitionIndex: 0,
              committedOffset: 42,
              committedLeaderEpoch: 3,
              metadata: 'note',
            },
            {
              ...at,
              partitionIndex: 1,
              committedOffset: -1,
              committedLeaderEpoch: -1,
              metadata: '',
            },
          ],
        },
      ])
    }
  }
})

test('without topics all commits are fetched, less those one may not see', () => {
  const host = setUp()
  host.addStream('t', 1)
  commit(host, { metadata: null })
  commit(host, { topic: 't' })
  const names = (version: number): string[] | undefined => {
    const body = fetch(host, { version, topics: null })
    return (version >= 8 ? body.groups[0]?.topics : body.topics)?.map((each) => each.name)
  }
  for (const version of [2, 7, 8, 9]) assert.deepEqual(names(version), ['s', 't'])
  host.refused.add('describe stream t')
  assert.deepEqual(names(9), ['s'])
  const refused = fetch(host, { version: 9, topics: [{ name: 't', partitionIndexes: [0] }] })
  const partition = refused.groups[0]?.topics[0]?.partitions[0]
  assert.equal(partition?.errorCode, KafkaError.TOPIC_AUTHORIZATION_FAILED)
  assert.equal(partition?.committedOffset, -1)
})

test('a commit to what does not exist, what one may not read, or with too much to say is refused', () => {
  const host = setUp()
  host.addStream('secret', 1)
  host.refused.add('read stream secret')
  assert.equal(commitError(host, { topic: 'nowhere' }), KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
  assert.equal(commitError(host, { partition: 2 }), KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
  assert.equal(commitError(host, { partition: -1 }), KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
  assert.equal(commitError(host, { topic: 'secret' }), KafkaError.TOPIC_AUTHORIZATION_FAILED)
  assert.equal(
    commitError(host, { metadata: 'x'.repeat(4097) }),
    KafkaError.OFFSET_METADATA_TOO_LARGE,
  )
  assert.equal(commitError(host, { metadata: 'x'.repeat(4096) }), KafkaError.NONE)
})

test('a commit for a generation that is not is refused', () => {
  const host = setUp()
  assert.equal(commitError(host, { generation: 5, version: 9 }), KafkaError.GROUP_ID_NOT_FOUND)
  assert.equal(commitError(host, { generation: 5, version: 8 }), KafkaError.ILLEGAL_GENERATION)
  const { memberId, generationId } = settle(host).joined
  assert.equal(commitError(host, {}), KafkaError.UNKNOWN_MEMBER_ID)
  assert.equal(commitError(host, { memberId, generation: 9 }), KafkaError.ILLEGAL_GENERATION)
  assert.equal(commitError(host, { memberId: 'x', generation: 1 }), KafkaError.UNKNOWN_MEMBER_ID)
  assert.equal(commitError(host, { memberId, generation: generationId }), KafkaError.NONE)
})

test('a topic that was deleted and made again has no commits', () => {
  const host = setUp()
  commit(host, {})
  const old = host.streams.get('s')
  if (old !== undefined) old.deleted = true
  host.addStream('s', 2)
  const committed = fetch(host, { version: 7 }).topics[0]?.partitions[0]?.committedOffset
  assert.equal(committed, -1)
})
