import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noArguments } from '../arguments.ts'
import { Delivery } from '../consumer.ts'
import { limits } from '../limits.ts'
import { Memory } from '../memory.ts'
import { store, StoredMessage } from '../message.ts'
import { FakeRecordLog } from '../../testing/fake-record-log.ts'
import { ManualTurn } from '../../testing/manual-turn.ts'
import { RecordingConsumer } from '../../testing/recording-consumer.ts'
import { textPublication } from '../../testing/text-publication.ts'
import { ConsumerEntry } from './consumers.ts'
import { Queue } from './queue.ts'

const BLOCK_SIZE = 1024
const BLOCK_BYTES = BLOCK_SIZE * 8

class Rig {
  readonly manual: ManualTurn = new ManualTurn()
  readonly log: FakeRecordLog = new FakeRecordLog()
  readonly memory: Memory = new Memory(2 ** 30, 0.9)
  readonly queue: Queue
  #lastId: number = 0

  constructor() {
    const options = { durable: false, autoDelete: false, exclusiveOwner: 0, arguments: noArguments }
    this.queue = new Queue(7, 'q', options, {
      log: this.log,
      memory: this.memory,
      delivery: new Delivery(new StoredMessage()),
      turn: this.manual.turn,
      store: null,
    })
  }

  push(...bodies: string[]): void {
    for (const body of bodies) this.queue.push(store(this.log, textPublication({ body })))
  }

  pushMany(count: number): void {
    for (let i = 0; i < count; i++) this.push(String(this.queue.tail))
  }

  consume(options: { credit?: number; noAck?: boolean } = {}): RecordingConsumer {
    const consumer = new RecordingConsumer(options.credit)
    const consumeOptions = { noAck: options.noAck ?? false, exclusive: false, priority: 0 }
    this.queue.consumers.add(new ConsumerEntry(++this.#lastId, consumer, 1, consumeOptions))
    this.manual.turn.schedule(this.queue)
    return consumer
  }

  run(): void {
    this.manual.runAll()
  }

  /** Lets a consumer that is out of credit have more. */
  grant(consumer: RecordingConsumer, credit: number): void {
    consumer.credit = credit
    for (const entry of this.queue.consumers.values()) {
      if (entry.consumer === consumer) this.queue.consumers.ready(entry)
    }
    this.manual.turn.schedule(this.queue)
    this.run()
  }

  assertEmpty(): void {
    assert.equal(this.queue.ready, 0)
    assert.equal(this.queue.unsettled, 0)
    assert.equal(this.log.live, 0, 'records are left in the log')
  }
}

test('messages are delivered in the order in which they came', () => {
  const rig = new Rig()
  rig.push('a', 'b')
  const consumer = rig.consume()
  rig.push('c')
  rig.run()
  rig.push('d')
  rig.run()
  assert.deepEqual(consumer.bodies, ['a', 'b', 'c', 'd'])
  assert.ok(
    consumer.deliveries.every(
      (each) => !each.redelivered && each.queue === 7 && each.consumer === 1,
    ),
  )
  assert.equal(rig.queue.unsettled, 4)
  for (const { sequence } of consumer.deliveries) rig.queue.settle(sequence)
  rig.assertEmpty()
})

test('a message that comes back goes to its place, before later ones, and is flagged redelivered', () => {
  const rig = new Rig()
  const first = rig.consume({ credit: 3 })
  rig.push('a', 'b', 'c', 'd')
  rig.run()
  const [a, b, c] = first.deliveries
  rig.queue.requeue(c!.sequence)
  rig.queue.requeue(a!.sequence)
  assert.equal(rig.queue.ready, 3)
  const second = rig.consume()
  rig.run()
  assert.deepEqual(second.bodies, ['a', 'c', 'd'])
  assert.deepEqual(
    second.deliveries.map((each) => each.redelivered),
    [true, true, false],
  )
  rig.queue.requeue(b!.sequence)
  rig.run()
  assert.equal(second.bodies.at(-1), 'b')
})

test('get takes one message out, flagged like a delivery', () => {
  const rig = new Rig()
  assert.equal(rig.queue.get(), null)
  rig.push('a', 'b')
  assert.deepEqual(rig.queue.get(), { sequence: 0, redelivered: false })
  assert.ok(rig.queue.isOut(0))
  assert.equal(rig.queue.ready, 1)
  rig.queue.requeue(0)
  assert.deepEqual(rig.queue.get(), { sequence: 0, redelivered: true })
  rig.queue.settle(0)
  rig.queue.get()
  rig.queue.settle(1)
  rig.assertEmpty()
})

test('with no-ack a message is done with once it is delivered', () => {
  const rig = new Rig()
  const consumer = rig.consume({ noAck: true })
  rig.pushMany(3000)
  rig.run()
  assert.equal(consumer.deliveries.length, 3000)
  rig.assertEmpty()
})

test('a consumer that settles others while it is handed a message with no-ack does no harm', () => {
  const rig = new Rig()
  rig.pushMany(3 * BLOCK_SIZE)
  for (let i = 0; i < BLOCK_SIZE; i++) rig.queue.get()
  const consumer = rig.consume({ noAck: true })
  let next = 0
  // Every other message of another block: the queue looks at that one meanwhile.
  consumer.onDelivery = (): void => {
    if (next < BLOCK_SIZE) rig.queue.settle(next)
    next += 2
  }
  rig.run()
  assert.equal(rig.queue.unsettled, BLOCK_SIZE / 2)
  rig.queue.delete()
  rig.run()
  assert.equal(rig.log.live, 0)
})

test('a run hands out a bounded number of messages and bytes', () => {
  const rig = new Rig()
  const consumer = rig.consume()
  rig.pushMany(limits.deliveriesPerRun * 3)
  rig.queue.run()
  assert.equal(consumer.deliveries.length, limits.deliveriesPerRun)
  assert.ok(rig.queue.run())
  assert.equal(consumer.deliveries.length, limits.deliveriesPerRun * 2)
  rig.run()
  consumer.deliveries.length = 0
  const body = 'x'.repeat(10_000)
  for (let i = 0; i < 100; i++) rig.push(body)
  assert.ok(rig.queue.run())
  const bytes = consumer.deliveries.length * body.length
  assert.ok(
    bytes >= limits.deliveryBytesPerRun - body.length &&
      bytes <= limits.deliveryBytesPerRun + body.length,
  )
})

test('a queue whose consumers are not ready waits without being asked to run', () => {
  const rig = new Rig()
  const consumer = rig.consume({ credit: 2 })
  rig.push('a', 'b', 'c')
  rig.run()
  assert.deepEqual(consumer.bodies, ['a', 'b'])
  assert.ok(!rig.manual.armed)
  assert.equal(rig.queue.ready, 1)
  rig.grant(consumer, 1)
  assert.deepEqual(consumer.bodies, ['a', 'b', 'c'])
})

test('purge removes what is ready and nothing that is out', () => {
  const rig = new Rig()
  const consumer = rig.consume({ credit: 5 })
  rig.pushMany(20_000)
  rig.run()
  rig.queue.requeue(1)
  rig.queue.requeue(3)
  assert.equal(rig.queue.purge(), 19_997)
  assert.equal(rig.queue.ready, 0)
  assert.equal(rig.queue.unsettled, 3)
  assert.equal(rig.queue.purge(), 0)
  rig.push('after')
  rig.grant(consumer, 10)
  assert.deepEqual(consumer.bodies.slice(5), ['after'])
  // What was out may come back after the purge.
  rig.queue.requeue(2)
  rig.run()
  assert.equal(consumer.bodies.at(-1), '2')
  for (const sequence of [0, 2, 4, 20_000]) rig.queue.settle(sequence)
  rig.assertEmpty()
})

test('delete lets go of everything once, also amid a purge and with messages out', () => {
  const rig = new Rig()
  rig.consume({ credit: 3000 })
  rig.pushMany(30_000)
  rig.run()
  for (let i = 0; i < 3000; i += 3) rig.queue.settle(i)
  for (let i = 1; i < 3000; i += 3) rig.queue.requeue(i)
  rig.queue.purge()
  rig.manual.runOnce()
  rig.pushMany(100)
  rig.queue.delete()
  assert.equal(rig.queue.ready, 0)
  rig.run()
  assert.equal(rig.log.live, 0)
  assert.equal(rig.memory.indexBytes, 0)
})

test('a queue without messages keeps no index, after any number of them', () => {
  const rig = new Rig()
  rig.consume({ noAck: true })
  for (let round = 0; round < 20; round++) {
    rig.pushMany(BLOCK_SIZE)
    rig.run()
  }
  assert.equal(rig.memory.indexBytes, 0)
  rig.push('one more')
  assert.equal(rig.memory.indexBytes, BLOCK_BYTES)
  rig.run()
  rig.assertEmpty()
})

test('a million messages behind one that is stuck cost a few blocks', () => {
  const rig = new Rig()
  const publication = textPublication({ body: 'x' })
  rig.push('stuck')
  rig.queue.get()
  const before = process.memoryUsage().arrayBuffers
  for (let i = 1; i <= 1_000_000; i++) {
    rig.queue.push(store(rig.log, publication))
    rig.queue.get()
    rig.queue.settle(i)
    if (i % 1000 === 0) assert.ok(rig.memory.indexBytes <= 2 * BLOCK_BYTES)
  }
  const after = process.memoryUsage().arrayBuffers
  assert.ok(after - before < 10_000_000, `${after - before} bytes`)
  assert.equal(rig.log.live, 1)
  rig.queue.settle(0)
  rig.assertEmpty()
})
