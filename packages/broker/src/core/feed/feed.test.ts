import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { batchOf, compressed } from '../../testing/batches.ts'
import { eventually } from '../../testing/eventually.ts'
import { RecordingConsumer } from '../../testing/recording-consumer.ts'
import { TestBroker, type RecordingCaller } from '../../testing/test-broker.ts'
import { textPublication } from '../../testing/text-publication.ts'
import { noArguments } from '../arguments.ts'
import { Alarm } from '../alarms.ts'
import { Compression } from '../stream/record-batch.ts'
import type { Stream } from '../stream/stream.ts'
import type { FeedOptions } from './feed.ts'

const TRANSIENT = { durable: false, autoDelete: false, exclusiveOwner: 0, arguments: noArguments }

const CREDENTIAL =
  '$scrypt$ln=15,r=8,p=1$cG9seW1xIGRlZmF1bHQgZw$oJxj0Wy1aaCeGLG/zs9MY0JLf24yUtqy0fsBStsaF14'

/** Gzip, and nothing else. */
function decompress(codec: number, bytes: Buffer): Promise<Buffer | null> {
  return Promise.resolve(codec === Compression.gzip ? gunzipSync(bytes) : null)
}

class Rig {
  readonly test: TestBroker = new TestBroker({ decompress })
  readonly caller: RecordingCaller = this.test.newCaller()

  createStream(name: string, partitions: number = 1): Stream {
    const { streams } = this.test.vhost
    return streams.create(name, { partitions, config: streams.defaultConfig, settings: new Map() })
  }

  append(stream: Stream, bytes: Buffer, partition: number = 0): void {
    const appended = { baseOffset: 0, logAppendTimeMs: -1 }
    const refused = stream.partitions[partition]?.append(bytes, 0, bytes.length, appended)
    assert.equal(refused, null)
    this.test.run()
  }

  /** A queue bound to the exchange, and somebody who reads it. */
  reader(exchange: string, routingKey: string, queue: string = routingKey): RecordingConsumer {
    const { broker } = this.test
    broker.declareQueue(this.caller, 1, { name: queue, options: TRANSIENT })
    if (exchange !== '') this.bind(exchange, 'queue', queue, routingKey)
    const consumer = new RecordingConsumer()
    const options = { noAck: true, exclusive: false, priority: 0 }
    broker.consume(this.caller, 2, { queue, consumer, options })
    this.test.run()
    return consumer
  }

  bind(
    source: string,
    kind: 'queue' | 'stream' | 'exchange',
    destination: string,
    key: string = '',
  ): void {
    const binding = { source, destinationKind: kind, destination, routingKey: key }
    this.test.broker.bind(this.caller, 1, { ...binding, arguments: noArguments })
    this.test.run()
  }

  feed(
    name: string,
    options: Partial<FeedOptions> & Pick<FeedOptions, 'stream' | 'exchange'>,
  ): void {
    const all: FeedOptions = { routingKey: null, from: 'first', ...options }
    this.test.broker.declareFeed(this.caller, 1, { name, options: all })
    this.test.run()
  }

  feedAt(name: string): { state: string; reason: string | null; lag: number; carried: number } {
    const feed = this.test.vhost.feeds.find(name)
    assert.ok(feed !== undefined)
    const { state, reason, carried } = feed
    return { state, reason, carried, lag: feed.positions.reduce((sum, { lag }) => sum + lag, 0) }
  }

  publish(exchange: string, key: string, body: string): number {
    const publisher = this.test.broker.newPublisher(this.caller)
    const count = publisher.publish(
      textPublication({ exchange, key, body, header: Buffer.alloc(2) }),
    )
    this.test.run()
    return count
  }
}

const record = (
  value: string,
  key: string | null = null,
): { value: Buffer; key: Buffer | null } => ({
  value: Buffer.from(value),
  key: key === null ? null : Buffer.from(key),
})

test('a feed carries what a stream has and what comes, in order, to its exchange', () => {
  const rig = new Rig()
  const stream = rig.createStream('orders')
  rig.append(stream, batchOf([record('a'), record('b')]))
  const reader = rig.reader('amq.topic', 'orders')
  rig.feed('f', { stream: 'orders', exchange: 'amq.topic' })
  assert.deepEqual(reader.bodies, ['a', 'b'])
  rig.append(stream, batchOf([record('c')]))
  assert.deepEqual(reader.bodies, ['a', 'b', 'c'])
  assert.deepEqual(rig.feedAt('f'), { state: 'running', reason: null, lag: 0, carried: 3 })
})

test('a feed from the last record on leaves out what was there before it', () => {
  const rig = new Rig()
  const stream = rig.createStream('orders')
  rig.append(stream, batchOf([record('a')]))
  const reader = rig.reader('amq.topic', 'orders')
  rig.feed('f', { stream: 'orders', exchange: 'amq.topic', from: 'last' })
  rig.append(stream, batchOf([record('b')]))
  assert.deepEqual(reader.bodies, ['b'])
})

test("a record goes under the feed's routing key, else under that of its publication, else under its key", () => {
  const rig = new Rig()
  const stream = rig.createStream('orders')
  const byName = rig.reader('amq.direct', 'orders')
  const byKey = rig.reader('amq.direct', 'k')
  const published = rig.reader('amq.direct', 'p')
  const fixed = rig.reader('amq.fanout', '', 'all')
  rig.feed('free', { stream: 'orders', exchange: 'amq.direct' })
  rig.feed('fixed', { stream: 'orders', exchange: 'amq.fanout', routingKey: 'x' })
  const headers = [{ key: 'routing-key', value: Buffer.from('p') }]
  rig.append(stream, batchOf([record('1'), record('2', 'k'), { ...record('3', 'k'), headers }]))
  assert.deepEqual([byName.bodies, byKey.bodies, published.bodies], [['1'], ['2'], ['3']])
  assert.deepEqual(fixed.bodies, ['1', '2', '3'])
})

test('a feed to the default exchange fills a queue', () => {
  const rig = new Rig()
  const stream = rig.createStream('orders')
  const reader = rig.reader('', 'q')
  rig.feed('f', { stream: 'orders', exchange: '', routingKey: 'q' })
  rig.append(stream, batchOf([record('a')]))
  assert.deepEqual(reader.bodies, ['a'])
})

test('a feed opens compressed batches', async () => {
  const rig = new Rig()
  const stream = rig.createStream('orders')
  const reader = rig.reader('amq.topic', 'orders')
  rig.feed('f', { stream: 'orders', exchange: 'amq.topic' })
  rig.append(stream, compressed(batchOf([record('a'), record('b')]), 1, gzipSync))
  await eventually(() => {
    rig.test.run()
    return reader.bodies.length === 2
  }, 'both records')
  assert.deepEqual(reader.bodies, ['a', 'b'])
})

test('a batch that cannot be opened stops its partition, and says which', async () => {
  const rig = new Rig()
  const stream = rig.createStream('orders', 2)
  const reader = rig.reader('amq.topic', 'orders')
  rig.feed('f', { stream: 'orders', exchange: 'amq.topic' })
  const batch = compressed(batchOf([record('lost')]), 2, () => Buffer.from('no snappy'))
  rig.append(stream, batch, 1)
  await eventually(() => {
    rig.test.run()
    return rig.feedAt('f').state === 'stopped'
  }, 'the feed stops')
  assert.match(rig.feedAt('f').reason ?? '', /partition 1 of stream 'orders'.*cannot be opened/)
  rig.append(stream, batchOf([record('a')]), 0)
  assert.deepEqual(reader.bodies, ['a'])
  assert.equal(rig.feedAt('f').state, 'stopped')
})

test('a feed waits while publishers wait', () => {
  const rig = new Rig()
  const stream = rig.createStream('orders')
  const reader = rig.reader('amq.topic', 'orders')
  rig.feed('f', { stream: 'orders', exchange: 'amq.topic' })
  rig.test.broker.alarms.raise(Alarm.memory)
  rig.append(stream, batchOf([record('a')]))
  assert.deepEqual(reader.bodies, [])
  assert.match(rig.feedAt('f').reason ?? '', /publishers wait/)
  rig.test.broker.alarms.clear(Alarm.memory)
  rig.test.run()
  assert.deepEqual(reader.bodies, ['a'])
  assert.equal(rig.feedAt('f').state, 'running')
})

test('a feed waits for its exchange to be there again', () => {
  const rig = new Rig()
  const { broker } = rig.test
  const stream = rig.createStream('orders')
  const options = { ...TRANSIENT, type: 'fanout', internal: false } as const
  broker.declareExchange(rig.caller, 1, { name: 'e', options })
  rig.feed('f', { stream: 'orders', exchange: 'e' })
  broker.deleteExchange(rig.caller, 1, { name: 'e', ifUnused: false })
  rig.append(stream, batchOf([record('a')]))
  assert.match(rig.feedAt('f').reason ?? '', /no exchange 'e'/)
  broker.declareExchange(rig.caller, 1, { name: 'e', options })
  const reader = rig.reader('e', '', 'q')
  rig.test.advance(1000)
  assert.deepEqual(reader.bodies, ['a'])
})

test('a feed goes with its stream', () => {
  const rig = new Rig()
  const stream = rig.createStream('orders')
  rig.feed('f', { stream: 'orders', exchange: 'amq.topic' })
  rig.test.vhost.streams.delete(stream)
  rig.test.run()
  assert.equal(rig.test.vhost.feeds.find('f'), undefined)
})

test('a feed says what retention took before it was carried', () => {
  const rig = new Rig()
  const stream = rig.createStream('orders')
  for (const value of ['a', 'b', 'c']) rig.append(stream, batchOf([record(value)]))
  stream.partitions[0]?.moveLogStart(2)
  const reader = rig.reader('amq.topic', 'orders')
  rig.feed('f', { stream: 'orders', exchange: 'amq.topic' })
  assert.deepEqual(reader.bodies, ['c'])
  assert.ok(rig.test.logger.lines.some(({ message }) => /has missed 2 records/.test(message)))
})

test('a deleted feed carries nothing more', () => {
  const rig = new Rig()
  const stream = rig.createStream('orders')
  const reader = rig.reader('amq.topic', 'orders')
  rig.feed('f', { stream: 'orders', exchange: 'amq.topic' })
  rig.test.broker.deleteFeed(rig.caller, 1, 'f')
  rig.append(stream, batchOf([record('a')]))
  assert.deepEqual(reader.bodies, [])
})

test('what is published to an exchange comes into the streams that are bound to it', () => {
  const rig = new Rig()
  const stream = rig.createStream('orders')
  rig.bind('amq.topic', 'stream', 'orders', 'order.#')
  const reader = rig.reader('amq.topic', 'order.*', 'q')
  assert.equal(rig.publish('amq.topic', 'order.new', 'a'), 2)
  assert.equal(rig.publish('amq.topic', 'other', 'b'), 0)
  assert.deepEqual(reader.bodies, ['a'])
  assert.equal(stream.partitions[0]?.logEnd, 1)
})

test('messages of one routing key stay together in one partition', () => {
  const rig = new Rig()
  const stream = rig.createStream('orders', 8)
  rig.bind('amq.fanout', 'stream', 'orders')
  for (let i = 0; i < 64; i++) rig.publish('amq.fanout', `key${i % 4}`, String(i))
  const ends = stream.partitions.map(({ logEnd }) => logEnd).filter((end) => end > 0)
  assert.equal(ends.length > 1, true)
  assert.equal(
    ends.every((end) => end % 16 === 0),
    true,
  )
})

test('what comes from a stream and goes into a stream keeps its key and its value', () => {
  const rig = new Rig()
  const from = rig.createStream('from')
  rig.createStream('to')
  rig.bind('amq.fanout', 'stream', 'to')
  rig.feed('there', { stream: 'from', exchange: 'amq.fanout' })
  const reader = rig.reader('amq.direct', 'k')
  rig.feed('back', { stream: 'to', exchange: 'amq.direct' })
  rig.append(from, batchOf([record('a', 'k')]))
  rig.test.run()
  assert.deepEqual(reader.bodies, ['a'])
})

test('a stream cannot feed itself, however long the way', () => {
  const rig = new Rig()
  rig.createStream('s')
  rig.createStream('t')
  rig.bind('amq.topic', 'stream', 's', '#')
  rig.feed('f', { stream: 's', exchange: 'amq.topic' })
  assert.match(
    rig.caller.lastError ?? '',
    /precondition-failed: exchange 'amq.topic' leads back to stream 's'/,
  )
  rig.feed('f', { stream: 's', exchange: 'amq.fanout' })
  assert.equal(rig.caller.last?.kind, 'done')
  rig.bind('amq.fanout', 'exchange', 'amq.topic')
  assert.match(
    rig.caller.lastError ?? '',
    /feed 'f' would carry the records of stream 's' round for ever/,
  )
  rig.bind('amq.fanout', 'stream', 't')
  assert.equal(rig.caller.last?.kind, 'done')
  rig.feed('g', { stream: 't', exchange: 'amq.topic' })
  assert.match(rig.caller.lastError ?? '', /leads back to stream 't'/)
})

test('a message that is larger than the stream takes is refused, and nobody has it', () => {
  const rig = new Rig()
  const { streams } = rig.test.vhost
  const config = { ...streams.defaultConfig, batchBytesMax: 200 }
  streams.create('small', { partitions: 1, config, settings: new Map() })
  rig.bind('amq.fanout', 'stream', 'small')
  const reader = rig.reader('amq.fanout', '', 'q')
  assert.throws(() => rig.publish('amq.fanout', 'k', 'x'.repeat(500)), /max.message.bytes is 200/)
  assert.deepEqual(reader.bodies, [])
  assert.equal(rig.publish('amq.fanout', 'k', 'x'), 2)
})

test('declaring a feed again succeeds only if it is the same', () => {
  const rig = new Rig()
  rig.createStream('s')
  rig.feed('f', { stream: 's', exchange: 'amq.topic' })
  rig.feed('f', { stream: 's', exchange: 'amq.topic' })
  assert.equal(rig.caller.last?.kind, 'done')
  rig.feed('f', { stream: 's', exchange: 'amq.direct' })
  assert.match(
    rig.caller.lastError ?? '',
    /feed 'f' exists with exchange 'amq.topic', not 'amq.direct'/,
  )
})

test('who declares or deletes a feed must be allowed to read its stream and to write to its exchange', () => {
  const rig = new Rig()
  const { broker } = rig.test
  rig.createStream('s')
  rig.feed('f', { stream: 's', exchange: 'amq.topic' })
  broker.access.users.addWithCredential({ name: 'ann', credential: CREDENTIAL })
  const ann = rig.test.newCaller('ann')
  const options = { stream: 's', exchange: 'amq.topic', routingKey: null, from: 'first' } as const
  for (const [read, write, allowed] of [
    ['^s$', '^amq', true],
    ['^s$', '^$', false],
    ['^$', '^amq', false],
  ] as const) {
    broker.access.permissions.set({ user: 'ann', vhost: '/', configure: '^$', write, read })
    broker.declareFeed(ann, 1, { name: 'f', options })
    broker.deleteFeed(ann, 2, allowed ? 'g' : 'f')
    rig.test.run()
    const answers = ann.answers.splice(0).map(({ outcome }) => outcome.kind)
    assert.deepEqual(answers, allowed ? ['done', 'done'] : ['failed', 'failed'])
  }
  assert.notEqual(rig.test.vhost.feeds.find('f'), undefined)
})

test('a feed from a stream that is a queue may fill another queue by its name, but not itself', () => {
  const rig = new Rig()
  const options = { ...TRANSIENT, durable: true, arguments: new Map([['x-queue-type', 'stream']]) }
  rig.test.broker.declareQueue(rig.caller, 1, { name: 's', options })
  rig.createStream('t')
  const reader = rig.reader('', 'q')
  rig.feed('f', { stream: 's', exchange: '', routingKey: 'q' })
  assert.equal(rig.caller.last?.kind, 'done')
  assert.equal(rig.publish('', 's', 'a'), 1)
  assert.deepEqual(reader.bodies, ['a'])
  rig.feed('g', { stream: 's', exchange: '', routingKey: 's' })
  assert.match(rig.caller.lastError ?? '', /leads back to stream 's'/)
  rig.feed('h', { stream: 's', exchange: '' })
  assert.match(rig.caller.lastError ?? '', /leads back to stream 's'/)
  rig.feed('i', { stream: 's', exchange: '', routingKey: 't' })
  assert.equal(rig.caller.last?.kind, 'done')
  rig.bind('amq.fanout', 'stream', 's')
  rig.feed('j', { stream: 't', exchange: 'amq.fanout' })
  assert.equal(rig.caller.last?.kind, 'done')
  rig.test.broker.declareQueue(rig.caller, 1, { name: 't', options })
  rig.test.run()
  assert.match(rig.caller.lastError ?? '', /feed 'i' would carry the records of stream 's' round/)
})
