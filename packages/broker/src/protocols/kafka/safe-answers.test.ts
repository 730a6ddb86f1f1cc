import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeStore } from '../../testing/fake-store.ts'
import { FakeKafkaClient } from '../../testing/kafka-client.ts'
import { TestBroker } from '../../testing/test-broker.ts'
import { ApiKey } from './codec/api-keys.ts'
import { KafkaHead } from './head.ts'

interface Rig {
  readonly world: TestBroker
  readonly head: KafkaHead
  readonly client: FakeKafkaClient
  /** The disk has all. */
  sync(): void
}

function newRig(): Rig {
  const store = new FakeStore()
  const world = new TestBroker({ store })
  const head = new KafkaHead(world.broker)
  const sync = (): void => {
    store.sync(world.broker)
    world.run()
  }
  world.run()
  sync()
  return { world, head, client: new FakeKafkaClient(world, head), sync }
}

test('a topic is told of when the disk has it: to who made it, and to who asks about it', () => {
  const rig = newRig()
  const other = new FakeKafkaClient(rig.world, rig.head)
  const topic = { name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  rig.client.send(ApiKey.CreateTopics, 5, {
    topics: [topic],
    timeoutMs: 1000,
    validateOnly: false,
  })
  const question = { topics: [{ name: 't', topicId: Buffer.alloc(16) }] }
  other.send(ApiKey.Metadata, 9, question)
  assert.equal(rig.client.takeFrames().length + other.takeFrames().length, 0)
  rig.sync()
  const [[, created] = []] = rig.client.takeAnswers(ApiKey.CreateTopics, 5)
  assert.equal(created?.topics[0]?.errorCode, 0)
  const [[, described] = []] = other.takeAnswers(ApiKey.Metadata, 9)
  assert.equal(described?.topics[0]?.errorCode, 0)
  assert.equal(described.clusterId, rig.world.broker.identity.clusterId)
  other.send(ApiKey.Metadata, 9, { ...question, allowAutoTopicCreation: true })
  assert.equal(other.takeFrames().length, 1, 'what is safe is told at once')
  rig.client.send(ApiKey.DeleteTopics, 5, { topicNames: ['t'], timeoutMs: 1000 })
  other.send(ApiKey.Metadata, 9, question)
  assert.equal(rig.client.takeFrames().length + other.takeFrames().length, 0)
  rig.sync()
  assert.equal(rig.client.takeFrames().length + other.takeFrames().length, 2)
})

test('a topic that is made because somebody asks about it is told of when the disk has it', () => {
  const rig = newRig()
  const topics = [{ name: 't', topicId: Buffer.alloc(16) }]
  rig.client.send(ApiKey.Metadata, 9, { topics, allowAutoTopicCreation: true })
  assert.equal(rig.client.takeFrames().length, 0)
  rig.sync()
  assert.equal(rig.client.takeFrames().length, 1)
})

test('the id of a producer is told when it is written down that it has been given', () => {
  const rig = newRig()
  rig.client.send(ApiKey.InitProducerId, 1, { transactionalId: null, transactionTimeoutMs: 0 })
  assert.equal(rig.client.takeFrames().length, 0)
  rig.sync()
  const [[, first] = []] = rig.client.takeAnswers(ApiKey.InitProducerId, 1)
  rig.client.send(ApiKey.InitProducerId, 1, { transactionalId: null, transactionTimeoutMs: 0 })
  const [[, second] = []] = rig.client.takeAnswers(ApiKey.InitProducerId, 1)
  assert.equal(second?.producerId, (first?.producerId ?? 0) + 1, 'of the same block, at once')
})

test('a request whose change may be lost is not answered when the disk fails', async () => {
  const rig = newRig()
  rig.client.send(ApiKey.InitProducerId, 1, { transactionalId: null, transactionTimeoutMs: 0 })
  rig.world.broker.completions.storageFailed(new Error('EIO'))
  rig.world.run()
  await new Promise(setImmediate)
  assert.equal(rig.client.takeFrames().length, 0)
  assert.ok(rig.client.ended)
})

/** Commits an offset of a group that has no members. */
function commitOffset({ client }: Rig, committedOffset: number): void {
  const partitions = [
    { partitionIndex: 0, committedOffset, committedLeaderEpoch: -1, committedMetadata: '' },
  ]
  client.send(ApiKey.OffsetCommit, 7, {
    groupId: 'g',
    generationIdOrMemberEpoch: -1,
    memberId: '',
    groupInstanceId: null,
    retentionTimeMs: -1,
    topics: [{ name: 't', partitions }],
  })
}

test('a committed offset is acknowledged, and told of, when the disk has it', () => {
  const rig = newRig()
  const other = new FakeKafkaClient(rig.world, rig.head)
  const { streams } = rig.world.vhost
  const config = streams.defaultConfig
  streams.create('t', { partitions: 1, config, settings: new Map() })
  rig.world.run()
  rig.sync()
  const ask = (): void => {
    const topics = [{ name: 't', partitionIndexes: [0] }]
    other.send(ApiKey.OffsetFetch, 7, { groupId: 'g', topics, requireStable: true })
  }
  ask()
  assert.equal(other.takeFrames().length, 1)
  commitOffset(rig, 7)
  ask()
  assert.equal(rig.client.takeFrames().length + other.takeFrames().length, 0)
  rig.sync()
  const [[, committed] = []] = rig.client.takeAnswers(ApiKey.OffsetCommit, 7)
  assert.equal(committed?.topics[0]?.partitions[0]?.errorCode, 0)
  const [[, told] = []] = other.takeAnswers(ApiKey.OffsetFetch, 7)
  assert.equal(told?.topics[0]?.partitions[0]?.committedOffset, 7)
})
