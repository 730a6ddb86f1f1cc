import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordingConsumer } from '../../testing/recording-consumer.ts'
import { ConsumerEntry, Consumers, type ConsumeOptions } from './consumers.ts'

let lastId = 0

type Entry = ConsumerEntry & { readonly consumer: RecordingConsumer }

function newEntry(options: Partial<ConsumeOptions>): Entry {
  const all = { noAck: false, exclusive: false, priority: 0, ...options }
  return new ConsumerEntry(++lastId, new RecordingConsumer(), 1, all) as Entry
}

/** The type says three so that a test may take its entries apart without asking whether they are there. */
function add(
  consumers: Consumers,
  count: number,
  options: Partial<ConsumeOptions> = {},
): [Entry, Entry, Entry, ...Entry[]] {
  const entries = Array.from({ length: count }, () => newEntry(options))
  for (const entry of entries) consumers.add(entry)
  return entries as [Entry, Entry, Entry]
}

test('equals take turns', () => {
  const consumers = new Consumers()
  const entries = add(consumers, 3)
  for (let round = 0; round < 4; round++) {
    for (const entry of entries) assert.equal(consumers.next(), entry)
  }
})

test('a consumer that is alone gets everything', () => {
  const consumers = new Consumers()
  const [only] = add(consumers, 1)
  for (let i = 0; i < 5; i++) assert.equal(consumers.next(), only)
  const [second] = add(consumers, 1)
  assert.deepEqual([consumers.next(), consumers.next(), consumers.next()], [only, second, only])
})

test('one that is not ready is passed over, asked no more, and comes back at the end of the line', () => {
  const consumers = new Consumers()
  const [one, two, three] = add(consumers, 3)
  const twos = two.consumer
  twos.credit = 0
  assert.deepEqual([consumers.next(), consumers.next(), consumers.next()], [one, three, one])
  const { asked } = twos
  for (let i = 0; i < 10; i++) assert.notEqual(consumers.next(), two)
  assert.equal(twos.asked, asked)
  twos.credit = 1
  consumers.ready(two)
  consumers.ready(two)
  const round = [consumers.next(), consumers.next(), consumers.next()]
  assert.deepEqual(new Set(round), new Set([one, two, three]))
  assert.equal(round.at(-1), two)
})

test('no one ready is null, with one consumer and with several', () => {
  for (const count of [0, 1, 3]) {
    const consumers = new Consumers()
    const entries = add(consumers, count)
    for (const entry of entries) entry.consumer.credit = 0
    assert.equal(consumers.next(), null)
    for (const entry of entries) {
      entry.consumer.credit = 1
      consumers.ready(entry)
    }
    assert.equal(consumers.next(), entries[0] ?? null)
  }
})

test('the highest priority goes first as long as it is ready', () => {
  const consumers = new Consumers()
  const low = add(consumers, 2, { priority: -1 })
  const high = add(consumers, 2, { priority: 10 })
  const middle = add(consumers, 1)
  assert.deepEqual(
    [consumers.next(), consumers.next(), consumers.next()],
    [high[0], high[1], high[0]],
  )
  for (const entry of high) entry.consumer.credit = 0
  assert.deepEqual([consumers.next(), consumers.next()], [middle[0], middle[0]])
  for (const entry of middle) entry.consumer.credit = 0
  assert.deepEqual([consumers.next(), consumers.next(), consumers.next()], [low[0], low[1], low[0]])
  high[1].consumer.credit = 1
  consumers.ready(high[1])
  assert.equal(consumers.next(), high[1])
})

test('one that was removed gets nothing, ready or not', () => {
  const consumers = new Consumers()
  const [one, two] = add(consumers, 2)
  consumers.remove(one)
  assert.equal(consumers.size, 1)
  consumers.ready(one)
  assert.deepEqual([consumers.next(), consumers.next()], [two, two])
  consumers.remove(two)
  assert.equal(consumers.next(), null)
})

test('an exclusive consumer is known as long as it is there', () => {
  const consumers = new Consumers()
  assert.ok(!consumers.hasExclusive())
  const [entry] = add(consumers, 1, { exclusive: true })
  assert.ok(consumers.hasExclusive())
  consumers.remove(entry)
  assert.ok(!consumers.hasExclusive())
})

test('consumers that come and go while the queue is empty leave nothing behind', () => {
  const consumers = new Consumers()
  const [stays] = add(consumers, 1)
  for (let i = 0; i < 10_000; i++) {
    const [entry] = add(consumers, 1, { priority: i % 500 })
    consumers.remove(entry)
    assert.ok(consumers.kept <= 4, `${consumers.kept} entries and rotations are kept`)
  }
  const many = add(consumers, 1000)
  for (const entry of many) consumers.remove(entry)
  assert.ok(consumers.kept <= 4, `${consumers.kept} entries and rotations are kept`)
  assert.equal(consumers.next(), stays)
})
