import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { Redis } from 'ioredis'
import type { ConsumeMessage } from 'amqplib'
import { uniqueName } from '../clients/support/amqp-broker.ts'
import { Inbox } from '../clients/support/eventually.ts'
import { CrossingBroker, publish } from './crossing-broker.ts'

/** What Redis clients publish and hear, and what clients of other protocols do: docs/crossing.md names these tests. */
let broker: CrossingBroker

before(async () => {
  broker = await CrossingBroker.start()
})
after(() => broker.close())

function redis(t: TestContext): Redis {
  const client = new Redis({ host: '127.0.0.1', port: broker.running.addresses.redis?.port ?? 0 })
  t.after(() => client.disconnect())
  return client
}

/** What comes to a queue of its own that is bound to amq.topic. */
async function boundQueue(t: TestContext, key: string): Promise<Inbox<ConsumeMessage>> {
  const channel = await broker.channel(t)
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, 'amq.topic', key)
  const inbox = new Inbox<ConsumeMessage>()
  await channel.consume(queue, (message) => message !== null && inbox.push(message), {
    noAck: true,
  })
  return inbox
}

test('Redis to AMQP: what is published on a channel comes from amq.topic under its name', async (t) => {
  const publisher = redis(t)
  const channel = uniqueName('to.amqp')
  const inbox = await boundQueue(t, channel)
  const body = Buffer.from([0, 0xff, 0x0a])
  // A queue is no ephemeral receiver.
  assert.equal(await publisher.publish(channel, body), 0)
  const [message] = await inbox.atLeast(1)
  assert.deepEqual(message?.content, body)
  assert.deepEqual([message?.fields.exchange, message?.fields.routingKey], ['amq.topic', channel])
  assert.equal(message?.properties.deliveryMode, undefined)
  assert.deepEqual(message?.properties.headers ?? {}, {})
})

test('Redis to AMQP: words between dots are words of a binding', async (t) => {
  const publisher = redis(t)
  const prefix = uniqueName('words')
  const [one, all] = [await boundQueue(t, `${prefix}.*`), await boundQueue(t, `${prefix}.#`)]
  await publisher.publish(`${prefix}.a.b`, '1')
  await publisher.publish(`${prefix}.a`, '2')
  await publisher.publish(`${prefix}:a`, '3')
  await publisher.publish(prefix, '4')
  const textsOf = (messages: readonly ConsumeMessage[]): string[] =>
    messages.map(({ content }) => content.toString())
  assert.deepEqual(textsOf(await all.atLeast(3)), ['1', '2', '4'])
  assert.deepEqual(textsOf(await one.atLeast(1)), ['2'])
})

test('AMQP to Redis: what is published to amq.topic is heard on the channel and by patterns', async (t) => {
  const subscriber = redis(t)
  const key = uniqueName('to.redis')
  const heard = new Inbox<readonly string[]>()
  subscriber.on('message', (...args: string[]) => heard.push(args))
  subscriber.on('pmessage', (...args: string[]) => heard.push(args))
  await subscriber.subscribe(key)
  await subscriber.psubscribe(`${key.slice(0, 3)}*[0-9]`)
  const channel = await broker.channel(t)
  const options = { persistent: true, contentType: 'text/plain', headers: { a: 1 } }
  await publish(channel, { exchange: 'amq.topic', key, body: 'wört', options })
  await publish(channel, { exchange: 'amq.direct', key, body: 'not this one' })
  await publish(channel, { exchange: 'amq.topic', key, body: '' })
  const pattern = `${key.slice(0, 3)}*[0-9]`
  assert.deepEqual(await heard.atLeast(4), [
    [key, 'wört'],
    [pattern, key, 'wört'],
    [key, ''],
    [pattern, key, ''],
  ])
})

test('AMQP to Redis: a mandatory message that a subscriber has heard does not come back', async (t) => {
  const subscriber = redis(t)
  const key = uniqueName('mandatory')
  const heard = new Inbox<string>()
  subscriber.on('message', (_channel: string, body: string) => heard.push(body))
  await subscriber.subscribe(key)
  const channel = await broker.channel(t)
  const returned = new Inbox<unknown>()
  channel.on('return', returned.push)
  const options = { mandatory: true }
  await publish(channel, { exchange: 'amq.topic', key, body: 'heard', options })
  await publish(channel, { exchange: 'amq.topic', key: `${key}.else`, body: 'unheard', options })
  await returned.atLeast(1)
  assert.equal(returned.items.length, 1)
  assert.deepEqual(await heard.atLeast(1), ['heard'])
})

test('Redis and NATS: a channel is a subject, in both directions, and its listeners are counted', async (t) => {
  const [client, subscriber, nats] = [redis(t), redis(t), await broker.nats(t)]
  const name = uniqueName('both.ways')
  const [heard, got] = [new Inbox<string>(), new Inbox<string>()]
  subscriber.on('message', (_channel: string, body: string) => heard.push(body))
  await subscriber.subscribe(name)
  nats.subscribe('both.*', { callback: (_error, message) => got.push(message.string()) })
  await nats.flush()
  // One listener of each protocol.
  assert.equal(await client.publish(name, 'from Redis'), 2)
  nats.publish(name, 'from NATS')
  await nats.flush()
  assert.deepEqual(await heard.atLeast(2), ['from Redis', 'from NATS'])
  assert.deepEqual(await got.atLeast(2), ['from Redis', 'from NATS'])
})

test('Redis to NATS: a channel that is no subject is not offered, whatever asks for it', async (t) => {
  const [client, nats] = [redis(t), await broker.nats(t)]
  const prefix = uniqueName('odd')
  const got = new Inbox<string>()
  nats.subscribe('>', { callback: (_error, message) => got.push(message.subject) })
  await nats.flush()
  for (const channel of [`${prefix} b`, `${prefix}..b`, `.${prefix}`, `${prefix}.`, '']) {
    assert.equal(await client.publish(channel, 'x'), 0, channel)
  }
  assert.equal(await client.publish(prefix, 'x'), 1)
  assert.deepEqual(await got.atLeast(1), [prefix])
})

test('Redis to Kafka: a stream that is bound to amq.topic has what is published as records', async (t) => {
  const publisher = redis(t)
  const [key, topic] = [uniqueName('to.kafka'), uniqueName('records')]
  await broker.createTopic(topic)
  const channel = await broker.channel(t)
  // A binding that leads to a stream: the stream as a queue.
  await channel.assertQueue(topic, { durable: true, arguments: { 'x-queue-type': 'stream' } })
  await channel.bindQueue(topic, 'amq.topic', key)
  assert.equal(await publisher.publish(key, 'one'), 0)
  assert.equal(await publisher.publish(key, 'two'), 0)
  const records = await broker.records(topic, 2)
  assert.deepEqual(
    records.map(({ value }) => value?.toString()),
    ['one', 'two'],
  )
  const { headers = {} } = records[0] ?? {}
  assert.equal(String(headers['exchange']), 'amq.topic')
  assert.equal(String(headers['routing-key']), key)
})

test('Kafka to Redis: a feed to amq.topic is heard', async (t) => {
  const topic = uniqueName('feed')
  const feeding = await CrossingBroker.start({
    streams: [{ name: topic }],
    feeds: [{ name: 'out', stream: topic, exchange: 'amq.topic', routingKey: 'from.kafka' }],
  })
  t.after(() => feeding.close())
  const port = feeding.running.addresses.redis?.port ?? 0
  const subscriber = new Redis({ host: '127.0.0.1', port })
  t.after(() => subscriber.disconnect())
  const heard = new Inbox<readonly string[]>()
  subscriber.on('message', (...args: string[]) => heard.push(args))
  await subscriber.subscribe('from.kafka')
  await feeding.produce(topic, { key: 'k', value: 'a record' })
  assert.deepEqual(await heard.atLeast(1), [['from.kafka', 'a record']])
})
