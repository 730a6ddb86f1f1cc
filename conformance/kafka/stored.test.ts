import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { ApiKey } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { KafkaError } from '../../packages/broker/src/protocols/kafka/errors.ts'
import { eventually } from '../clients/support/eventually.ts'
import { startKafkaBroker, uniqueTopic, type KafkaBroker } from '../clients/support/kafka-broker.ts'
import { batchOf, fetchBody, fetchFrom, produce, recordsOf } from './records.ts'
import { WireClient } from './wire-client.ts'

/** When the first record was written: not so long ago that it would be due. */
const baseMs = Date.now() - 3_600_000

/** A broker with a data directory that can be stopped and started again. */
class StoredBroker {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'polymq-stored-'))
  readonly topic: string = uniqueTopic('stored')
  #broker: KafkaBroker | null = null
  #client: WireClient | null = null

  static async start(
    options: { partitions?: number; configs?: Record<string, string> } = {},
  ): Promise<StoredBroker> {
    const stored = new StoredBroker()
    started.push(stored)
    await stored.#start()
    const configs = Object.entries(options.configs ?? {})
    const answer = await stored.client.request(ApiKey.CreateTopics, 5, {
      topics: [
        {
          name: stored.topic,
          numPartitions: options.partitions ?? 1,
          replicationFactor: 1,
          assignments: [],
          configs: configs.map(([name, value]) => ({ name, value })),
        },
      ],
      timeoutMs: 5000,
      validateOnly: false,
    })
    assert.equal(answer.topics[0]?.errorCode, KafkaError.NONE)
    return stored
  }

  async #start(): Promise<void> {
    const data = { directory: this.directory, durability: 'os' as const }
    this.#broker = await startKafkaBroker({ data })
    this.#client = await this.connect()
  }

  get broker(): KafkaBroker {
    return this.#broker as KafkaBroker
  }

  get client(): WireClient {
    return this.#client as WireClient
  }

  connect(): Promise<WireClient> {
    return WireClient.connect(this.broker)
  }

  /** `betweenLives` is run while nobody has the data directory. */
  async restart(betweenLives: () => void = () => {}): Promise<void> {
    await this.#stop()
    betweenLives()
    await this.#start()
  }

  async #stop(): Promise<void> {
    this.client.destroy()
    await this.broker.close()
  }

  async close(): Promise<void> {
    await this.#stop()
    rmSync(this.directory, { recursive: true })
  }

  /** Records of `bytes` bytes, a hundred to a batch, told apart by their beginning. */
  async fill(count: number, bytes: number, partition = 0): Promise<string[]> {
    const values = Array.from({ length: count }, (_, i) => `${partition}-${i} `.padEnd(bytes, '.'))
    for (let i = 0; i < count; i += 100) {
      const batch = batchOf(values.slice(i, i + 100), { timestamp: baseMs + i * 100 })
      const { errorCode } = await produce(this.client, batch, { topic: this.topic, partition })
      assert.equal(errorCode, KafkaError.NONE)
    }
    return values
  }

  /** All that a reader gets from `offset` on, a request at a time. */
  async readAll(
    client: WireClient,
    options: { partition?: number; partitionMaxBytes?: number } = {},
  ): Promise<string[]> {
    const values: string[] = []
    for (;;) {
      const request = { topic: this.topic, offset: values.length, ...options }
      const answer = await fetchFrom(client, request)
      assert.equal(answer.errorCode, KafkaError.NONE)
      if (values.length === Number(answer.highWatermark)) return values
      const records = recordsOf(answer)
      assert.notEqual(records.length, 0, 'what is on the disk is answered, however short the wait')
      for (const { offset, value } of records) {
        if (offset < values.length) continue
        assert.equal(offset, values.length)
        values.push(value)
      }
    }
  }

  segmentFiles(part: string): string[] {
    const streams = join(this.directory, 'streams')
    return readdirSync(streams)
      .flatMap((id) => readdirSync(join(streams, id)).map((name) => join(streams, id, name)))
      .filter((file) => file.endsWith(part))
  }
}

const started: StoredBroker[] = []
afterEach(async () => {
  for (const stored of started.splice(0)) await stored.close()
})

test('after a restart every record is read from the disk, in order, in large bites and in small ones', async () => {
  const stored = await StoredBroker.start({ configs: { 'segment.bytes': '2000000' } })
  const values = await stored.fill(6000, 1000)
  assert.deepEqual(await stored.readAll(stored.client), values)
  await stored.restart()
  assert.ok(stored.segmentFiles('.log').length >= 3)
  assert.deepEqual(await stored.readAll(stored.client), values)
  assert.deepEqual(await stored.readAll(stored.client, { partitionMaxBytes: 50_000 }), values)
  assert.deepEqual(await stored.readAll(stored.client, { partitionMaxBytes: 2 ** 30 }), values)
  for (let i = 0; i < 200; i++) {
    const offset = (i * 7919) % values.length
    const records = recordsOf(await fetchFrom(stored.client, { topic: stored.topic, offset }))
    const found = records.find((record) => record.offset === offset)
    assert.equal(found?.value, values[offset])
  }
})

test('one request for more partitions than fit in memory is answered bit by bit', async () => {
  const stored = await StoredBroker.start({ partitions: 20 })
  const expected: string[][] = []
  for (let partition = 0; partition < 20; partition++) {
    expected.push(await stored.fill(2000, 1000, partition))
  }
  await stored.restart()
  const found: string[][] = expected.map(() => [])
  const isDone = (): boolean => found.every((values) => values.length === 2000)
  for (let requests = 0; !isDone(); requests++) {
    assert.ok(requests < 400)
    // As clients do, those that got least come first.
    const order = found
      .map(({ length }, partition) => ({ length, partition }))
      .filter(({ length }) => length < 2000)
      .sort((a, b) => a.length - b.length)
    const partitions = order.map(({ length, partition }) => ({
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: length,
      lastFetchedEpoch: -1,
      logStartOffset: -1,
      partitionMaxBytes: 2 ** 20,
      replicaDirectoryId: Buffer.alloc(16),
    }))
    const topics = [{ topic: stored.topic, topicId: Buffer.alloc(16), partitions }]
    const body = { maxWaitMs: 500, minBytes: 1, maxBytes: 2 ** 30, topics }
    const answer = await stored.client.request(ApiKey.Fetch, 11, body)
    let records = 0
    for (const { partitionIndex, records: bytes } of answer.responses[0]?.partitions ?? []) {
      const own = found[partitionIndex] ?? []
      for (const { offset, value } of recordsOf({ records: bytes })) {
        if (offset === own.length) own.push(value)
        records++
      }
    }
    assert.notEqual(records, 0)
  }
  assert.deepEqual(found, expected)
})

test('an answer whose records leave memory while a slow reader takes it arrives whole', async () => {
  const stored = await StoredBroker.start({ partitions: 2 })
  const values = await stored.fill(8000, 1000)
  const reader = await stored.connect()
  reader.pause()
  const body = fetchBody({ topic: stored.topic, offset: 0, partitionMaxBytes: 2 ** 30 })
  const id = reader.post(ApiKey.Fetch, 11, body)
  // More than the journal has memory for.
  const batch = batchOf(Array.from({ length: 9 }, () => 'y'.repeat(100_000)))
  const to = { topic: stored.topic, partition: 1 }
  for (let bytes = 0; bytes < 80_000_000; bytes += batch.length) {
    await produce(stored.client, batch, to)
  }
  reader.resume()
  const answer = await reader.answer(ApiKey.Fetch, 11, id)
  const records = recordsOf(answer.responses[0]?.partitions[0] ?? { records: null })
  assert.deepEqual(
    records.map(({ value }) => value),
    values.slice(0, records.length),
  )
  assert.ok(records.length > 7000)
  reader.destroy()
  assert.deepEqual(await stored.readAll(stored.client), values)
})

test('a fetch that wants more than one page waits no longer than it must', async () => {
  const stored = await StoredBroker.start()
  await stored.fill(4000, 1000)
  await stored.restart()
  const startMs = performance.now()
  const limits = { minBytes: 3_000_000, partitionMaxBytes: 2 ** 30, maxWaitMs: 20_000 }
  const { records } = await fetchFrom(stored.client, { topic: stored.topic, offset: 0, ...limits })
  assert.ok((records?.length ?? 0) > 500_000)
  assert.ok(performance.now() - startMs < 10_000)
})

test('who reads old records does not hold up who reads new ones', async () => {
  const stored = await StoredBroker.start({ partitions: 9 })
  for (let partition = 0; partition < 8; partition++) await stored.fill(3000, 1000, partition)
  await stored.restart()
  const old = await Promise.all(
    Array.from({ length: 8 }, async (_, partition) => {
      const client = await stored.connect()
      return { client, done: stored.readAll(client, { partition }) }
    }),
  )
  let slowestMs = 0
  const reader = await stored.connect()
  for (let offset = 0; offset < 100; offset++) {
    const startMs = performance.now()
    const request = { topic: stored.topic, partition: 8, offset, maxWaitMs: 5000 }
    const fetched = fetchFrom(reader, request)
    await produce(stored.client, batchOf([`new ${offset}`]), { topic: stored.topic, partition: 8 })
    assert.deepEqual(recordsOf(await fetched), [{ offset, value: `new ${offset}` }])
    slowestMs = Math.max(slowestMs, performance.now() - startMs)
  }
  for (const { client, done } of old) {
    assert.equal((await done).length, 3000)
    client.destroy()
  }
  reader.destroy()
  assert.ok(slowestMs < 1000, `${slowestMs} ms`)
})

test('searches by time find their records on the disk', async () => {
  const stored = await StoredBroker.start({ configs: { 'segment.bytes': '1000000' } })
  await stored.fill(5000, 1000)
  await stored.restart()
  const ask = async (timestamp: number): Promise<{ offset: number; timestamp: number }> => {
    const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }]
    const topics = [{ name: stored.topic, partitions }]
    const answer = await stored.client.request(ApiKey.ListOffsets, 7, { topics })
    const found = answer.topics[0]?.partitions[0]
    assert.equal(found?.errorCode, KafkaError.NONE)
    return { offset: Number(found?.offset), timestamp: Number(found?.timestamp) }
  }
  for (const i of [0, 100, 900, 2500, 4900]) {
    const timestamp = baseMs + i * 100
    assert.deepEqual(await ask(timestamp), { offset: i, timestamp })
    assert.deepEqual(await ask(timestamp + 3), { offset: i + 3, timestamp: timestamp + 3 })
  }
  assert.deepEqual(await ask(baseMs + 10 ** 9), { offset: -1, timestamp: -1 })
  assert.deepEqual(await ask(-3), { offset: 4999, timestamp: baseMs + 490_000 + 99 })
})

test('retention by bytes removes whole files, as Kafka', async () => {
  const configs = { 'segment.bytes': '500000', 'retention.bytes': '1500000' }
  const stored = await StoredBroker.start({ configs })
  await stored.fill(5000, 1000)
  const { logStartOffset } = await eventually('old files go', async () => {
    const answer = await fetchFrom(stored.client, { topic: stored.topic, offset: 5000 })
    return Number(answer.logStartOffset) > 2000 ? answer : undefined
  })
  await eventually('their names too', () => {
    const bases = stored.segmentFiles('.log').map((file) => Number(file.slice(-24, -4)))
    return Math.min(...bases) >= Number(logStartOffset)
  })
  await stored.restart()
  const answer = await fetchFrom(stored.client, { topic: stored.topic, offset: 0 })
  assert.equal(answer.errorCode, KafkaError.OFFSET_OUT_OF_RANGE)
  const first = Number(logStartOffset)
  const from = await fetchFrom(stored.client, { topic: stored.topic, offset: first })
  assert.equal(recordsOf(from)[0]?.offset, first)
})

test('a damaged file stops its partition, with an error of its own, and no other', async () => {
  const stored = await StoredBroker.start({ partitions: 2 })
  await stored.fill(2000, 1000, 0)
  const values = await stored.fill(2000, 1000, 1)
  let damaged = ''
  await stored.restart(() => {
    const file = stored.segmentFiles('.log').find((name) => readFileSync(name).includes('0-1500 '))
    assert.ok(file)
    const bytes = readFileSync(file)
    bytes.write('?', bytes.indexOf('0-1500 '))
    writeFileSync(file, bytes)
    damaged = file
  })
  const topic = stored.topic
  await eventually('the damage is found', async () => {
    const { errorCode } = await fetchFrom(stored.client, { topic, offset: 1500, maxWaitMs: 1000 })
    return errorCode === KafkaError.KAFKA_STORAGE_ERROR
  })
  const produced = await produce(stored.client, batchOf(['a']), { topic, partition: 0 })
  assert.equal(produced.errorCode, KafkaError.KAFKA_STORAGE_ERROR)
  assert.deepEqual(await stored.readAll(stored.client, { partition: 1 }), values)
  const lines = stored.broker.lines().filter(({ level }) => level === 'error')
  assert.equal(lines.length, 1)
  assert.match(lines[0]?.message ?? '', new RegExp(damaged.slice(damaged.indexOf('streams/'))))
})
