import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { ApiKey } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import type { JoinGroupResponse } from '../../packages/broker/src/protocols/kafka/codec/messages/group.ts'
import { encodeFrame, WireClient } from '../kafka/wire-client.ts'
import { uniqueName } from './support/amqp-broker.ts'
import { eventually } from './support/eventually.ts'
import { startKafkaBroker, type KafkaBroker } from './support/kafka-broker.ts'

/* What well-behaved clients never do, or do not show. */
let broker: KafkaBroker
before(async () => {
  broker = await startKafkaBroker()
})
after(() => broker.close())

const asked = {
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('m') }],
}

/** Takes a member in, from the request for its id on. */
async function join(wire: WireClient, groupId: string): Promise<JoinGroupResponse> {
  const { memberId } = await wire.request(ApiKey.JoinGroup, 9, { ...asked, groupId, memberId: '' })
  return wire.request(ApiKey.JoinGroup, 9, { ...asked, groupId, memberId })
}

test('a join that waits is forgotten when its socket is gone, and the others go on without it', async (context) => {
  const [a, b] = await Promise.all([WireClient.connect(broker), WireClient.connect(broker)])
  const lost = connect({ host: broker.host, port: broker.port })
  context.after(() => [a, b, lost].forEach((each) => each.destroy()))
  const groupId = uniqueName('group')
  const { memberId, generationId } = await join(a, groupId)
  await a.request(ApiKey.SyncGroup, 3, { groupId, memberId, generationId, assignments: [] })
  const pending = await b.request(ApiKey.JoinGroup, 9, { ...asked, groupId, memberId: '' })
  lost.write(encodeFrame(ApiKey.JoinGroup, 9, { ...asked, groupId, memberId: pending.memberId }))
  const heartbeat = { groupId, memberId, generationId }
  await eventually('the rebalance that the other began', async () => {
    return (await a.request(ApiKey.Heartbeat, 3, heartbeat)).errorCode === 27
  })
  lost.resetAndDestroy()
  // By the time that these are answered the broker has seen it.
  for (let i = 0; i < 10; i++) await a.request(ApiKey.Heartbeat, 3, heartbeat)
  const again = await a.request(ApiKey.JoinGroup, 9, { ...asked, groupId, memberId })
  assert.equal(again.errorCode, 0)
  assert.deepEqual(
    again.members.map((each) => each.memberId),
    [memberId],
  )
})

test('a client of old joins, commits and fetches with the first versions of everything', async (context) => {
  const wire = await WireClient.connect(broker)
  context.after(() => wire.destroy())
  const [groupId, name] = [uniqueName('group'), uniqueName('topic')]
  await wire.request(ApiKey.Metadata, 0, { topics: [{ topicId: Buffer.alloc(16), name }] })
  const found = await wire.request(ApiKey.FindCoordinator, 0, { key: groupId })
  assert.deepEqual([found.errorCode, found.host, found.port], [0, broker.host, broker.port])
  const joined = await wire.request(ApiKey.JoinGroup, 0, { ...asked, groupId, memberId: '' })
  const { memberId, generationId } = joined
  const assignments = [{ memberId, assignment: Buffer.from('all') }]
  const synced = await wire.request(ApiKey.SyncGroup, 0, {
    groupId,
    memberId,
    generationId,
    assignments,
  })
  assert.equal(synced.assignment.toString(), 'all')
  const committed = await wire.request(ApiKey.OffsetCommit, 2, {
    groupId,
    memberId,
    generationIdOrMemberEpoch: generationId,
    topics: [
      {
        name,
        partitions: [
          {
            partitionIndex: 0,
            committedOffset: 7,
            committedLeaderEpoch: -1,
            committedMetadata: 'note',
          },
        ],
      },
    ],
  })
  assert.equal(committed.topics[0]?.partitions[0]?.errorCode, 0)
  const topics = [{ name, partitionIndexes: [0] }]
  const fetched = await wire.request(ApiKey.OffsetFetch, 1, { groupId, topics })
  assert.equal(fetched.topics[0]?.partitions[0]?.committedOffset, 7)
  assert.equal(fetched.topics[0]?.partitions[0]?.metadata, 'note')
  const left = await wire.request(ApiKey.LeaveGroup, 0, { groupId, memberId })
  assert.equal(left.errorCode, 0)
})
