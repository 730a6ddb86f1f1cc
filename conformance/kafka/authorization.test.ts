import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiKey } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { KafkaError } from '../../packages/broker/src/protocols/kafka/errors.ts'
import {
  openKafkaBroker,
  type OpenKafkaBroker,
} from '../../packages/broker/src/testing/kafka-broker.ts'
import { batchOf, createTopic, fetchBody, fetchFrom, produce } from './records.ts'
import { WireClient } from './wire-client.ts'

/** Ann may create and write `own-*`, read `shared-*` too, and nothing else. */
let world: OpenKafkaBroker
let guest: WireClient
let ann: WireClient

before(async () => {
  world = await openKafkaBroker()
  const { access } = world.broker
  await new Promise((resolve) => access.users.add({ name: 'ann', password: 'secret' }, resolve))
  const own = '^own-.*$'
  access.permissions.set({
    user: 'ann',
    vhost: '/',
    configure: own,
    write: own,
    read: '^(own|shared)-.*$',
  })
  guest = await WireClient.connect(world)
  for (const topic of ['own-a', 'shared-a', 'hidden-a']) await createTopic(guest, topic)
  ann = await loggedIn('ann', 'secret')
})
after(async () => {
  guest.destroy()
  ann.destroy()
  await world.close()
})

async function loggedIn(name: string, password: string): Promise<WireClient> {
  const client = await WireClient.connect(world)
  await client.request(ApiKey.SaslHandshake, 1, { mechanism: 'PLAIN' })
  const authBytes = Buffer.from(`\0${name}\0${password}`)
  const { errorCode } = await client.request(ApiKey.SaslAuthenticate, 1, { authBytes })
  assert.equal(errorCode, KafkaError.NONE)
  return client
}

const refused = KafkaError.TOPIC_AUTHORIZATION_FAILED

test('producing needs write on the topic, whether it is there or not', async () => {
  const codeOf = async (topic: string): Promise<number> =>
    (await produce(ann, batchOf(['a']), { topic })).errorCode
  assert.equal(await codeOf('own-a'), KafkaError.NONE)
  assert.equal(await codeOf('shared-a'), refused)
  assert.equal(await codeOf('hidden-a'), refused)
  assert.equal(await codeOf('hidden-none'), refused)
})

test('fetching needs read on the topic, by name and by id', async () => {
  const codeOf = async (topic: string): Promise<number> =>
    (await fetchFrom(ann, { topic, offset: 0 })).errorCode
  assert.equal(await codeOf('shared-a'), KafkaError.NONE)
  assert.equal(await codeOf('hidden-a'), refused)
  const { topics } = await guest.request(ApiKey.Metadata, 12, { topics: null })
  const topicId = topics.find(({ name }) => name === 'hidden-a')?.topicId ?? Buffer.alloc(16)
  const body = fetchBody({ topic: '', offset: 0 }) as { topics: object[] }
  const byId = { ...body, topics: body.topics.map((each) => ({ ...each, topicId })) } as object
  const answer = await ann.request(ApiKey.Fetch, 13, byId)
  assert.equal(answer.responses[0]?.partitions[0]?.errorCode, refused)
})

test('listing offsets needs read on the topic', async () => {
  const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1 }]
  const names = ['shared-a', 'hidden-a']
  const answer = await ann.request(ApiKey.ListOffsets, 6, {
    topics: names.map((name) => ({ name, partitions })),
  })
  const codes = answer.topics.map((topic) => topic.partitions[0]?.errorCode)
  assert.deepEqual(codes, [KafkaError.NONE, refused])
})

test('metadata hides what may not be seen, and says so only of names that were given', async () => {
  const all = await ann.request(ApiKey.Metadata, 9, { topics: null })
  assert.deepEqual(all.topics.map(({ name }) => name).sort(), ['own-a', 'shared-a'])
  const names = ['hidden-a', 'hidden-none', 'shared-none']
  const given = await ann.request(ApiKey.Metadata, 9, {
    topics: names.map((name) => ({ name, topicId: Buffer.alloc(16) })),
    allowAutoTopicCreation: true,
  })
  const codes = given.topics.map(({ errorCode }) => errorCode)
  assert.deepEqual(codes, [refused, refused, refused])
  assert.equal(world.broker.findVirtualHost('/')?.streams.find('shared-none'), undefined)
})

test('creating and deleting topics need configure on them', async () => {
  const topic = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const names = ['own-new', 'shared-new']
  const created = await ann.request(ApiKey.CreateTopics, 7, {
    topics: names.map((name) => ({ ...topic, name })),
    timeoutMs: 1000,
  })
  assert.deepEqual(
    created.topics.map(({ errorCode }) => errorCode),
    [0, refused],
  )
  const deleted = await ann.request(ApiKey.DeleteTopics, 5, {
    topicNames: ['own-new', 'shared-a', 'hidden-none'],
    timeoutMs: 1000,
  })
  assert.deepEqual(
    deleted.responses.map(({ errorCode }) => errorCode),
    [0, refused, refused],
  )
})

test('the configs of the node are for administrators, those of a topic for who may see it', async () => {
  const describe = async (
    resourceType: number,
    resourceName: string,
  ): Promise<number | undefined> => {
    const resources = [{ resourceType, resourceName, configurationKeys: null }]
    return (await ann.request(ApiKey.DescribeConfigs, 4, { resources })).results[0]?.errorCode
  }
  assert.equal(await describe(4, '1'), KafkaError.CLUSTER_AUTHORIZATION_FAILED)
  assert.equal(await describe(2, 'shared-a'), KafkaError.NONE)
  assert.equal(await describe(2, 'hidden-a'), refused)
})

test('a group needs read on it', async () => {
  const groupId = 'hidden-group'
  const heartbeat = { groupId, generationId: 1, memberId: 'm' }
  const answer = await ann.request(ApiKey.Heartbeat, 4, heartbeat)
  assert.equal(answer.errorCode, KafkaError.GROUP_AUTHORIZATION_FAILED)
})

test('connections of a user that is removed are closed', async () => {
  const { access } = world.broker
  await new Promise((resolve) => access.users.add({ name: 'bob', password: 'secret' }, resolve))
  access.permissions.set({ user: 'bob', vhost: '/', configure: '.*', write: '.*', read: '.*' })
  const bob = await loggedIn('bob', 'secret')
  assert.equal((await produce(bob, batchOf(['a']), { topic: 'own-a' })).errorCode, KafkaError.NONE)
  access.users.remove('bob')
  await bob.closed()
})

test('a client without a login is nobody once guest has a password of its own', async () => {
  const other = await openKafkaBroker()
  const { users } = other.broker.access
  await new Promise((resolve) => users.add({ name: 'guest', password: 'mine' }, resolve))
  const client = await WireClient.connect(other)
  await client.request(ApiKey.ApiVersions, 0, {})
  client.post(ApiKey.Metadata, 9, { topics: null })
  await client.closed()
  await other.close()
})

test('clients are told the advertised address, else the one that they used', async () => {
  const other = await openKafkaBroker({ advertised: { host: 'kafka.example', port: 19092 } })
  const client = await WireClient.connect(other)
  const { brokers } = await client.request(ApiKey.Metadata, 9, { topics: [] })
  assert.deepEqual([brokers[0]?.host, brokers[0]?.port], ['kafka.example', 19092])
  client.destroy()
  await other.close()
  const endpoint = { remoteAddress: '10.0.0.9', remotePort: 5, localPort: 9092, loopback: false }
  const localAddress = '::ffff:10.0.0.1'
  const told = world.head.addressFor({ ...endpoint, localAddress })
  assert.deepEqual(told, { host: '10.0.0.1', port: 9092 })
  world.head.addressFor({ ...endpoint, localAddress })
  const lines = world.logger.lines.filter(({ message }) => message.includes('--kafka-advertised'))
  assert.equal(lines.length, 1)
})

test('without auto-creation a missing topic is unknown', async () => {
  const other = await openKafkaBroker({ autoCreateTopics: false })
  const client = await WireClient.connect(other)
  const topics = [{ name: 'missing', topicId: Buffer.alloc(16) }]
  const answer = await client.request(ApiKey.Metadata, 9, { topics, allowAutoTopicCreation: true })
  assert.equal(answer.topics[0]?.errorCode, KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
  client.destroy()
  await other.close()
})
