import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { batchOf, compressed, newBatch } from '../../testing/batches.ts'
import { eventually } from '../../testing/eventually.ts'
import { registerFormats } from '../../testing/message-formats.ts'
import { RecordingConsumer } from '../../testing/recording-consumer.ts'
import { TestBroker, type RecordingCaller } from '../../testing/test-broker.ts'
import { limits } from '../limits.ts'
import type { DecompressLater } from './partition-reader.ts'
import { Compression } from './record-batch.ts'
import type { StreamPlace } from './stream-place.ts'
import type { Stream } from './stream.ts'

const QUEUE = {
  durable: true,
  autoDelete: false,
  exclusiveOwner: 0,
  arguments: new Map<string, string | number>([['x-queue-type', 'stream']]),
}
const OPTIONS = { noAck: false, exclusive: false, priority: 0 }

class Rig {
  readonly test: TestBroker
  readonly caller: RecordingCaller

  constructor(decompress?: DecompressLater) {
    this.test = new TestBroker({ ...(decompress && { decompress }) })
    registerFormats(this.test.broker.formats)
    this.caller = this.test.newCaller()
  }

  declare(name: string, partitions: number = 1): Stream {
    const args = new Map([...QUEUE.arguments, ['x-partitions', partitions] as const])
    this.test.broker.declareQueue(this.caller, 1, { name, options: { ...QUEUE, arguments: args } })
    this.test.run()
    assert.equal(this.caller.lastError, undefined)
    return this.test.vhost.findStreamQueue(name) as Stream
  }

  append(stream: Stream, bytes: Buffer, partition: number = 0): void {
    const appended = { baseOffset: 0, logAppendTimeMs: -1 }
    assert.equal(stream.partitions[partition]?.append(bytes, 0, bytes.length, appended), null)
    this.test.run()
  }

  /** Records with these values, in a batch of their own. */
  say(stream: Stream, values: readonly string[], partition: number = 0): void {
    const records = values.map((value) => ({ value: Buffer.from(value) }))
    this.append(stream, batchOf(records), partition)
  }

  consume(queue: string, from: StreamPlace, credit: number = Infinity): RecordingConsumer {
    const consumer = new RecordingConsumer(credit)
    const reading = { from, prefetch: 10, isPrefetchShared: false }
    this.test.broker.consume(this.caller, 2, { queue, consumer, options: OPTIONS, reading })
    this.test.run()
    return consumer
  }

  until(awaited: string, condition: () => boolean): Promise<void> {
    const look = (): boolean => {
      this.test.run()
      return condition()
    }
    return eventually(look, awaited)
  }

  /** Of the consumer that came last. */
  get consumerId(): number {
    const last = this.caller.answers.findLast(({ outcome }) => outcome.kind === 'consuming')
    return last?.outcome.kind === 'consuming' ? last.outcome.consumer : 0
  }

  /** The consumer may take so many more. */
  give(consumer: RecordingConsumer, credit: number): void {
    consumer.credit = credit
    this.test.broker.consumerReady(this.consumerId)
    this.test.run()
  }
}

const first: StreamPlace = { at: 'first' }

test('a consumer gets what is there and then what comes, partition by partition in order', () => {
  const rig = new Rig()
  const stream = rig.declare('s', 3)
  for (const partition of [0, 1, 2])
    rig.say(
      stream,
      ['a', 'b'].map((x) => `${x}${partition}`),
      partition,
    )
  const consumer = rig.consume('s', first)
  rig.say(stream, ['c1'], 1)
  for (const partition of [0, 1, 2]) {
    const own = consumer.bodies.filter((body) => body.endsWith(String(partition)))
    assert.deepEqual(own, partition === 1 ? ['a1', 'b1', 'c1'] : [`a${partition}`, `b${partition}`])
  }
})

test('a consumer without credit is given nothing, and goes on where it was', () => {
  const rig = new Rig()
  const stream = rig.declare('s')
  rig.say(stream, ['1', '2', '3', '4'])
  const consumer = rig.consume('s', first, 1)
  assert.deepEqual(consumer.bodies, ['1'])
  rig.give(consumer, 2)
  assert.deepEqual(consumer.bodies, ['1', '2', '3'])
  rig.give(consumer, 2)
  rig.say(stream, ['5'])
  assert.deepEqual(consumer.bodies, ['1', '2', '3', '4', '5'])
})

test('what a run hands out is bounded, and all of it comes', () => {
  const rig = new Rig()
  const stream = rig.declare('s')
  const values = Array.from({ length: 3 * limits.deliveriesPerRun }, (_, i) => String(i))
  rig.say(stream, values)
  const consumer = rig.consume('s', first)
  assert.deepEqual(consumer.bodies, values)
})

test('of very many partitions each has its turn, and every record comes once', () => {
  const rig = new Rig()
  const partitions = 50
  const stream = rig.declare('s', partitions)
  const each = limits.deliveriesPerRun + 10
  for (let i = 0; i < partitions; i++) {
    for (const _ of [1, 2, 3]) rig.append(stream, newBatch({ records: each, bytes: 1 }), i)
  }
  const consumer = rig.consume('s', first, 1)
  rig.give(consumer, 3 * each * partitions)
  assert.equal(consumer.deliveries.length, 3 * each * partitions)
  const counts = new Map<number, number>()
  let switches = 0
  let last = -1
  for (const { sequence } of consumer.deliveries) {
    counts.set(sequence, (counts.get(sequence) ?? 0) + 1)
    if (sequence !== last + 1) switches++
    last = sequence
  }
  // Each offset once a partition; and no partition was read to its end while others waited.
  assert.ok([...counts.values()].every((count) => count === partitions))
  assert.ok(switches >= 2 * partitions, `${switches} switches`)
})

test('a compressed batch is opened beside the turn, and its records come in their order', async () => {
  const decompress: DecompressLater = (codec, bytes) =>
    Promise.resolve(codec === Compression.gzip ? gunzipSync(bytes) : null)
  const rig = new Rig(decompress)
  const stream = rig.declare('s')
  const records = ['1', '2', '3'].map((value) => ({ value: Buffer.from(value) }))
  rig.append(stream, compressed(batchOf(records), Compression.gzip, gzipSync))
  rig.say(stream, ['4'])
  const consumer = rig.consume('s', { at: 'offset', offset: 1 })
  await rig.until('all have come', () => consumer.bodies.length === 3)
  assert.deepEqual(consumer.bodies, ['2', '3', '4'])
})

test('a batch that cannot be opened ends its partition, says so, and leaves the others', async () => {
  const rig = new Rig()
  const stream = rig.declare('s', 2)
  const packed = compressed(newBatch(), Compression.lz4, (bytes) => bytes)
  rig.append(stream, packed, 0)
  rig.say(stream, ['a'], 1)
  const consumer = rig.consume('s', first)
  const { lines } = rig.test.logger
  await rig.until('a log line', () => lines.some(({ message }) => /cannot be opened/.test(message)))
  rig.say(stream, ['b'], 1)
  assert.deepEqual(consumer.bodies, ['a', 'b'])
  assert.ok(!consumer.isCancelled)
})

test('a consumer of a stream none of which can be read any more is told', async () => {
  const rig = new Rig()
  const stream = rig.declare('s')
  rig.append(
    stream,
    compressed(newBatch(), Compression.lz4, (bytes) => bytes),
  )
  const consumer = rig.consume('s', first)
  await rig.until('it is told', () => consumer.isCancelled)
})

test('a consumer that waits for credit is told when its stream is gone', () => {
  const rig = new Rig()
  const stream = rig.declare('s')
  rig.say(stream, ['1', '2'])
  const consumer = rig.consume('s', first, 1)
  rig.test.vhost.streams.delete(stream)
  rig.test.run()
  assert.ok(consumer.isCancelled)
  rig.give(consumer, 5)
  assert.deepEqual(consumer.bodies, ['1'])
})

test('a consumer that is cancelled gets nothing any more', () => {
  const rig = new Rig()
  const stream = rig.declare('s')
  const consumer = rig.consume('s', first)
  rig.test.broker.cancel(rig.caller, 3, rig.consumerId)
  rig.say(stream, ['1'])
  assert.deepEqual(consumer.bodies, [])
  assert.ok(!consumer.isCancelled)
  assert.equal(rig.test.broker.streamConsumers.count(stream), 0)
})

test('settling a record, be it twice, takes nothing from anybody', () => {
  const rig = new Rig()
  const stream = rig.declare('s')
  rig.say(stream, ['1'])
  const consumer = rig.consume('s', first)
  const [delivery] = consumer.deliveries
  assert.ok(delivery)
  const { queue, sequence } = delivery
  for (const _ of [1, 2]) {
    rig.test.broker.settle(queue, sequence)
    rig.test.broker.requeue(queue, sequence)
  }
  assert.deepEqual(rig.consume('s', first).bodies, ['1'])
})

test('a consumer that says nothing of its prefetch is refused, as one that acknowledges nothing', () => {
  const rig = new Rig()
  rig.declare('s')
  const consumer = new RecordingConsumer()
  const { broker } = rig.test
  broker.consume(rig.caller, 2, { queue: 's', consumer, options: OPTIONS })
  rig.test.run()
  assert.match(rig.caller.lastError ?? '', /^precondition-failed: consumer prefetch count/)
  const reading = { from: first, prefetch: 1, isPrefetchShared: true }
  broker.consume(rig.caller, 2, { queue: 's', consumer, options: OPTIONS, reading })
  rig.test.run()
  assert.match(rig.caller.lastError ?? '', /does not support global qos$/)
})

test('deleting only what nobody uses, or what is empty, spares a stream that is used, or is not', () => {
  const rig = new Rig()
  const stream = rig.declare('s')
  rig.say(stream, ['1'])
  rig.consume('s', first)
  for (const asked of [
    { ifUnused: true, ifEmpty: false },
    { ifUnused: false, ifEmpty: true },
  ]) {
    rig.test.broker.deleteQueue(rig.caller, 1, { name: 's', ...asked })
    rig.test.run()
    assert.match(rig.caller.lastError ?? '', /^in-use: queue 's' in vhost '\/' (in use|not empty)/)
  }
})
