import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiKey, apiRanges } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import type { RequestBodies } from '../../packages/broker/src/protocols/kafka/codec/messages.ts'
import { startKafkaBroker, uniqueTopic, type KafkaBroker } from '../clients/support/kafka-broker.ts'
import { batchOf, createTopic, fetchBody, produceBody } from './records.ts'
import { WireClient, encodeFrame } from './wire-client.ts'

let broker: KafkaBroker
const topic = uniqueTopic('versions')

before(async () => {
  broker = await startKafkaBroker({ users: [{ name: 'ann', password: 'secret' }] })
})
after(() => broker.close())

for (const { key, name, versionMin, versionMax } of apiRanges) {
  for (let version = versionMin; version <= versionMax; version++) {
    test(`${name} version ${version} is answered in its own layout`, async () => {
      const client = await WireClient.connect(broker)
      await createTopic(client, topic)
      if (key === ApiKey.SaslAuthenticate) {
        await client.request(ApiKey.SaslHandshake, 1, { mechanism: 'PLAIN' })
      }
      const answer = await client.request(key, version, await bodyOf(key, version, client))
      assert.equal(errorOf(answer), 0, JSON.stringify(answer))
      client.destroy()
    })
  }
}

test('the versions listed are those of the table, Produce from 0 on', async () => {
  const client = await WireClient.connect(broker)
  for (const version of [0, 1, 2, 3, 4]) {
    const { apiKeys } = await client.request(ApiKey.ApiVersions, version, {
      clientSoftwareName: 'conformance',
      clientSoftwareVersion: '1.0',
    })
    assert.deepEqual(
      apiKeys,
      apiRanges.map(({ key, advertisedMin, versionMax }) => ({
        apiKey: key,
        minVersion: advertisedMin,
        maxVersion: versionMax,
      })),
    )
    assert.equal(apiKeys[0]?.minVersion, 0)
    assert.equal(apiKeys[0]?.maxVersion, 11)
  }
  client.destroy()
})

test('Produce below version 3 closes the connection, as Kafka 4 does', async () => {
  const client = await WireClient.connect(broker)
  const frame = encodeFrame(ApiKey.Produce, 3, produceBody(batchOf(['a']), { topic }))
  frame.writeInt16BE(2, 6)
  client.send(frame)
  await client.closed()
  assert.equal(client.frames.length, 0)
})

/** A request that succeeds. */
async function bodyOf(key: ApiKey, version: number, client: WireClient): Promise<object> {
  switch (key) {
    case ApiKey.Produce:
      return produceBody(batchOf(['a', 'b']), { topic })
    case ApiKey.Fetch:
      return version < 13 ? fetchBody({ topic, offset: 0 }) : fetchById(client)
    case ApiKey.ListOffsets:
      return {
        replicaId: -1,
        topics: [
          {
            name: topic,
            partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1 }],
          },
        ],
      }
    case ApiKey.Metadata:
      return { topics: [{ name: topic, topicId: Buffer.alloc(16) }], allowAutoTopicCreation: false }
    case ApiKey.ApiVersions:
      return { clientSoftwareName: 'conformance', clientSoftwareVersion: '1.0' }
    case ApiKey.SaslHandshake:
      return { mechanism: 'PLAIN' }
    case ApiKey.SaslAuthenticate:
      return { authBytes: Buffer.from('\0ann\0secret') }
    case ApiKey.InitProducerId:
      return { transactionalId: null, transactionTimeoutMs: 60_000 }
    default:
      return adminBodyOf(key, version)
  }
}

function adminBodyOf(key: ApiKey, version: number): object {
  const name = uniqueTopic('created')
  switch (key) {
    case ApiKey.CreateTopics:
      return {
        topics: [{ name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }],
        timeoutMs: 1000,
        validateOnly: false,
      }
    case ApiKey.DeleteTopics:
      // Deleting nothing succeeds.
      return { topics: [], topicNames: [], timeoutMs: 1000 }
    case ApiKey.DescribeConfigs:
      return {
        resources: [{ resourceType: 2, resourceName: topic, configurationKeys: null }],
        includeSynonyms: true,
        includeDocumentation: true,
      }
    default:
      return groupBodyOf(key, version)
  }
}

function groupBodyOf(key: ApiKey, version: number): object {
  const groupId = uniqueTopic('group')
  switch (key) {
    case ApiKey.FindCoordinator:
      return { key: groupId, keyType: 0, coordinatorKeys: [groupId] }
    case ApiKey.OffsetCommit:
      return commitBody(groupId)
    case ApiKey.OffsetFetch: {
      const topics = [{ name: topic, partitionIndexes: [0] }]
      return { groupId, topics, groups: [{ groupId, memberId: null, memberEpoch: -1, topics }] }
    }
    case ApiKey.JoinGroup:
      return {
        groupId,
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 1000,
        // A static member is let in at once from the version on that knows of such.
        groupInstanceId: version >= 5 ? 'static' : null,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.from([0, 1]) }],
      }
    default:
      return unknownMemberBody(groupId)
  }
}

function commitBody(groupId: string): Partial<RequestBodies[typeof ApiKey.OffsetCommit]> {
  const partition = {
    partitionIndex: 0,
    committedOffset: 1,
    committedLeaderEpoch: -1,
    committedMetadata: 'note',
  }
  const topics = [{ name: topic, partitions: [partition] }]
  return { groupId, generationIdOrMemberEpoch: -1, memberId: '', topics }
}

/** Heartbeat, LeaveGroup and SyncGroup of somebody who is in no group. */
function unknownMemberBody(groupId: string): object {
  const member = { memberId: 'nobody', groupInstanceId: null, reason: null }
  const protocol = { protocolType: 'consumer', protocolName: 'range' }
  return {
    groupId,
    generationId: 1,
    memberId: 'nobody',
    members: [member],
    assignments: [],
    ...protocol,
  }
}

async function fetchById(client: WireClient): Promise<object> {
  const topics = [{ name: topic, topicId: Buffer.alloc(16) }]
  const metadata = await client.request(ApiKey.Metadata, 12, { topics })
  const body = fetchBody({ topic: '', offset: 0 }) as RequestBodies[typeof ApiKey.Fetch]
  const topicId = metadata.topics[0]?.topicId ?? Buffer.alloc(16)
  return { ...body, topics: body.topics.map((each) => ({ ...each, topicId })) }
}

/** NONE, and what strangers to a group are to be told: UNKNOWN_MEMBER_ID, MEMBER_ID_REQUIRED. */
const fineCodes = new Set([0, 25, 79])

/** The first error code anywhere in an answer that is not fine; else 0. */
function errorOf(value: unknown): number {
  const found = JSON.stringify(value).matchAll(/"errorCode":(-?\d+)/g)
  for (const [, code] of found) if (!fineCodes.has(Number(code))) return Number(code)
  return 0
}
