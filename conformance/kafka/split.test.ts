import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiKey } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import type { JoinGroupResponse } from '../../packages/broker/src/protocols/kafka/codec/messages/group.ts'
import { KafkaError } from '../../packages/broker/src/protocols/kafka/errors.ts'
import { startKafkaBroker, uniqueTopic, type KafkaBroker } from '../clients/support/kafka-broker.ts'
import { batchOf, createTopic, produce, produceBody, recordsOf } from './records.ts'
import { WireClient, encodeFrame } from './wire-client.ts'

/*
 * A frame that comes in two pieces is shown to its session in memory that all connections share: what
 * a session kept of it beyond the call would be overwritten by the next such frame of anybody.
 */

let broker: KafkaBroker
let noise: WireClient
let topic: string
let topicId: Buffer

before(async () => {
  broker = await startKafkaBroker({ users: [{ name: 'ann', password: 'secret' }] })
  noise = await WireClient.connect(broker)
  topic = uniqueTopic('split')
  await createTopic(noise, topic)
  const named = [{ name: topic, topicId: Buffer.alloc(16) }]
  topicId = (await noise.request(ApiKey.Metadata, 12, { topics: named })).topics[0]!.topicId
})
after(async () => {
  noise.destroy()
  await broker.close()
})

/** Long enough for the broker to have read what was sent. */
async function pause(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve))
}

async function sendSplit(client: WireClient, frame: Buffer, at: number): Promise<void> {
  client.send(frame.subarray(0, at))
  await pause()
  client.send(frame.subarray(at))
  await pause()
}

/** Another connection's split frame, larger than those of the tests and full of 0xee. */
async function overwrite(): Promise<void> {
  const authBytes = Buffer.alloc(4000, 0xee)
  const frame = encodeFrame(ApiKey.ApiVersions, 0, {}, 1)
  const long = Buffer.concat([frame, authBytes])
  long.writeInt32BE(long.length - 4)
  await sendSplit(noise, long, 2000)
  await noise.answer(ApiKey.ApiVersions, 0, 1)
}

/** Sends the frame on a connection of its own for each place where it can be split, noise behind it. */
async function everySplit(frameOf: (at: number) => Buffer): Promise<WireClient[]> {
  const clients: WireClient[] = []
  for (let at = 1; at < frameOf(0).length; at++) {
    const client = await WireClient.connect(broker)
    await sendSplit(client, frameOf(at), at)
    await overwrite()
    clients.push(client)
  }
  return clients
}

function joinFrame(group: string): Buffer {
  return encodeFrame(ApiKey.JoinGroup, 9, {
    groupId: group,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    groupInstanceId: 'instance',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from('metadata of one member') }],
  })
}

function syncFrame(group: string, { generationId, memberId }: JoinGroupResponse): Buffer {
  return encodeFrame(ApiKey.SyncGroup, 5, {
    groupId: group,
    generationId,
    memberId,
    groupInstanceId: 'instance',
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId, assignment: Buffer.from('assignment of one member') }],
  })
}

test('what members say outlives the frame that said it', async () => {
  const prefix = uniqueTopic('g')
  const groupOf = (at: number): string => `${prefix}-${1000 + at}`
  const clients = await everySplit((at) => joinFrame(groupOf(at)))
  for (const [index, client] of clients.entries()) {
    const group = groupOf(index + 1)
    const joined = await client.answer(ApiKey.JoinGroup, 9, 1)
    assert.equal(joined.members[0]?.metadata.toString(), 'metadata of one member')
    assert.equal(joined.members[0].groupInstanceId, 'instance')
    const frame = syncFrame(group, joined)
    await sendSplit(client, frame, 1 + (index % (frame.length - 1)))
    await overwrite()
    assert.equal((await client.answer(ApiKey.SyncGroup, 5, 1)).errorCode, KafkaError.NONE)
    // Asked again, the group answers from what it has kept.
    client.send(frame)
    const { assignment } = await client.answer(ApiKey.SyncGroup, 5, 1)
    assert.equal(assignment.toString(), 'assignment of one member')
    client.destroy()
  }
})

test('a fetch by topic id that waits outlives its frame', async () => {
  const partition = {
    partition: 0,
    currentLeaderEpoch: -1,
    fetchOffset: 0,
    lastFetchedEpoch: -1,
    logStartOffset: -1,
    partitionMaxBytes: 1000,
    replicaDirectoryId: Buffer.alloc(16),
  }
  const topics = [{ topic: '', topicId, partitions: [partition] }]
  const body = { maxWaitMs: 20_000, minBytes: 1, maxBytes: 1000, rackId: 'rack', topics }
  const frame = encodeFrame(ApiKey.Fetch, 13, body)
  const clients = await everySplit(() => frame)
  await produce(noise, batchOf(['a']), { topic })
  for (const client of clients) {
    const { responses } = await client.answer(ApiKey.Fetch, 13, 1)
    assert.deepEqual(responses[0]?.topicId, topicId)
    assert.deepEqual(recordsOf(responses[0].partitions[0]!), [{ offset: 0, value: 'a' }])
    client.destroy()
  }
})

test('what was committed and produced is what was sent', async () => {
  const group = uniqueTopic('g')
  const partitions = [
    { partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: 0, committedMetadata: 'note' },
  ]
  const commit = encodeFrame(ApiKey.OffsetCommit, 8, {
    groupId: group,
    generationIdOrMemberEpoch: -1,
    topics: [{ name: topic, partitions }],
  })
  for (const client of await everySplit(() => commit)) {
    const answer = await client.answer(ApiKey.OffsetCommit, 8, 1)
    assert.deepEqual(answer.topics[0]?.name, topic)
    assert.equal(answer.topics[0].partitions[0]?.errorCode, KafkaError.NONE)
    client.destroy()
  }
  const asked = [{ groupId: group, memberId: null, memberEpoch: -1, topics: null }]
  const { groups } = await noise.request(ApiKey.OffsetFetch, 9, { groups: asked })
  assert.equal(groups[0]?.topics[0]?.partitions[0]?.metadata, 'note')
  const frame = encodeFrame(ApiKey.Produce, 9, produceBody(batchOf(['b']), { topic }))
  for (const client of await everySplit(() => frame)) {
    const { responses } = await client.answer(ApiKey.Produce, 9, 1)
    assert.equal(responses[0]?.partitionResponses[0]?.errorCode, KafkaError.NONE)
    client.destroy()
  }
})

test('a login that waits for its hash outlives its frame', async () => {
  const authBytes = Buffer.from('\0ann\0secret')
  const frame = encodeFrame(ApiKey.SaslAuthenticate, 2, { authBytes }, 2)
  for (let at = 1; at < frame.length; at++) {
    const client = await WireClient.connect(broker)
    await client.request(ApiKey.SaslHandshake, 1, { mechanism: 'PLAIN' })
    await sendSplit(client, frame, at)
    await overwrite()
    const answer = await client.answer(ApiKey.SaslAuthenticate, 2, 2)
    assert.equal(answer.errorCode, KafkaError.NONE)
    client.destroy()
  }
})
