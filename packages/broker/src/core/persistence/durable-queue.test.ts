import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noArguments } from '../arguments.ts'
import { bodies, DurableRig } from '../../testing/durable-rig.ts'
import { FaultyDisk } from '../../testing/faulty-disk.ts'

const DURABLE = { durable: true, autoDelete: false, exclusiveOwner: 0, arguments: noArguments }

test('what was confirmed is there after a kill, in order, and nothing else', async () => {
  const rig = await DurableRig.open()
  await rig.declare('q')
  for (const body of bodies(300)) rig.publish(body)
  await rig.durable.settle()
  assert.equal(rig.confirmed, 300)
  const next = await rig.kill()
  assert.equal(next.queue().ready, 300)
  const consumer = await next.consume()
  assert.deepEqual(consumer.bodies, bodies(300))
  assert.deepEqual(
    consumer.deliveries.filter(({ redelivered }) => redelivered),
    [],
  )
})

test('a confirm comes after the sync and not before', async () => {
  const disk = new FaultyDisk()
  const rig = await DurableRig.open(disk)
  await rig.declare('q')
  disk.pause()
  rig.publish('a')
  await rig.durable.settle()
  assert.equal(rig.confirmed, 0)
  assert.equal(rig.queue().ready, 0, 'what is not safe is not shown')
  disk.step('journal')
  await rig.durable.settle()
  assert.equal(rig.confirmed, 0, 'written is not safe')
  disk.step('journal')
  await rig.durable.settle()
  assert.equal(rig.confirmed, 1)
  assert.equal(rig.queue().ready, 1)
})

test('what was settled does not come back, what was out comes back flagged', async () => {
  const rig = await DurableRig.open()
  await rig.declare('q')
  for (const body of bodies(20)) rig.publish(body)
  const consumer = await rig.consume('q', { credit: 10 })
  assert.equal(consumer.deliveries.length, 10)
  for (const { queue, sequence } of consumer.deliveries.slice(0, 6)) {
    rig.durable.broker.settle(queue, sequence)
  }
  await rig.durable.advance(20)
  const next = await rig.kill()
  assert.equal(next.queue().ready, 14)
  const again = await next.consume()
  assert.deepEqual(again.bodies, bodies(14, { from: 6 }))
  assert.ok(again.deliveries.slice(0, 4).every(({ redelivered }) => redelivered))
})

test('how often a message came back is known after a restart', async () => {
  const rig = await DurableRig.open()
  await rig.declare('q')
  rig.publish('poison')
  const consumer = await rig.consume('q', { credit: 1 })
  const { queue, sequence } = consumer.deliveries[0] as { queue: number; sequence: number }
  rig.durable.broker.requeue(queue, sequence)
  await rig.durable.advance(20)
  const next = await rig.kill()
  assert.equal(next.queue().returns(sequence), 1)
})

test('transient messages and queues are gone after a restart, durable ones stay', async () => {
  const rig = await DurableRig.open()
  await rig.declare('q')
  const options = { ...DURABLE, durable: false }
  rig.durable.broker.declareQueue(rig.caller, 1, { name: 'passing', options })
  rig.publish('a')
  rig.publish('transient', 'q', 0)
  rig.publish('b')
  await rig.durable.settle()
  assert.equal(rig.queue().ready, 3)
  const next = await rig.kill()
  assert.equal(next.durable.vhost.findQueue('passing'), undefined)
  assert.equal(next.queue().ready, 2)
  const consumer = await next.consume()
  assert.deepEqual(consumer.bodies, ['a', 'b'])
})

test('a transient message does not overtake a persistent one that waits for the disk', async () => {
  const disk = new FaultyDisk()
  const rig = await DurableRig.open(disk)
  await rig.declare('q')
  const consumer = await rig.consume('q', { noAck: true })
  disk.pause()
  rig.publish('first')
  rig.publish('second', 'q', 0)
  await rig.durable.settle()
  assert.deepEqual(consumer.bodies, [])
  disk.resume()
  await rig.durable.settle()
  assert.deepEqual(consumer.bodies, ['first', 'second'])
})

test('laps of the ring: waiting messages move to keep files and are delivered in order', async () => {
  const rig = await DurableRig.open()
  await rig.declare('q', 'other')
  const count = 3000
  for (let i = 0; i < count; i++) {
    rig.publish(`m${i} ${'x'.repeat(400)}`)
    if (i % 10 === 0) rig.publish(`o${i}`, 'other')
    if (i % 25 === 0) await rig.durable.settle()
  }
  await rig.durable.settle()
  const { journal, keep } = rig.durable.store
  assert.ok(journal.head > 2 * journal.capacity, 'the ring was written over more than once')
  assert.ok(keep.size > 0)
  assert.equal(rig.queue().ready, count)
  const next = await rig.kill()
  assert.equal(next.queue().ready, count)
  const consumer = await next.consume('q', { noAck: true })
  assert.deepEqual(
    consumer.bodies.map((body) => body.split(' ')[0]),
    bodies(count),
  )
  assert.equal(next.queue('other').ready, count / 10)
})

test('a backlog is drained in order while the ring goes round, and its files go', async () => {
  const rig = await DurableRig.open()
  await rig.declare('q')
  const consumer = await rig.consume('q', { credit: 0 })
  let published = 0
  const publishSome = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      rig.publish(`m${published++} ${'y'.repeat(700)}`)
      if (i % 25 === 0) await rig.durable.settle()
    }
    await rig.durable.settle()
  }
  await publishSome(1500)
  for (let round = 0; round < 30; round++) {
    consumer.credit = 100
    for (const entry of rig.queue().consumers.values()) rig.queue().consumers.ready(entry)
    rig.durable.manual.turn.schedule(rig.queue())
    await rig.durable.settle()
    for (const { queue, sequence } of consumer.deliveries.slice(round * 100, round * 100 + 100)) {
      rig.durable.broker.settle(queue, sequence)
    }
    await publishSome(50)
  }
  assert.equal(consumer.deliveries.length, 3000)
  assert.deepEqual(
    consumer.bodies.map((body) => body.split(' ')[0]),
    bodies(3000),
  )
  await rig.durable.advance(2000)
  await rig.durable.advance(2000)
  assert.equal(rig.queue().ready, 0)
  assert.deepEqual(
    [...rig.durable.store.keep.values()].filter(({ live }) => live > 0),
    [],
  )
  assert.equal(rig.durable.failure, null)
})

test('a payload of several queues is kept once', async () => {
  const rig = await DurableRig.open()
  const names = ['a', 'b', 'c', 'd']
  await rig.declare(...names)
  await rig.bindToFanout(...names)
  const count = 400
  await rig.broadcast(bodies(count).map((body) => `${body} ${'z'.repeat(900)}`))
  await rig.durable.close()
  const files = rig.disk.files().filter((name) => name.startsWith('keep/'))
  const bytes = files.reduce((sum, name) => sum + rig.disk.contentOf(name).length, 0)
  assert.ok(bytes < count * 1300, `${bytes} bytes for ${count} messages of 900 in four queues`)
  const next = await DurableRig.open(rig.disk.kill())
  for (const name of names) {
    const consumer = await next.consume(name, { noAck: true })
    assert.deepEqual(
      consumer.bodies.map((body) => body.split(' ')[0]),
      bodies(count),
    )
  }
})

test('one old message that is out costs its own bytes', async () => {
  const rig = await DurableRig.open()
  await rig.declare('q')
  rig.publish('old')
  const stuck = await rig.consume('q', { credit: 1 })
  assert.deepEqual(stuck.bodies, ['old'])
  const consumer = await rig.consume('q', { noAck: true })
  for (let i = 0; i < 4000; i++) {
    rig.publish(`m${i} ${'x'.repeat(500)}`)
    if (i % 25 === 0) await rig.durable.settle()
  }
  await rig.durable.settle()
  assert.equal(consumer.deliveries.length, 4000)
  const kept = rig.disk.files().filter((name) => name.startsWith('keep/'))
  const bytes = kept.reduce((sum, name) => sum + rig.disk.contentOf(name).length, 0)
  assert.ok(bytes < 100_000, `${bytes} bytes are kept for one message`)
  assert.ok(rig.durable.store.journal.used <= rig.durable.store.journal.capacity)
  const next = await rig.kill()
  const again = await next.consume()
  assert.equal(again.bodies[0], 'old')
  assert.equal(again.deliveries[0]?.redelivered, true)
})

test('a clean stop leaves nothing to read back and flags only what was out', async () => {
  const rig = await DurableRig.open()
  await rig.declare('q')
  for (const body of bodies(10)) rig.publish(body)
  await rig.consume('q', { credit: 3 })
  await rig.durable.close()
  const next = await DurableRig.open(rig.disk.kill())
  const consumer = await next.consume()
  assert.deepEqual(consumer.bodies, bodies(10))
  const flags = consumer.deliveries.map(({ redelivered }) => redelivered)
  assert.deepEqual(flags, [true, true, true, ...Array<boolean>(7).fill(false)])
})

test('a purge is one record and nothing of it comes back', async () => {
  const rig = await DurableRig.open()
  await rig.declare('q')
  for (let i = 0; i < 2000; i += 100) {
    for (const body of bodies(100, { from: i })) rig.publish(body)
    await rig.durable.settle()
  }
  const { head } = rig.durable.store.journal
  rig.durable.broker.purgeQueue(rig.caller, 9, 'q')
  await rig.durable.settle()
  assert.ok(rig.durable.store.journal.head - head < 8192)
  for (const body of bodies(3, { from: 5000 })) rig.publish(body)
  await rig.durable.settle()
  const next = await rig.kill()
  const consumer = await next.consume()
  assert.deepEqual(consumer.bodies, bodies(3, { from: 5000 }))
})
