import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Producer, stringSerializers } from '@platformatic/kafka'
import { eventually } from '../clients/support/eventually.ts'
import { CrossingBroker, publish, read } from './crossing-broker.ts'

/** A topic whose records a feed carries to `amq.topic`, and a queue there that hears all of them. */
async function startFed(t: TestContext): Promise<CrossingBroker> {
  const broker = await CrossingBroker.start({
    streams: [{ name: 'orders', partitions: 2 }],
    queues: [{ name: 'all' }],
    bindings: [{ source: 'amq.topic', destination: 'all', routingKey: '#' }],
    feeds: [{ name: 'orders-to-topic', stream: 'orders', exchange: 'amq.topic' }],
  })
  t.after(() => broker.close())
  return broker
}

test('what a Kafka client produces arrives in an AMQP queue, under its key, with its headers', async (t) => {
  const broker = await startFed(t)
  await broker.produce('orders', { key: 'order.new', value: 'one', headers: { colour: 'red' } })
  const channel = await broker.channel(t)
  const [message] = await (await read(channel, 'all')).atLeast(1)
  assert.equal(message?.content.toString(), 'one')
  assert.equal(message.fields.exchange, 'amq.topic')
  assert.equal(message.fields.routingKey, 'order.new')
  assert.equal(message.properties.headers?.['colour'], 'red')
  assert.equal(message.properties.headers['x-record-key'], 'order.new')
  assert.equal(message.properties.deliveryMode, 2)
})

test('basic.get shows it as well', async (t) => {
  const broker = await startFed(t)
  await broker.produce('orders', { value: null, headers: { type: 'gone', 'content-type': 'none' } })
  const channel = await broker.channel(t)
  const message = await eventually('it has come', () => channel.get('all'))
  assert.equal(message.content.length, 0)
  assert.equal(message.properties.type, 'gone')
  assert.equal(message.properties.contentType, 'none')
  assert.deepEqual({ ...message.properties.headers }, { 'x-tombstone': true })
})

for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`records that a client has compressed by ${compression} are carried`, async (t) => {
    const broker = await startFed(t)
    const port = broker.running.addresses.kafka?.port ?? 0
    const producer = new Producer({
      clientId: 'compressing',
      bootstrapBrokers: [`127.0.0.1:${port}`],
      serializers: stringSerializers,
      compression,
    })
    t.after(() => producer.close())
    const values = Array.from({ length: 50 }, (_, i) => `value ${i} `.repeat(20))
    await producer.send({
      messages: values.map((value) => ({ topic: 'orders', key: 'k', value })),
    })
    const channel = await broker.channel(t)
    const messages = await (await read(channel, 'all')).atLeast(50)
    assert.deepEqual(
      messages.map(({ content }) => content.toString()),
      values,
    )
  })
}

test('what AMQP published and a stream held comes out of a feed byte for byte', async (t) => {
  const broker = await CrossingBroker.start({
    streams: [{ name: 'held' }],
    exchanges: [
      { name: 'in', type: 'topic' },
      { name: 'out', type: 'topic' },
    ],
    queues: [{ name: 'end' }],
    bindings: [
      { source: 'in', destination: 'held', destinationKind: 'stream', routingKey: 'a.*' },
      { source: 'out', destination: 'end', routingKey: '#' },
    ],
    feeds: [{ name: 'f', stream: 'held', exchange: 'out' }],
  })
  t.after(() => broker.close())
  const channel = await broker.channel(t)
  const options = {
    contentType: 'text/plain',
    correlationId: 'c',
    messageId: 'm',
    priority: 3,
    expiration: '60000',
    timestamp: 1_700_000_000,
    headers: { number: 7, nested: { yes: true }, list: ['a', 1] },
  }
  await publish(channel, { exchange: 'in', key: 'a.b', body: 'body', options })
  const [message] = await (await read(channel, 'end')).atLeast(1)
  assert.equal(message?.content.toString(), 'body')
  assert.equal(message.fields.exchange, 'out')
  assert.equal(message.fields.routingKey, 'a.b')
  assert.deepEqual({ ...options, ...definedOf(message.properties) }, options)
})

/** Those properties that the message has. */
function definedOf(properties: object): object {
  const known = Object.entries(properties).filter(([, value]) => value !== undefined)
  return Object.fromEntries(known)
}

test('one message reaches a queue and a topic by one publish', async (t) => {
  const broker = await CrossingBroker.start({
    streams: [{ name: 'events' }],
    queues: [{ name: 'work' }],
    bindings: [
      { source: 'amq.fanout', destination: 'events', destinationKind: 'stream' },
      { source: 'amq.fanout', destination: 'work' },
    ],
  })
  t.after(() => broker.close())
  const channel = await broker.channel(t)
  await publish(channel, { exchange: 'amq.fanout', key: 'k', body: 'both' })
  const [message] = await (await read(channel, 'work')).atLeast(1)
  const [record] = await broker.records('events', 1)
  assert.equal(message?.content.toString(), 'both')
  assert.equal(record?.value?.toString(), 'both')
})
