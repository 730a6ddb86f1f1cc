import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiKey } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import type {
  CreatableTopic,
  CreatableTopicResult,
  DescribeConfigsResult,
  MetadataResponse,
} from '../../packages/broker/src/protocols/kafka/codec/messages/admin.ts'
import { KafkaError } from '../../packages/broker/src/protocols/kafka/errors.ts'
import { eventually } from '../clients/support/eventually.ts'
import { onDisk } from '../clients/support/data-directory.ts'
import { startKafkaBroker, uniqueTopic, type KafkaBroker } from '../clients/support/kafka-broker.ts'
import { batchOf, createTopic, fetchFrom, produce } from './records.ts'
import { WireClient } from './wire-client.ts'

const noId = Buffer.alloc(16)

let broker: KafkaBroker
let client: WireClient

before(async () => {
  broker = await startKafkaBroker()
  client = await WireClient.connect(broker)
})
after(async () => {
  client.destroy()
  await broker.close()
})

function metadata(
  name: string,
  mayCreate: boolean,
  version: number = 9,
): Promise<MetadataResponse> {
  const topics = [{ name, topicId: noId }]
  return client.request(ApiKey.Metadata, version, { topics, allowAutoTopicCreation: mayCreate })
}

async function create(change: Partial<CreatableTopic>): Promise<CreatableTopicResult> {
  const answer = await client.request(ApiKey.CreateTopics, 7, {
    topics: [{ ...plainTopic(), ...change }],
    timeoutMs: 1000,
  })
  const result = answer.topics[0]
  assert.ok(result)
  return result
}

function plainTopic(): CreatableTopic {
  const name = uniqueTopic('topic')
  return { name, numPartitions: 3, replicationFactor: 1, assignments: [], configs: [] }
}

test('metadata creates a missing topic and names its leader in the same answer', async () => {
  const name = uniqueTopic('auto')
  const answer = await metadata(name, true)
  assert.equal(answer.topics[0]?.errorCode, KafkaError.NONE)
  assert.equal(answer.topics[0]?.partitions.length, 1)
  assert.equal(answer.topics[0]?.partitions[0]?.leaderId, answer.brokers[0]?.nodeId)
  assert.equal(answer.controllerId, answer.brokers[0]?.nodeId)
  assert.match(answer.clusterId ?? '', /^[\w-]{22}$/)
})

test('the address in metadata is the one that the client used', async () => {
  const answer = await metadata(uniqueTopic('address'), true)
  assert.deepEqual([answer.brokers[0]?.host, answer.brokers[0]?.port], [broker.host, broker.port])
})

test('metadata does not create a topic unasked, nor one with an impossible name', async () => {
  const none = await metadata(uniqueTopic('none'), false)
  assert.equal(none.topics[0]?.errorCode, KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
  for (const name of ['', '.', '..', 'a b', 'ü', 'x'.repeat(250)]) {
    const { topics } = await metadata(name, true)
    assert.equal(topics[0]?.errorCode, KafkaError.INVALID_TOPIC_EXCEPTION, name)
  }
})

test('metadata lists all topics for null, and for none in version 0', async () => {
  const name = uniqueTopic('listed')
  await createTopic(client, name)
  const has = ({ topics }: MetadataResponse): boolean => topics.some((each) => each.name === name)
  assert.ok(has(await client.request(ApiKey.Metadata, 1, { topics: null })))
  assert.ok(has(await client.request(ApiKey.Metadata, 0, { topics: [] })))
  assert.ok(!has(await client.request(ApiKey.Metadata, 1, { topics: [] })))
})

test('a topic is found by its id, which it keeps, and which another of its name does not get', async () => {
  const { name, topicId } = await create({})
  const byId = async (): Promise<MetadataResponse> =>
    client.request(ApiKey.Metadata, 12, { topics: [{ name: null, topicId }] })
  assert.equal((await byId()).topics[0]?.name, name)
  await client.request(ApiKey.DeleteTopics, 6, {
    topics: [{ name: null, topicId }],
    timeoutMs: 1000,
  })
  const again = await create({ name })
  assert.ok(!again.topicId.equals(topicId))
  assert.equal((await byId()).topics[0]?.errorCode, KafkaError.UNKNOWN_TOPIC_ID)
})

test('an id in metadata before version 12, or no name, is INVALID_REQUEST', async () => {
  const { name, topicId } = await create({})
  for (const topic of [
    { name: null, topicId },
    { name: null, topicId: noId },
    { name, topicId },
  ]) {
    for (const version of [10, 11]) {
      const { topics } = await client.request(ApiKey.Metadata, version, { topics: [topic] })
      assert.equal(topics[0]?.errorCode, KafkaError.INVALID_REQUEST)
    }
  }
})

test('a topic is created as asked and its configs are shown', async () => {
  const configs = [{ name: 'retention.ms', value: '1000' }]
  const result = await create({ configs, numPartitions: 5 })
  assert.equal(result.errorCode, KafkaError.NONE)
  assert.equal(result.numPartitions, 5)
  assert.equal(result.configs?.find(({ name }) => name === 'retention.ms')?.value, '1000')
  assert.equal((await metadata(result.name, false)).topics[0]?.partitions.length, 5)
})

test('partitions and replicas may be left to the broker; more replicas than nodes are taken as one', async () => {
  const result = await create({ numPartitions: -1, replicationFactor: -1 })
  assert.deepEqual([result.errorCode, result.numPartitions, result.replicationFactor], [0, 1, 1])
  const three = await create({ replicationFactor: 3 })
  assert.deepEqual([three.errorCode, three.replicationFactor], [0, 1])
})

test('assignments say how many partitions there are', async () => {
  const assignments = [0, 1].map((partitionIndex) => ({ partitionIndex, brokerIds: [1] }))
  const unsaid = { numPartitions: -1, replicationFactor: -1 }
  assert.equal((await create({ assignments, ...unsaid })).numPartitions, 2)
  assert.equal((await create({ assignments })).errorCode, KafkaError.INVALID_REQUEST)
  const gap = [{ partitionIndex: 1, brokerIds: [1] }]
  const refused = await create({ assignments: gap, ...unsaid })
  assert.equal(refused.errorCode, KafkaError.INVALID_REPLICA_ASSIGNMENT)
})

const badTopics: readonly (readonly [string, Partial<CreatableTopic>, KafkaError])[] = [
  ['no partitions', { numPartitions: 0 }, KafkaError.INVALID_PARTITIONS],
  ['ten million partitions', { numPartitions: 10_000_000 }, KafkaError.POLICY_VIOLATION],
  ['no replicas', { replicationFactor: 0 }, KafkaError.INVALID_REPLICATION_FACTOR],
  ['an impossible name', { name: 'a/b' }, KafkaError.INVALID_TOPIC_EXCEPTION],
  ['an unknown config', { configs: [{ name: 'no.such', value: '1' }] }, KafkaError.INVALID_CONFIG],
  [
    'a null config',
    { configs: [{ name: 'retention.ms', value: null }] },
    KafkaError.INVALID_CONFIG,
  ],
  [
    'a config that is no number',
    { configs: [{ name: 'retention.ms', value: 'x' }] },
    KafkaError.INVALID_CONFIG,
  ],
  [
    'a number out of range',
    { configs: [{ name: 'max.message.bytes', value: '-1' }] },
    KafkaError.INVALID_CONFIG,
  ],
  [
    'compaction',
    { configs: [{ name: 'cleanup.policy', value: 'compact' }] },
    KafkaError.INVALID_CONFIG,
  ],
]

for (const [what, change, code] of badTopics) {
  test(`a topic with ${what} is refused with error ${code}`, async () => {
    const result = await create(change)
    assert.equal(result.errorCode, code, result.errorMessage ?? '')
    assert.ok(result.errorMessage !== null)
  })
}

test('a topic that exists, or is named twice, is not created', async () => {
  const { name } = await create({})
  assert.equal((await create({ name })).errorCode, KafkaError.TOPIC_ALREADY_EXISTS)
  const topic = plainTopic()
  const twice = await client.request(ApiKey.CreateTopics, 7, {
    topics: [topic, topic],
    timeoutMs: 1,
  })
  assert.deepEqual(
    twice.topics.map(({ errorCode }) => errorCode),
    [KafkaError.INVALID_REQUEST],
  )
})

test('validate only creates nothing', async () => {
  const topic = plainTopic()
  const validateOnly = true
  const { topics } = await client.request(ApiKey.CreateTopics, 7, { topics: [topic], validateOnly })
  assert.equal(topics[0]?.errorCode, KafkaError.NONE)
  const { topics: found } = await metadata(topic.name, false)
  assert.equal(found[0]?.errorCode, KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
})

test('a deleted topic is gone at once, and deleting what is not there says so', async () => {
  const { name } = await create({})
  const ask = async (): Promise<number | undefined> => {
    const answer = await client.request(ApiKey.DeleteTopics, 5, {
      topicNames: [name],
      timeoutMs: 1,
    })
    return answer.responses[0]?.errorCode
  }
  assert.equal(await ask(), KafkaError.NONE)
  assert.equal(await ask(), KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
  const { responses } = await client.request(ApiKey.DeleteTopics, 6, {
    topics: [
      { name: null, topicId: Buffer.alloc(16, 1) },
      { name: null, topicId: noId },
    ],
    timeoutMs: 1,
  })
  const codes = responses.map(({ errorCode }) => errorCode)
  assert.deepEqual(codes, [KafkaError.UNKNOWN_TOPIC_ID, KafkaError.INVALID_REQUEST])
})

// On a disk whole segments go, and the newest stays: see stored.test.ts.
test(
  'retention by bytes drops the oldest batches and moves the log start',
  { skip: onDisk },
  async () => {
    const configs = [{ name: 'retention.bytes', value: '5000' }]
    const { name: topic } = await create({ configs, numPartitions: 1 })
    for (let index = 0; index < 20; index++)
      await produce(client, batchOf(['x'.repeat(930)]), { topic })
    const start = await eventually('old batches go', async () => {
      const { logStartOffset } = await fetchFrom(client, { topic, offset: 20 })
      return logStartOffset >= 14 && logStartOffset
    })
    assert.ok(start < 16)
    assert.equal(
      (await fetchFrom(client, { topic, offset: start - 1 })).errorCode,
      KafkaError.OFFSET_OUT_OF_RANGE,
    )
    assert.equal((await fetchFrom(client, { topic, offset: start })).errorCode, KafkaError.NONE)
  },
)

async function describeConfigs(
  resourceType: number,
  resourceName: string,
  configurationKeys: string[] | null = null,
): Promise<DescribeConfigsResult | undefined> {
  const { results } = await client.request(ApiKey.DescribeConfigs, 4, {
    resources: [{ resourceType, resourceName, configurationKeys }],
    includeSynonyms: true,
    includeDocumentation: true,
  })
  return results[0]
}

test('every topic config is described with its source, type and synonyms', async () => {
  const { name } = await create({ configs: [{ name: 'retention.ms', value: '1000' }] })
  for (const keys of [null, []]) {
    const { configs = [] } = (await describeConfigs(2, name, keys)) ?? {}
    assert.ok(configs.length >= 28)
    assert.ok(
      configs.every(({ configType, documentation }) => configType > 0 && documentation !== null),
    )
    const set = configs.find((config) => config.name === 'retention.ms')
    assert.deepEqual([set?.value, set?.configSource, set?.synonyms.length], ['1000', 1, 2])
    const left = configs.find((config) => config.name === 'cleanup.policy')
    assert.deepEqual([left?.value, left?.configSource, left?.synonyms.length], ['delete', 5, 1])
  }
  const one = await describeConfigs(2, name, ['segment.bytes'])
  assert.deepEqual(
    one?.configs.map((config) => config.name),
    ['segment.bytes'],
  )
})

test('the configs of the node are described by its id; others are refused', async () => {
  const own = await describeConfigs(4, '1')
  assert.ok(
    own?.configs.some(
      ({ name, value }) => name === 'auto.create.topics.enable' && value === 'true',
    ),
  )
  assert.deepEqual((await describeConfigs(4, ''))?.configs, [])
  assert.equal((await describeConfigs(4, '2'))?.errorCode, KafkaError.INVALID_REQUEST)
  assert.equal((await describeConfigs(99, 'x'))?.errorCode, KafkaError.INVALID_REQUEST)
  const none = await describeConfigs(2, uniqueTopic('none'))
  assert.equal(none?.errorCode, KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
})

test('offsets are found by place and by time, to the record', async () => {
  const topic = uniqueTopic('times')
  await createTopic(client, topic)
  const base = Date.now() - 1_000_000
  for (const start of [0, 100, 50]) {
    await produce(client, batchOf(['a', 'b', 'c'], { timestamp: base + start }), { topic })
  }
  const offsetAt = async (timestamp: number): Promise<readonly number[]> => {
    const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }]
    const answer = await client.request(ApiKey.ListOffsets, 9, {
      topics: [{ name: topic, partitions }],
    })
    const found = answer.topics[0]?.partitions[0]
    const time = (found?.timestamp ?? -1) < 0 ? -1 : (found?.timestamp ?? 0) - base
    return [found?.offset ?? NaN, time, found?.errorCode ?? NaN]
  }
  assert.deepEqual(await offsetAt(-1), [9, -1, 0])
  assert.deepEqual(await offsetAt(-2), [0, -1, 0])
  assert.deepEqual(await offsetAt(-3), [5, 102, 0])
  assert.deepEqual(await offsetAt(-4), [0, -1, 0])
  assert.deepEqual(await offsetAt(-5), [-1, -1, 0])
  assert.deepEqual(await offsetAt(base - 5), [0, 0, 0])
  assert.deepEqual(await offsetAt(base + 1), [1, 1, 0])
  assert.deepEqual(await offsetAt(base + 3), [3, 100, 0])
  assert.deepEqual(await offsetAt(base + 101), [4, 101, 0])
  assert.deepEqual(await offsetAt(base + 103), [-1, -1, 0])
})

test('what the client may do is told when it asks', async () => {
  const name = uniqueTopic('operations')
  const { topics } = await client.request(ApiKey.Metadata, 9, {
    topics: [{ name, topicId: noId }],
    allowAutoTopicCreation: true,
    includeTopicAuthorizedOperations: true,
  })
  assert.equal(topics[0]?.topicAuthorizedOperations, 0b1101_1111_1000)
  assert.equal((await metadata(name, false)).topics[0]?.topicAuthorizedOperations, -(2 ** 31))
})
