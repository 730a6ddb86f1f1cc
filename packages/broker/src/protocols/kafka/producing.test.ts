import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Alarm } from '../../core/alarms.ts'
import type { Durability } from '../../core/commits.ts'
import { RecordBatchWriter } from '../../core/stream/record-batch-writer.ts'
import { FakeStore } from '../../testing/fake-store.ts'
import { FakeKafkaClient } from '../../testing/kafka-client.ts'
import { TestBroker } from '../../testing/test-broker.ts'
import { ApiKey } from './codec/api-keys.ts'
import { KafkaError } from './errors.ts'
import { KafkaHead } from './head.ts'
import { kafkaLimits } from './limits.ts'

const VERSION = 9

interface Rig {
  readonly world: TestBroker
  readonly store: FakeStore
  readonly head: KafkaHead
  readonly client: FakeKafkaClient
  /** The disk has all. */
  sync(): void
  /** Has a topic whose name is its durability. */
  addTopic(durability: Durability): void
}

function newRig(): Rig {
  const store = new FakeStore()
  const world = new TestBroker({ store })
  const head = new KafkaHead(world.broker)
  const sync = (): void => {
    store.sync(world.broker)
    world.run()
  }
  const addTopic = (durability: Durability): void => {
    const { streams } = world.vhost
    const config = { ...streams.defaultConfig, durability }
    streams.create(durability, { partitions: 2, config, settings: new Map() })
    world.run()
    sync()
  }
  world.run()
  sync()
  return { world, store, head, client: new FakeKafkaClient(world, head), sync, addTopic }
}

function batch(): Buffer {
  const writer = new RecordBatchWriter()
  writer.append({ key: null, value: Buffer.from('v'), headers: [], timestamp: 1_700_000_000_000 })
  const producer = { id: -1, epoch: -1, baseSequence: -1, isTransactional: false }
  return Buffer.from(writer.finish(producer))
}

/** One batch for the first partition of each topic. What is appended goes to the journal, as it would. */
function produce(
  { client, store }: Rig,
  topics: readonly Durability[],
  { acks = -1, version = VERSION }: { readonly acks?: number; readonly version?: number } = {},
): number {
  const topicData = topics.map((name) => {
    if (name !== 'memory') store.journal.append()
    return { name, partitionData: [{ index: 0, records: batch() }] }
  })
  const body = { transactionalId: null, acks, timeoutMs: 1000, topicData }
  return client.send(ApiKey.Produce, version, body)
}

/** Answers since the last look, as `id: error code of each partition`. */
function taken({ client }: Pick<Rig, 'client'>, version: number = VERSION): string[] {
  return client.takeAnswers(ApiKey.Produce, version).map(([id, { responses }]) => {
    const codes = responses.flatMap(({ partitionResponses }) =>
      partitionResponses.map(({ errorCode }) => errorCode),
    )
    return `${id}: ${codes.join(' ')}`
  })
}

for (const acks of [-1, 1]) {
  test(`acks ${acks} is answered when the topic's records are as safe as they are to be`, () => {
    const rig = newRig()
    for (const durability of ['sync', 'os', 'memory'] as const) rig.addTopic(durability)
    produce(rig, ['memory'], { acks })
    assert.deepEqual(taken(rig), ['1: 0'])
    produce(rig, ['os'], { acks })
    assert.deepEqual(taken(rig), [])
    rig.store.write(rig.world.broker)
    rig.world.run()
    assert.deepEqual(taken(rig), ['2: 0'])
    produce(rig, ['sync'], { acks })
    rig.store.write(rig.world.broker)
    rig.world.run()
    assert.deepEqual(taken(rig), [])
    rig.sync()
    assert.deepEqual(taken(rig), ['3: 0'])
  })
}

test('acks 0 is never answered, and holds nobody up', () => {
  const rig = newRig()
  rig.addTopic('sync')
  produce(rig, ['sync'], { acks: 0 })
  rig.client.send(ApiKey.ApiVersions, 0, {})
  assert.equal(rig.client.takeFrames().length, 1)
})

test('answers keep the order of the requests, whatever each waits for', () => {
  const rig = newRig()
  for (const durability of ['sync', 'os', 'memory'] as const) rig.addTopic(durability)
  produce(rig, ['memory', 'sync'])
  const first = rig.store.journal.sealed
  produce(rig, ['memory'])
  produce(rig, ['os'])
  rig.store.write(rig.world.broker)
  rig.world.run()
  assert.deepEqual(taken(rig), [])
  produce(rig, ['sync'])
  rig.client.send(ApiKey.ApiVersions, 0, {})
  rig.store.sync(rig.world.broker, first)
  rig.world.run()
  assert.deepEqual(taken(rig), ['1: 0 0', '2: 0', '3: 0'])
  rig.store.sync(rig.world.broker)
  rig.world.run()
  const frames = rig.client.takeFrames()
  assert.deepEqual(
    frames.map((frame) => frame.readInt32BE(0)),
    [4, 5],
  )
})

test('a request in another version waits until the answers in this one have left', () => {
  const rig = newRig()
  rig.addTopic('sync')
  produce(rig, ['sync'], { version: 7 })
  produce(rig, ['sync'], { version: 9 })
  assert.deepEqual(taken(rig), [])
  assert.equal(rig.world.vhost.streams.find('sync')?.partitions[0]?.logEnd, 1)
  rig.sync()
  const frames = rig.client.takeFrames()
  assert.deepEqual(
    frames.map((frame) => frame.readInt32BE(0)),
    [1, 2],
  )
})

test('a connection is not read on without end while its answers wait for the disk', () => {
  const rig = newRig()
  rig.addTopic('sync')
  const { streams } = rig.world.vhost
  const answerBytes = 45
  const enough = Math.ceil((kafkaLimits.produceAnswersBytesMax / answerBytes) * 1.2)
  for (let i = 0; i < enough; i++) produce(rig, ['sync'])
  const appended = streams.find('sync')?.partitions[0]?.logEnd ?? 0
  assert.ok(appended < enough, `${appended} of ${enough} requests were taken`)
  for (let i = 0; i < 10; i++) rig.sync()
  assert.equal(rig.client.takeFrames().length, enough)
})

for (const version of [3, 8, 9]) {
  test(`when the disk fails, version ${version} is told so of each partition, and the connection closes`, async () => {
    const rig = newRig()
    rig.addTopic('sync')
    rig.addTopic('memory')
    produce(rig, ['memory'], { version })
    assert.deepEqual(taken(rig, version), ['1: 0'])
    produce(rig, ['sync', 'memory'], { version })
    produce(rig, ['sync'], { version })
    rig.world.broker.completions.storageFailed(new Error('EIO'))
    rig.world.run()
    const error = KafkaError.KAFKA_STORAGE_ERROR
    assert.deepEqual(taken(rig, version), [`2: ${error} ${error}`, `3: ${error}`])
    await new Promise(setImmediate)
    assert.ok(rig.client.ended)
    assert.ok(rig.head.sessions.size <= 1)
  })
}

test('while the broker is short of something a produce waits, then fails with the reason, to be repeated', () => {
  const rig = newRig()
  rig.addTopic('memory')
  rig.world.broker.alarms.raise(Alarm.disk)
  rig.world.broker.alarms.raise(Alarm.journal)
  produce(rig, ['memory'])
  assert.deepEqual(taken(rig), [])
  rig.world.manual.clock.advance(950)
  rig.world.broker.timers.advance()
  rig.world.run()
  const [[, answer] = []] = rig.client.takeAnswers(ApiKey.Produce, VERSION)
  const partition = answer?.responses[0]?.partitionResponses[0]
  assert.equal(partition?.errorCode, KafkaError.REQUEST_TIMED_OUT)
  assert.match(partition.errorMessage ?? '', /low on disk & journal space .* whole timeout/)
  produce(rig, ['memory'])
  for (const alarm of Object.values(Alarm)) rig.world.broker.alarms.clear(alarm)
  rig.world.run()
  assert.deepEqual(taken(rig), ['2: 0'])
})

test('a request under which the journal runs out of room is taken in part, and the rest is to come again', () => {
  const rig = newRig()
  for (const durability of ['sync', 'os'] as const) rig.addTopic(durability)
  const { alarms } = rig.world.broker
  const [partition] = rig.world.vhost.streams.find('sync')?.partitions ?? []
  assert.ok(partition !== undefined)
  const append = partition.append.bind(partition)
  partition.append = (...batch) => {
    alarms.raise(Alarm.journal)
    return append(...batch)
  }
  produce(rig, ['sync', 'os'])
  rig.sync()
  assert.deepEqual(taken(rig), [`1: 0 ${KafkaError.REQUEST_TIMED_OUT}`])
})
