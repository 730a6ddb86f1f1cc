import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ConsumeMessage } from 'amqplib'
import { startAmqpBroker, uniqueName, type AmqpBroker } from './support/amqp-broker.ts'
import { Amqplib, bodiesOf, consume, send } from './support/amqplib-client.ts'
import { Inbox } from './support/eventually.ts'

/** What RabbitMQ's seven tutorials show, one test each. */
let broker: AmqpBroker

before(async () => {
  broker = await startAmqpBroker()
})

after(() => broker.close())

test('1, hello world: one sends, another receives', async (t) => {
  const client = new Amqplib(broker, t)
  const [sender, receiver] = [await client.channel(), await client.channel()]
  const queue = uniqueName('hello')
  await sender.assertQueue(queue, { durable: false })
  await receiver.assertQueue(queue, { durable: false })
  send(sender, queue, 'Hello World!')
  const inbox = await consume(receiver, queue, { noAck: true })
  assert.deepEqual(bodiesOf(await inbox.atLeast(1)), ['Hello World!'])
  await receiver.deleteQueue(queue)
})

test('2, work queues: a busy worker is given nothing more, and a dead one loses nothing', async (t) => {
  const client = new Amqplib(broker, t)
  const boss = await client.channel()
  const queue = uniqueName('tasks')
  await boss.assertQueue(queue, { durable: true })
  const slowConnection = await client.connection()
  const slow = await client.channel(slowConnection)
  await slow.prefetch(1)
  const stuck = await consume(slow, queue)
  for (let i = 0; i < 6; i++)
    boss.sendToQueue(queue, Buffer.from(`task ${i}`), { persistent: true })
  await stuck.atLeast(1)
  const quick = await client.channel()
  await quick.prefetch(1)
  const done = new Inbox<string>()
  await quick.consume(queue, (message) => {
    if (message === null) return
    done.push(message.content.toString())
    quick.ack(message)
  })
  await done.atLeast(5)
  assert.equal(stuck.items.length, 1)
  client.lose(slowConnection)
  assert.deepEqual(
    [...(await done.atLeast(6))].sort(),
    Array.from({ length: 6 }, (_, i) => `task ${i}`),
  )
  await quick.deleteQueue(queue)
})

test('3, publish and subscribe: everybody gets a copy, who comes late does not', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const exchange = uniqueName('logs')
  await channel.assertExchange(exchange, 'fanout', { durable: false })
  const subscribe = async (): Promise<Inbox<ConsumeMessage>> => {
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, exchange, '')
    return consume(channel, queue, { noAck: true })
  }
  const [one, two] = [await subscribe(), await subscribe()]
  channel.publish(exchange, '', Buffer.from('first'))
  const late = await subscribe()
  channel.publish(exchange, '', Buffer.from('second'))
  assert.deepEqual(bodiesOf(await one.atLeast(2)), ['first', 'second'])
  assert.deepEqual(bodiesOf(await two.atLeast(2)), ['first', 'second'])
  assert.deepEqual(bodiesOf(await late.atLeast(1)), ['second'])
  await channel.deleteExchange(exchange)
})

test('4, routing: each listens for the severities that it cares about', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const exchange = uniqueName('direct_logs')
  await channel.assertExchange(exchange, 'direct', { durable: false })
  const listen = async (...severities: readonly string[]): Promise<Inbox<ConsumeMessage>> => {
    const { queue } = await channel.assertQueue('', { exclusive: true })
    for (const severity of severities) await channel.bindQueue(queue, exchange, severity)
    return consume(channel, queue, { noAck: true })
  }
  const errors = await listen('error')
  const all = await listen('info', 'warning', 'error')
  for (const severity of ['info', 'error', 'debug', 'warning']) {
    channel.publish(exchange, severity, Buffer.from(severity))
  }
  assert.deepEqual(bodiesOf(await all.atLeast(3)), ['info', 'error', 'warning'])
  assert.deepEqual(bodiesOf(await errors.atLeast(1)), ['error'])
  await channel.deleteExchange(exchange)
})

test('5, topics: each listens for patterns', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const exchange = uniqueName('topic_logs')
  await channel.assertExchange(exchange, 'topic', { durable: false })
  const listen = async (...patterns: readonly string[]): Promise<Inbox<ConsumeMessage>> => {
    const { queue } = await channel.assertQueue('', { exclusive: true })
    for (const pattern of patterns) await channel.bindQueue(queue, exchange, pattern)
    return consume(channel, queue, { noAck: true })
  }
  const orange = await listen('*.orange.*')
  const rabbits = await listen('*.*.rabbit', 'lazy.#')
  const animals = [
    'quick.orange.rabbit',
    'lazy.orange.elephant',
    'quick.orange.fox',
    'lazy.brown.fox',
    'lazy.pink.rabbit',
    'quick.brown.fox',
    'orange',
    'quick.orange.new.rabbit',
    'lazy.orange.new.rabbit',
  ]
  for (const animal of animals) channel.publish(exchange, animal, Buffer.from(animal))
  assert.deepEqual(bodiesOf(await orange.atLeast(3)), [
    'quick.orange.rabbit',
    'lazy.orange.elephant',
    'quick.orange.fox',
  ])
  const wanted = [
    'quick.orange.rabbit',
    'lazy.orange.elephant',
    'lazy.brown.fox',
    'lazy.pink.rabbit',
    'lazy.orange.new.rabbit',
  ]
  assert.deepEqual(bodiesOf(await rabbits.atLeast(wanted.length)), wanted)
  await channel.deleteExchange(exchange)
})

test('6, RPC: a reply finds its way by reply-to and correlation id', async (t) => {
  const client = new Amqplib(broker, t)
  const server = await client.channel()
  const queue = uniqueName('rpc')
  await server.assertQueue(queue, { durable: false })
  await server.prefetch(1)
  await server.consume(queue, (message) => {
    if (message === null) return
    const { replyTo, correlationId } = message.properties
    const square = Number(message.content) ** 2
    server.sendToQueue(replyTo, Buffer.from(`${square}`), { correlationId })
    server.ack(message)
  })
  const asking = await client.channel()
  const { queue: replyTo } = await asking.assertQueue('', { exclusive: true })
  const replies = await consume(asking, replyTo, { noAck: true })
  for (const n of [3, 4, 5])
    asking.sendToQueue(queue, Buffer.from(`${n}`), { correlationId: `c${n}`, replyTo })
  const answers = (await replies.atLeast(3)).map(({ properties, content }) => [
    properties.correlationId,
    content.toString(),
  ])
  assert.deepEqual(answers, [
    ['c3', '9'],
    ['c4', '16'],
    ['c5', '25'],
  ])
  await server.deleteQueue(queue)
})

test('7, publisher confirms: one by one, in batches, and as they come', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.confirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  for (let i = 0; i < 3; i++) {
    channel.sendToQueue(queue, Buffer.from('alone'))
    await channel.waitForConfirms()
  }
  for (let batch = 0; batch < 3; batch++) {
    for (let i = 0; i < 100; i++) channel.sendToQueue(queue, Buffer.from('together'))
    await channel.waitForConfirms()
  }
  const order = new Inbox<number>()
  for (let i = 0; i < 1000; i++) {
    channel.sendToQueue(
      queue,
      Buffer.from('as they come'),
      {},
      (error) => error === null && order.push(i),
    )
  }
  assert.deepEqual(
    await order.atLeast(1000),
    Array.from({ length: 1000 }, (_, i) => i),
  )
  assert.deepEqual(await channel.deleteQueue(queue), { messageCount: 1303 })
})
