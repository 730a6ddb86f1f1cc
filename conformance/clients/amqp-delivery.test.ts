import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ConsumeMessage } from 'amqplib'
import { startAmqpBroker, uniqueName, type AmqpBroker } from './support/amqp-broker.ts'
import { Amqplib, bodiesOf, consume, send, settled } from './support/amqplib-client.ts'
import { eventually, Inbox, within } from './support/eventually.ts'

/** Who gets which message when, and what becomes of it: with amqplib, unmodified. */
let broker: AmqpBroker

before(async () => {
  broker = await startAmqpBroker()
})

after(() => broker.close())

const bodies = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `${i}`)

test('equal consumers take turns', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const inboxes = [
    await consume(channel, queue),
    await consume(channel, queue),
    await consume(channel, queue),
  ]
  send(channel, queue, ...bodies(9))
  for (const inbox of inboxes) await inbox.atLeast(3)
  const turns = inboxes.map((inbox) => bodiesOf(inbox.items))
  assert.deepEqual(turns, [
    ['0', '3', '6'],
    ['1', '4', '7'],
    ['2', '5', '8'],
  ])
})

test('a consumer of higher priority is served first, a lower one when it is full', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.prefetch(2)
  const low = await consume(channel, queue, { priority: 1 })
  const high = await consume(channel, queue, { priority: 10 })
  send(channel, queue, ...bodies(4))
  await low.atLeast(2)
  assert.deepEqual(bodiesOf(high.items), ['0', '1'])
  assert.deepEqual(bodiesOf(low.items), ['2', '3'])
})

test('prefetch per consumer bounds each of them and is filled up by acks', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.prefetch(2)
  const first = await consume(channel, queue)
  const second = await consume(channel, queue)
  send(channel, queue, ...bodies(10))
  await second.atLeast(2)
  await settled(channel)
  assert.equal(first.items.length, 2)
  assert.equal(second.items.length, 2)
  channel.ack(first.items[0] as ConsumeMessage)
  await first.atLeast(3)
  await settled(channel)
  assert.equal(second.items.length, 2)
})

test('prefetch per channel bounds all its consumers together, at once', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const inbox = await consume(channel, queue)
  const other = await consume(channel, queue)
  await channel.prefetch(3, true)
  send(channel, queue, ...bodies(10))
  await eventually('three messages', () => inbox.items.length + other.items.length >= 3)
  await channel.checkQueue(queue)
  assert.equal(inbox.items.length + other.items.length, 3)
  channel.ackAll()
  await eventually('three more', () => inbox.items.length + other.items.length >= 6)
  await channel.checkQueue(queue)
  assert.equal(inbox.items.length + other.items.length, 6)
  await channel.prefetch(0, true)
  await eventually('all of them', () => inbox.items.length + other.items.length === 10)
})

test('prefetch does not hold back consumers that need not acknowledge', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.prefetch(1)
  const inbox = await consume(channel, queue, { noAck: true })
  send(channel, queue, ...bodies(100))
  assert.deepEqual(bodiesOf(await inbox.atLeast(100)), bodies(100))
})

test('a nacked message goes back to its place, flagged redelivered', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  send(channel, queue, ...bodies(4))
  const [zero, one, two] = [
    await channel.get(queue),
    await channel.get(queue),
    await channel.get(queue),
  ]
  assert.ok(zero && one && two)
  channel.nack(two)
  channel.nack(zero)
  channel.reject(one, true)
  const again = await consume(channel, queue)
  const items = await again.atLeast(4)
  assert.deepEqual(bodiesOf(items), ['0', '1', '2', '3'])
  assert.deepEqual(
    items.map(({ fields }) => fields.redelivered),
    [true, true, true, false],
  )
})

test('nack with multiple returns everything up to its message', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  send(channel, queue, ...bodies(5))
  const first = await consume(channel, queue)
  const items = [...(await first.atLeast(5))]
  channel.nack(items[2] as ConsumeMessage, true)
  await first.atLeast(8)
  assert.deepEqual(bodiesOf(first.items.slice(5)), ['0', '1', '2'])
})

test('a message that is rejected without requeue is gone', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  send(channel, queue, 'one', 'two', 'three')
  const inbox = await consume(channel, queue)
  const [one, two, three] = await inbox.atLeast(3)
  channel.reject(one as ConsumeMessage, false)
  channel.nack(two as ConsumeMessage, false, false)
  channel.ack(three as ConsumeMessage)
  assert.deepEqual(await channel.deleteQueue(queue), { messageCount: 0 })
})

test('recover brings back what was not acknowledged, to whoever is there', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  send(channel, queue, ...bodies(3))
  const inbox = await consume(channel, queue)
  const [, one] = await inbox.atLeast(3)
  channel.ack(one as ConsumeMessage)
  await channel.recover()
  const items = (await inbox.atLeast(5)).slice(3)
  assert.deepEqual(bodiesOf(items), ['0', '2'])
  assert.deepEqual(
    items.map(({ fields }) => fields.redelivered),
    [true, true],
  )
})

test('what a closed channel had not acknowledged is delivered again, in order', async (t) => {
  const client = new Amqplib(broker, t)
  const connection = await client.connection()
  const [lost, kept] = [await client.channel(connection), await client.channel(connection)]
  const { queue } = await kept.assertQueue('', { exclusive: true })
  send(kept, queue, ...bodies(5))
  const inbox = await consume(lost, queue)
  const items = await inbox.atLeast(5)
  lost.ack(items[1] as ConsumeMessage)
  await lost.close()
  const again = await (await consume(kept, queue)).atLeast(4)
  assert.deepEqual(bodiesOf(again), ['0', '2', '3', '4'])
  assert.ok(again.every(({ fields }) => fields.redelivered))
})

test('what a lost connection had not acknowledged is delivered again', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const queue = uniqueName('lost')
  await channel.assertQueue(queue, { autoDelete: false, durable: false })
  t.after(() => channel.deleteQueue(queue).catch(() => {}))
  const other = await client.connection()
  const inbox = await consume(await client.channel(other), queue)
  send(channel, queue, 'one')
  await inbox.atLeast(1)
  client.lose(other)
  const again = await (await consume(channel, queue)).atLeast(1)
  assert.equal(again[0]?.fields.redelivered, true)
})

test('with no-ack nothing is ever delivered twice, however the consumer goes', async (t) => {
  const client = new Amqplib(broker, t)
  const publisher = await client.channel()
  const queue = uniqueName('no-ack')
  await publisher.assertQueue(queue, { durable: false })
  t.after(() => publisher.deleteQueue(queue).catch(() => {}))
  const seen = new Inbox<string>()
  const total = 3000
  let sent = 0
  for (let round = 0; round < 6; round++) {
    const connection = await client.connection()
    const channel = await client.channel(connection)
    await channel.consume(
      queue,
      (message) => message !== null && seen.push(message.content.toString()),
      { noAck: true },
    )
    for (let i = 0; i < total / 6; i++) send(publisher, queue, `${sent++}`)
    await eventually('some have come', () => seen.items.length > round * 20)
    if (round % 2 === 0) client.lose(connection)
    else await channel.close()
  }
  const rest = await consume(publisher, queue, { noAck: true })
  await settled(publisher)
  await eventually(
    'the queue is empty',
    async () => (await publisher.checkQueue(queue)).messageCount === 0,
  )
  const all = [...seen.items, ...bodiesOf(rest.items)]
  assert.equal(new Set(all).size, all.length, 'each at most once')
  assert.ok(rest.items.every(({ fields }) => !fields.redelivered))
})

test('a cancelled consumer gets no more, and what it has stays its own', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const inbox = new Inbox<ConsumeMessage>()
  const { consumerTag } = await channel.consume(
    queue,
    (message) => message !== null && inbox.push(message),
  )
  send(channel, queue, 'one')
  await inbox.atLeast(1)
  await channel.cancel(consumerTag)
  send(channel, queue, 'two')
  const { messageCount, consumerCount } = await channel.checkQueue(queue)
  assert.deepEqual({ messageCount, consumerCount }, { messageCount: 1, consumerCount: 0 })
  channel.ack(inbox.items[0] as ConsumeMessage)
  await settled(channel)
  assert.equal(inbox.items.length, 1)
})

test('basic.get counts what is left, and answers empty when nothing is', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  assert.equal(await channel.get(queue), false)
  send(channel, queue, 'one', 'two')
  const one = await channel.get(queue)
  assert.ok(one)
  assert.deepEqual(
    [one.content.toString(), one.fields.messageCount, one.fields.redelivered],
    ['one', 1, false],
  )
  const two = await channel.get(queue, { noAck: true })
  assert.ok(two)
  assert.deepEqual([two.content.toString(), two.fields.messageCount], ['two', 0])
  assert.equal(await channel.get(queue), false)
  channel.nack(one)
  const again = await channel.get(queue)
  assert.ok(again && again.fields.redelivered)
})

test('deleting a queue cancels its consumers', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const cancelled = new Promise(
    (resolve) => void channel.consume(queue, (message) => message === null && resolve(true)),
  )
  await channel.checkQueue(queue)
  await channel.deleteQueue(queue)
  await within('the consumer is told', cancelled)
})

test('purge removes what is ready and leaves what is out', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  send(channel, queue, ...bodies(5))
  const out = await channel.get(queue)
  assert.ok(out)
  assert.deepEqual(await channel.purgeQueue(queue), { messageCount: 4 })
  channel.nack(out)
  const again = await channel.get(queue)
  assert.ok(again && again.content.toString() === '0')
})

test('an auto-delete queue goes with its last consumer, not before its first', async (t) => {
  const client = new Amqplib(broker, t)
  const connection = await client.connection()
  const channel = await client.channel(connection)
  const { queue } = await channel.assertQueue(uniqueName('auto'), {
    autoDelete: true,
    durable: false,
  })
  const [one, two] = [
    await channel.consume(queue, () => {}),
    await channel.consume(queue, () => {}),
  ]
  await channel.cancel(one.consumerTag)
  await channel.checkQueue(queue)
  await channel.cancel(two.consumerTag)
  await assert.rejects(channel.checkQueue(queue), { code: 404 })
})

test('an exclusive queue goes with its connection', async (t) => {
  const client = new Amqplib(broker, t)
  const owner = await client.connection()
  const { queue } = await (await client.channel(owner)).assertQueue('', { exclusive: true })
  await owner.close()
  const other = await client.channel()
  await assert.rejects(other.checkQueue(queue), { code: 404 })
})

test('a queue without a name is given one that nobody else has', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const names = [
    await channel.assertQueue('', { exclusive: true }),
    await channel.assertQueue('', { exclusive: true }),
  ]
  assert.match(names[0]?.queue ?? '', /^amq\.gen-[\w-]{22}$/)
  assert.notEqual(names[0]?.queue, names[1]?.queue)
})

test('bodies of any size arrive whole, at the smallest frame_max and at the largest', async (t) => {
  const client = new Amqplib(broker, t)
  for (const frameMax of [4096, 131_072]) {
    const channel = await client.channel(await client.connection(`?frameMax=${frameMax}`))
    const { queue } = await channel.assertQueue('', { exclusive: true })
    const inbox = await consume(channel, queue, { noAck: true })
    const sizes = [0, 1, 4087, 4088, 4089, 8176, 131_063, 131_064, 131_065, 262_129, 3_000_000]
    for (const size of sizes) channel.sendToQueue(queue, Buffer.alloc(size, size % 251))
    const items = await inbox.atLeast(sizes.length)
    for (const [index, { content }] of items.entries()) {
      const size = sizes[index] as number
      assert.ok(
        content.equals(Buffer.alloc(size, size % 251)),
        `${size} bytes at frame_max ${frameMax}`,
      )
    }
  }
})

test('properties and headers arrive as they were sent', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const inbox = await consume(channel, queue, { noAck: true })
  const headers = {
    text: 'ü',
    whole: 7,
    real: 1.5,
    yes: true,
    none: null,
    list: [1, 'a'],
    deep: { er: { est: 1 } },
  }
  const properties = {
    contentType: 'text/plain',
    contentEncoding: 'utf-8',
    deliveryMode: 2,
    priority: 5,
    correlationId: 'correlation',
    replyTo: 'reply',
    messageId: 'id',
    timestamp: 1_700_000_000,
    type: 'type',
    userId: 'guest',
    appId: 'app',
  }
  channel.sendToQueue(queue, Buffer.from('hello'), { ...properties, headers })
  const [message] = await inbox.atLeast(1)
  assert.deepEqual(message?.properties.headers, headers)
  for (const [key, value] of Object.entries(properties)) {
    assert.equal((message?.properties as unknown as Record<string, unknown>)[key], value, key)
  }
})

test('ten thousand messages keep their order through confirm, prefetch and ack', async (t) => {
  const client = new Amqplib(broker, t)
  const connection = await client.connection()
  const publisher = await client.confirmChannel(connection)
  const { queue } = await publisher.assertQueue('', { exclusive: true })
  const channel = await client.channel(connection)
  await channel.prefetch(100)
  const seen = new Inbox<number>()
  await channel.consume(queue, (message) => {
    if (message === null) return
    seen.push(message.content.readUInt32BE(0))
    channel.ack(message)
  })
  for (let i = 0; i < 10_000; i++) {
    const body = Buffer.alloc(64)
    body.writeUInt32BE(i)
    publisher.sendToQueue(queue, body, { persistent: i % 2 === 0 })
  }
  await publisher.waitForConfirms()
  await seen.atLeast(10_000)
  assert.deepEqual(
    seen.items,
    Array.from({ length: 10_000 }, (_, i) => i),
  )
})
