import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiKey } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { KafkaError } from '../../packages/broker/src/protocols/kafka/errors.ts'
import { startKafkaBroker, uniqueTopic, type KafkaBroker } from '../clients/support/kafka-broker.ts'
import {
  batchOf,
  createTopic,
  fetchFrom,
  produce,
  produceBody,
  recordsOf,
  sealBatch,
} from './records.ts'
import { WireClient, encodeFrame } from './wire-client.ts'

let broker: KafkaBroker
let client: WireClient
let topic: string

before(async () => {
  broker = await startKafkaBroker()
  client = await WireClient.connect(broker)
})
after(async () => {
  client.destroy()
  await broker.close()
})

async function newTopic(): Promise<string> {
  topic = uniqueTopic('produce')
  await createTopic(client, topic)
  return topic
}

async function endOf(name: string): Promise<number> {
  return (await fetchFrom(client, { topic: name, offset: 0 })).highWatermark
}

for (const acks of [1, -1]) {
  test(`acks ${acks} answers with the offset of the batch's first record`, async () => {
    await newTopic()
    assert.equal((await produce(client, batchOf(['a', 'b']), { topic, acks })).baseOffset, 0)
    assert.equal((await produce(client, batchOf(['c']), { topic, acks })).baseOffset, 2)
  })
}

test('acks 0 is not answered, and the next request is', async () => {
  await newTopic()
  client.post(ApiKey.Produce, 9, produceBody(batchOf(['a']), { topic, acks: 0 }))
  const { errorCode, records } = await fetchFrom(client, { topic, offset: 0, maxWaitMs: 2000 })
  assert.equal(errorCode, KafkaError.NONE)
  assert.deepEqual(recordsOf({ records }), [{ offset: 0, value: 'a' }])
})

test('acks 0 that fails closes the connection', async () => {
  const other = await WireClient.connect(broker)
  other.post(ApiKey.Produce, 9, produceBody(batchOf(['a']), { topic: 'no-such-topic', acks: 0 }))
  await other.closed()
  assert.equal(other.frames.length, 0)
})

test('other acks are refused with INVALID_REQUIRED_ACKS', async () => {
  await newTopic()
  const { errorCode, baseOffset } = await produce(client, batchOf(['a']), { topic, acks: 2 })
  assert.equal(errorCode, KafkaError.INVALID_REQUIRED_ACKS)
  assert.equal(baseOffset, -1)
  assert.equal(await endOf(topic), 0)
})

test('a topic or partition that is not there is UNKNOWN_TOPIC_OR_PARTITION, and is not created', async () => {
  await newTopic()
  const batch = batchOf(['a'])
  const unknown = KafkaError.UNKNOWN_TOPIC_OR_PARTITION
  assert.equal((await produce(client, batch, { topic: uniqueTopic('none') })).errorCode, unknown)
  assert.equal((await produce(client, batch, { topic, partition: 1 })).errorCode, unknown)
  assert.equal((await produce(client, batch, { topic, partition: -1 })).errorCode, unknown)
})

test('pipelined requests are answered in their order, other requests behind them', async () => {
  await newTopic()
  const ids = Array.from({ length: 50 }, () =>
    client.post(ApiKey.Produce, 9, produceBody(batchOf(['a']), { topic })),
  )
  const last = client.post(ApiKey.Metadata, 9, { topics: [] })
  for (const [index, id] of ids.entries()) {
    const { responses } = await client.answer(ApiKey.Produce, 9, id)
    assert.equal(responses[0]?.partitionResponses[0]?.baseOffset, index)
  }
  await client.answer(ApiKey.Metadata, 9, last)
})

test('several topics and partitions of one request are answered each', async () => {
  const first = await newTopic()
  const second = await newTopic()
  const records = batchOf(['a'])
  const { responses } = await client.request(ApiKey.Produce, 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 1000,
    topicData: [
      {
        name: first,
        partitionData: [
          { index: 0, records },
          { index: 7, records },
        ],
      },
      { name: second, partitionData: [{ index: 0, records }] },
    ],
  })
  const codes = responses.map((each) => each.partitionResponses.map(({ errorCode }) => errorCode))
  assert.deepEqual(codes, [[0, KafkaError.UNKNOWN_TOPIC_OR_PARTITION], [0]])
})

interface BadBatch {
  readonly what: string
  readonly code: KafkaError
  readonly batch: Buffer | null
}

const badBatches: readonly BadBatch[] = [
  {
    what: 'a wrong checksum',
    code: KafkaError.CORRUPT_MESSAGE,
    batch: damage((batch) => (batch[20]! ^= 1)),
  },
  {
    what: 'a length beyond its end',
    code: KafkaError.CORRUPT_MESSAGE,
    batch: damage((batch) => batch.writeInt32BE(2 ** 20, 8)),
  },
  {
    what: 'fewer bytes than a header',
    code: KafkaError.CORRUPT_MESSAGE,
    batch: batchOf(['a']).subarray(0, 60),
  },
  { what: 'no bytes', code: KafkaError.INVALID_RECORD, batch: Buffer.alloc(0) },
  { what: 'null for records', code: KafkaError.INVALID_RECORD, batch: null },
  {
    what: 'an old magic',
    code: KafkaError.INVALID_RECORD,
    batch: spoil((batch) => (batch[16] = 1)),
  },
  {
    what: 'two batches',
    code: KafkaError.INVALID_RECORD,
    batch: Buffer.concat([batchOf(['a']), batchOf(['b'])]),
  },
  {
    what: 'a wrong record count',
    code: KafkaError.INVALID_RECORD,
    batch: spoil((batch) => batch.writeInt32BE(2, 57)),
  },
  {
    what: 'a wrong last offset',
    code: KafkaError.INVALID_RECORD,
    batch: spoil((batch) => batch.writeInt32BE(5, 23)),
  },
  {
    what: 'the control bit',
    code: KafkaError.INVALID_RECORD,
    batch: spoil((batch) => (batch[22]! |= 0x20)),
  },
  {
    what: 'an unknown compression',
    code: KafkaError.INVALID_RECORD,
    batch: spoil((batch) => (batch[22]! |= 7)),
  },
  {
    what: 'a record that overruns the batch',
    code: KafkaError.INVALID_RECORD,
    batch: spoil((batch) => (batch[61] = 0x7e)),
  },
  {
    what: 'more headers than bytes',
    code: KafkaError.INVALID_RECORD,
    batch: spoil((batch) => (batch[batch.length - 1] = 0x7e)),
  },
  {
    what: 'a time two hours ahead',
    code: KafkaError.INVALID_TIMESTAMP,
    batch: batchOf(['a'], { timestamp: Date.now() + 7_200_000 }),
  },
  {
    what: 'the transactional bit',
    code: KafkaError.INVALID_TXN_STATE,
    batch: spoil((batch) => (batch[22]! |= 0x10)),
  },
  {
    what: 'more than max.message.bytes',
    code: KafkaError.MESSAGE_TOO_LARGE,
    batch: batchOf(['x'.repeat(1_048_600)]),
  },
]

/** A batch that was changed after it was sealed. */
function damage(change: (batch: Buffer) => unknown): Buffer {
  const batch = batchOf(['a'])
  change(batch)
  return batch
}

/** A batch that its producer made otherwise than it should. */
function spoil(change: (batch: Buffer) => unknown): Buffer {
  return sealBatch(damage(change))
}

for (const { what, code, batch } of badBatches) {
  test(`a batch with ${what} is refused with error ${code} and nothing is appended`, async () => {
    await newTopic()
    const body = produceBody(batch ?? Buffer.alloc(0), { topic })
    const partitionData = [{ index: 0, records: batch }]
    const topicData = [{ name: topic, partitionData }]
    const { responses } = await client.request(ApiKey.Produce, 9, { ...body, topicData })
    const answer = responses[0]?.partitionResponses[0]
    assert.equal(answer?.errorCode, code)
    assert.equal(answer?.baseOffset, -1)
    assert.equal(await endOf(topic), 0)
    assert.equal((await produce(client, batchOf(['good']), { topic })).baseOffset, 0)
  })
}

test('zstd needs Produce 7, and Fetch 10 to be read', async () => {
  await newTopic()
  const batch = spoil((bytes) => (bytes[22] = 4))
  const old = await produce(client, batch, { topic, version: 6 })
  assert.equal(old.errorCode, KafkaError.UNSUPPORTED_COMPRESSION_TYPE)
  assert.equal((await produce(client, batch, { topic, version: 7 })).errorCode, KafkaError.NONE)
  const asked = [{ topic, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }]
  const topics = asked as never
  const answer = await client.request(ApiKey.Fetch, 9, { maxWaitMs: 0, minBytes: 1, topics })
  const { errorCode, records } = answer.responses[0]?.partitions[0] ?? {}
  assert.equal(errorCode, KafkaError.UNSUPPORTED_COMPRESSION_TYPE)
  assert.equal(records?.length, 0)
  assert.ok(((await fetchFrom(client, { topic, offset: 0 })).records?.length ?? 0) > 0)
})

test('an idempotent producer that repeats a batch is told where it is', async () => {
  await newTopic()
  const { producerId, producerEpoch } = await client.request(ApiKey.InitProducerId, 4, {
    transactionalId: null,
    transactionTimeoutMs: 60_000,
  })
  const numbered = (baseSequence: number, epoch = producerEpoch): Buffer =>
    batchOf(['a', 'b'], { producerId, epoch, baseSequence })
  for (let round = 0; round < 8; round++) {
    assert.equal((await produce(client, numbered(round * 2), { topic })).baseOffset, round * 2)
  }
  const again = await produce(client, numbered(6), { topic })
  assert.deepEqual([again.errorCode, again.baseOffset], [KafkaError.NONE, 6])
  const long = await produce(client, numbered(2), { topic })
  assert.equal(long.errorCode, KafkaError.DUPLICATE_SEQUENCE_NUMBER)
  const gap = await produce(client, numbered(20), { topic })
  assert.equal(gap.errorCode, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
  assert.equal((await produce(client, numbered(0, 1), { topic })).baseOffset, 16)
  const stale = await produce(client, numbered(16), { topic })
  assert.equal(stale.errorCode, KafkaError.INVALID_PRODUCER_EPOCH)
  assert.equal(await endOf(topic), 18)
})

test('each producer gets an id of its own; a transactional one is refused', async () => {
  const ask = (
    transactionalId: string | null,
  ): Promise<{ producerId: number; errorCode: number }> =>
    client.request(ApiKey.InitProducerId, 4, { transactionalId, transactionTimeoutMs: 60_000 })
  const [first, second] = [await ask(null), await ask(null)]
  assert.notEqual(first.producerId, second.producerId)
  const refused = await ask('tx')
  assert.equal(refused.errorCode, KafkaError.UNSUPPORTED_VERSION)
  assert.equal(refused.producerId, -1)
})

test('with LogAppendTime the broker stamps the batch and says so', async () => {
  topic = uniqueTopic('stamped')
  await client.request(ApiKey.CreateTopics, 7, {
    topics: [
      {
        name: topic,
        numPartitions: 1,
        replicationFactor: 1,
        assignments: [],
        configs: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
      },
    ],
    timeoutMs: 1000,
  })
  const { responses } = await client.request(
    ApiKey.Produce,
    9,
    produceBody(batchOf(['a'], { timestamp: 5 }), { topic }),
  )
  const stamped = responses[0]?.partitionResponses[0]?.logAppendTimeMs ?? 0
  assert.ok(Math.abs(stamped - Date.now()) < 10_000)
  const { records } = await fetchFrom(client, { topic, offset: 0 })
  assert.equal(Number(records?.readBigInt64BE(35)), stamped)
  assert.equal((records?.[22] ?? 0) & 8, 8)
})

/** Sends a Produce and bytes behind it at once, so that the bytes come before its answer has left. */
async function isAnsweredBefore(bytes: Uint8Array): Promise<WireClient> {
  const other = await WireClient.connect(broker)
  const frame = encodeFrame(ApiKey.Produce, 9, produceBody(batchOf(['a']), { topic }), 5)
  other.send(Buffer.concat([frame, bytes]))
  const { responses } = await other.answer(ApiKey.Produce, 9, 5)
  assert.equal(responses[0]?.partitionResponses[0]?.errorCode, KafkaError.NONE)
  return other
}

test('what was appended is answered, though the connection is closed for what came behind it', async () => {
  await newTopic()
  const failing = produceBody(batchOf(['a']), { topic: 'no-such-topic', acks: 0 })
  const frame = encodeFrame(ApiKey.Produce, 9, failing)
  const cut = Buffer.from(frame.subarray(0, -1))
  cut.writeInt32BE(cut.length - 4)
  const unserved = Buffer.from(frame)
  unserved.writeInt16BE(999, 4)
  for (const bytes of [frame, cut, unserved, Buffer.alloc(8, 0xff)]) {
    const other = await isAnsweredBefore(bytes)
    await other.closed()
    assert.equal(other.frames.length, 0)
  }
})

test('an unserved ApiVersions does not overtake a Produce', async () => {
  await newTopic()
  const names = { clientSoftwareName: 'new', clientSoftwareVersion: '9' }
  const frame = encodeFrame(ApiKey.ApiVersions, 4, names, 7)
  frame.writeInt16BE(99, 6)
  const other = await isAnsweredBefore(frame)
  assert.equal(
    (await other.answer(ApiKey.ApiVersions, 0, 7)).errorCode,
    KafkaError.UNSUPPORTED_VERSION,
  )
  other.destroy()
})

test('requests split at every byte are put together again', async () => {
  await newTopic()
  const other = await WireClient.connect(broker)
  const frame = encodeFrame(ApiKey.Produce, 9, produceBody(batchOf(['a']), { topic }))
  for (let at = 1; at < frame.length; at += 7) {
    other.send(frame.subarray(0, at))
    await new Promise((resolve) => setImmediate(resolve))
    other.send(frame.subarray(at))
    await other.answer(ApiKey.Produce, 9, 1)
  }
  other.destroy()
})
