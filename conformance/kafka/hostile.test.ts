import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiKey, apiRanges } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { randomRequest } from '../../packages/broker/src/protocols/kafka/codec/testing/random-message.ts'
import { openKafkaBroker } from '../../packages/broker/src/testing/kafka-broker.ts'
import {
  randomBytes,
  randomInteger,
  seededRandom,
} from '../../packages/broker/src/protocols/kafka/codec/testing/random.ts'
import { KafkaError } from '../../packages/broker/src/protocols/kafka/errors.ts'
import { eventually } from '../clients/support/eventually.ts'
import { startKafkaBroker, uniqueTopic, type KafkaBroker } from '../clients/support/kafka-broker.ts'
import { batchOf, createTopic, produceBody } from './records.ts'
import { WireClient, encodeFrame } from './wire-client.ts'

const seed = Number(process.env['POLYMQ_TEST_SEED'] ?? Date.now() % 2 ** 31)

let broker: KafkaBroker

before(async () => {
  broker = await startKafkaBroker()
})
after(() => broker.close())

/** Sends bytes on a connection of their own, which must be closed without an answer. */
async function isClosedBy(bytes: Uint8Array): Promise<void> {
  const client = await WireClient.connect(broker)
  client.send(bytes)
  await client.closed()
  assert.equal(client.frames.length, 0)
}

async function isAlive(): Promise<void> {
  const client = await WireClient.connect(broker)
  await client.request(ApiKey.ApiVersions, 0, {})
  client.destroy()
}

function sized(bytes: number, rest: Buffer = Buffer.alloc(16)): Buffer {
  const frame = Buffer.concat([Buffer.alloc(4), rest])
  frame.writeInt32BE(bytes)
  return frame
}

test('a negative or oversized request closes the connection', async () => {
  await isClosedBy(sized(-1))
  await isClosedBy(sized(-(2 ** 31)))
  await isClosedBy(sized(104_857_601))
  await isClosedBy(sized(2 ** 31 - 1))
})

test('before a login 1 MiB is the limit', async () => {
  const client = await WireClient.connect(broker)
  await client.request(ApiKey.SaslHandshake, 1, { mechanism: 'PLAIN' })
  client.send(sized(1_048_577))
  await client.closed()
})

test('what is no Kafka is closed, and the log says what it looks like', async () => {
  await isClosedBy(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))
  await isClosedBy(Buffer.from('AMQP\0\0\x09\x01'))
  await isClosedBy(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]))
  if (!broker.isOurs) return
  const said = broker.lines().map(({ message }) => message)
  for (const word of ['HTTP', 'AMQP', 'TLS']) {
    assert.ok(
      said.some((line) => line.includes(`looks like ${word}`)),
      word,
    )
  }
})

test('an unknown api key and an unserved version close the connection', async () => {
  const frame = encodeFrame(ApiKey.Metadata, 9, { topics: [] })
  for (const [key, version] of [
    [999, 0],
    [-1, 0],
    [4, 0],
    [3, 99],
    [3, -1],
    [0, 12],
    [1, 3],
  ] as const) {
    frame.writeInt16BE(key, 4)
    frame.writeInt16BE(version, 6)
    await isClosedBy(frame)
  }
})

test('an unserved ApiVersions is answered in version 0 with the versions of ApiVersions', async () => {
  const client = await WireClient.connect(broker)
  const frame = encodeFrame(
    ApiKey.ApiVersions,
    4,
    { clientSoftwareName: 'new', clientSoftwareVersion: '9' },
    7,
  )
  frame.writeInt16BE(99, 6)
  client.send(frame)
  const answer = await client.answer(ApiKey.ApiVersions, 0, 7)
  assert.equal(answer.errorCode, KafkaError.UNSUPPORTED_VERSION)
  assert.deepEqual(answer.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
  await client.request(ApiKey.ApiVersions, 0, {})
  client.destroy()
})

test('a client that calls itself something odd is INVALID_REQUEST', async () => {
  const client = await WireClient.connect(broker)
  for (const clientSoftwareName of ['', '-a', 'a b', 'ü']) {
    const names = { clientSoftwareName, clientSoftwareVersion: '1' }
    const answer = await client.request(ApiKey.ApiVersions, 3, names)
    assert.equal(answer.errorCode, KafkaError.INVALID_REQUEST)
  }
  client.destroy()
})

test('an array longer than the request closes the connection', async () => {
  const frame = encodeFrame(ApiKey.Metadata, 1, { topics: [] })
  frame.writeInt32BE(2 ** 31 - 1, frame.length - 4)
  await isClosedBy(frame)
})

test('a request cut short closes the connection, for every api', async () => {
  const random = seededRandom(seed)
  for (const { key, versionMax } of apiRanges) {
    if (key === ApiKey.ApiVersions || key === ApiKey.SaslAuthenticate) continue
    const whole = encodeFrame(key, versionMax, randomRequest(key, versionMax, random))
    const cut = whole.subarray(0, whole.length - 1)
    cut.writeInt32BE(cut.length - 4)
    await isClosedBy(cut)
  }
})

test(`random bytes, random requests and spoilt ones do no harm (seed ${seed})`, async () => {
  const random = seededRandom(seed)
  const topic = uniqueTopic('fuzz')
  const good = await WireClient.connect(broker)
  await createTopic(good, topic)
  for (let round = 0; round < 300; round++) {
    const client = await WireClient.connect(broker)
    client.send(hostileBytes(round, topic, random))
    if (round % 50 === 0) await isAlive()
    client.destroy()
  }
  await isAlive()
  const { errorCode } = await good.request(ApiKey.ApiVersions, 0, {})
  assert.equal(errorCode, KafkaError.NONE)
  good.destroy()
  if (!broker.isOurs) return
  const faults = broker.lines().filter(({ level }) => level === 'error')
  assert.deepEqual(faults, [])
})

function hostileBytes(round: number, topic: string, random: () => number): Buffer {
  if (round % 4 === 0) return randomBytes(random, randomInteger(random, 0, 300))
  if (round % 4 === 1) {
    const body = randomBytes(random, randomInteger(random, 10, 300))
    const { key, versionMax } = apiRanges[randomInteger(random, 0, apiRanges.length - 1)]!
    body.writeInt16BE(key, 0)
    body.writeInt16BE(randomInteger(random, 0, versionMax), 2)
    body.writeInt16BE(-1, 8)
    return sized(body.length, body)
  }
  if (round % 4 === 2) {
    const { key, versionMin, versionMax } =
      apiRanges[randomInteger(random, 0, apiRanges.length - 1)]!
    const version = randomInteger(random, versionMin, versionMax)
    return encodeFrame(key, version, randomRequest(key, version, random))
  }
  const frame = encodeFrame(ApiKey.Produce, 9, produceBody(batchOf(['a', 'b']), { topic }))
  frame[randomInteger(random, 8, frame.length - 1)] = randomInteger(random, 0, 255)
  return frame
}

/** Bytes that are no UTF-8: each becomes three when it is written back. */
function swelling(bytes: number): string {
  return '\u0080'.repeat(bytes)
}

/** Puts 0xff where the frame has the two bytes of each U+0080, so that its lengths stay true. */
function spoilText(frame: Buffer): Buffer {
  for (let at = frame.indexOf('\u0080'); at !== -1; at = frame.indexOf('\u0080', at)) {
    frame[at++] = 0xff
    frame[at++] = 0xff
  }
  return frame
}

test('text that would be too long to write back closes the connection, and nothing else', async () => {
  const name = swelling(16_000)
  const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }] as never
  const topics = [{ name, partitions }]
  await isClosedBy(
    spoilText(encodeFrame(ApiKey.OffsetCommit, 8, { groupId: uniqueTopic('g'), topics })),
  )
  const join = {
    groupId: uniqueTopic('g'),
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  }
  await isClosedBy(spoilText(encodeFrame(ApiKey.JoinGroup, 9, { ...join, groupInstanceId: name })))
  await isAlive()
})

test('an answer that quotes a long name is no longer than the wire allows', async () => {
  const client = await WireClient.connect(broker)
  const name = 'x'.repeat(32_767)
  const asked = { name, numPartitions: 1, replicationFactor: 1, assignments: [] }
  const twice = [
    { ...asked, configs: [] },
    { ...asked, configs: [] },
  ]
  const odd = [
    { ...asked, name: uniqueTopic('odd'), configs: [{ name, value: '1' }] },
    { ...asked, name: uniqueTopic('odd'), configs: [{ name: 'retention.ms', value: name }] },
  ]
  for (const topics of [twice, odd]) {
    const answer = await client.request(ApiKey.CreateTopics, 4, { topics, timeoutMs: 1000 })
    for (const { errorMessage } of answer.topics) assert.ok((errorMessage ?? '').length < 1000)
  }
  client.destroy()
})

test('what is named twice is answered once, so that no answer grows beyond its request', async () => {
  const client = await WireClient.connect(broker)
  const topic = uniqueTopic('twice')
  await createTopic(client, topic)
  const named = { name: topic, topicId: Buffer.alloc(16) }
  const metadata = await client.request(ApiKey.Metadata, 12, { topics: [named, named] })
  assert.equal(metadata.topics.length, 1)
  const byId = { name: null, topicId: metadata.topics[0]!.topicId }
  assert.equal(
    (await client.request(ApiKey.Metadata, 12, { topics: [byId, byId] })).topics.length,
    1,
  )
  const resource = { resourceType: 2, resourceName: topic, configurationKeys: null }
  const resources = [resource, resource, { ...resource, resourceType: 4, resourceName: '1' }]
  assert.equal((await client.request(ApiKey.DescribeConfigs, 4, { resources })).results.length, 2)
  const group = { groupId: 'twice', memberId: null, memberEpoch: -1, topics: null }
  const offsets = await client.request(ApiKey.OffsetFetch, 9, { groups: [group, group] })
  assert.equal(offsets.groups.length, 1)
  client.destroy()
})

test('one request creates 10,000 partitions at most', async (t) => {
  const other = await openKafkaBroker({ defaultPartitions: 4000 })
  t.after(() => other.close())
  const client = await WireClient.connect(other)
  const ofBroker = { numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] }
  const create = async (names: readonly string[]): Promise<number[]> => {
    const topics = names.map((name) => ({ name, ...ofBroker }))
    const answer = await client.request(ApiKey.CreateTopics, 7, { topics, timeoutMs: 1000 })
    return answer.topics.map(({ errorCode }) => errorCode)
  }
  const { POLICY_VIOLATION, LEADER_NOT_AVAILABLE, NONE } = KafkaError
  assert.deepEqual(await create(['a', 'b', 'c']), Array(3).fill(POLICY_VIOLATION))
  assert.deepEqual(await create(['a', 'b']), [NONE, NONE])
  const ask = async (): Promise<number[]> => {
    const topics = ['e', 'f', 'g', 'h'].map((name) => ({ name, topicId: Buffer.alloc(16) }))
    const answer = await client.request(ApiKey.Metadata, 12, { topics })
    return answer.topics.map(({ errorCode }) => errorCode)
  }
  assert.deepEqual(await ask(), [NONE, NONE, NONE, LEADER_NOT_AVAILABLE])
  assert.deepEqual(await ask(), [NONE, NONE, NONE, NONE])
  client.destroy()
})

test('a client that asks and does not read is not answered without end', async () => {
  const client = await WireClient.connect(broker)
  client.pause()
  const topics = Array.from({ length: 500 }, () => ({
    name: 'x'.repeat(300),
    topicId: Buffer.alloc(16),
  }))
  const frame = encodeFrame(ApiKey.Metadata, 9, { topics })
  const before = process.memoryUsage().rss
  for (let index = 0; index < 400; index++) client.send(frame)
  await eventually('the broker goes on', async () => {
    await isAlive()
    return true
  })
  assert.ok(process.memoryUsage().rss - before < 300_000_000)
  client.destroy()
})
