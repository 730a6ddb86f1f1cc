/** NATS beside AMQP and Kafka: one name is a subject and a routing key of amq.topic. docs/crossing.md has it in words. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ConfirmChannel, ConsumeMessage } from 'amqplib'
import { headers, type Msg, type NatsConnection } from 'nats'
import { uniqueName } from '../clients/support/amqp-broker.ts'
import { Inbox } from '../clients/support/eventually.ts'
import { CrossingBroker, publish, read } from './crossing-broker.ts'

const exchange = 'amq.topic'

let broker: CrossingBroker

before(async () => {
  broker = await CrossingBroker.start({
    streams: [{ name: 'orders' }, { name: 'payments' }],
    bindings: [
      { source: exchange, destination: 'orders', destinationKind: 'stream', routingKey: 'order.#' },
    ],
    feeds: [{ name: 'payments', stream: 'payments', exchange }],
  })
})
after(() => broker.close())

/** A queue that gets what is published under these keys, and what comes out of it. */
async function hear(channel: ConfirmChannel, key: string): Promise<Inbox<ConsumeMessage>> {
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, exchange, key)
  return read(channel, queue)
}

async function subscribe(connection: NatsConnection, subject: string): Promise<Inbox<Msg>> {
  const inbox = new Inbox<Msg>()
  connection.subscribe(subject, { callback: (_, message) => inbox.push(message) })
  await connection.flush()
  return inbox
}

test('what AMQP publishes to amq.topic NATS hears, with headers and reply-to', async (t) => {
  const [channel, connection] = [await broker.channel(t), await broker.nats(t)]
  const name = uniqueName('to-nats')
  const heard = await subscribe(connection, `${name}.*`)
  await publish(channel, {
    exchange,
    key: `${name}.one`,
    body: 'hello',
    options: {
      contentType: 'text/plain',
      correlationId: '7',
      replyTo: 'answers.1',
      headers: { colour: 'red', count: 3, sizes: ['s', 'm'], evil: 'a\r\nb: c' },
    },
  })
  const [message] = await heard.atLeast(1)
  assert.deepEqual([message?.subject, message?.string()], [`${name}.one`, 'hello'])
  assert.equal(message?.reply, 'answers.1')
  const said = message.headers
  assert.deepEqual(
    ['content-type', 'correlation-id', 'colour', 'count', 'x-omitted-headers'].map((each) =>
      said?.get(each),
    ),
    ['text/plain', '7', 'red', '3', '1'],
  )
  assert.deepEqual(said?.values('sizes'), ['s', 'm'])
  assert.equal(said.has('evil'), false)
  assert.equal(said.has('b'), false)
})

test('what NATS publishes AMQP gets from a queue at amq.topic, with headers and reply-to', async (t) => {
  const [channel, connection] = [await broker.channel(t), await broker.nats(t)]
  const name = uniqueName('to-amqp')
  const got = await hear(channel, `${name}.#`)
  const given = headers()
  given.set('Content-Type', 'text/plain')
  given.set('correlation-id', '7')
  given.set('colour', 'red')
  given.append('size', 's')
  given.append('size', 'm')
  connection.publish(`${name}.one.two`, 'hello', { headers: given, reply: 'answers.1' })
  const [message] = await got.atLeast(1)
  assert.ok(message)
  assert.equal(message.content.toString(), 'hello')
  assert.deepEqual(
    [message.fields.exchange, message.fields.routingKey],
    [exchange, `${name}.one.two`],
  )
  const { contentType, correlationId, replyTo, deliveryMode, headers: said } = message.properties
  assert.deepEqual([contentType, correlationId, replyTo], ['text/plain', '7', 'answers.1'])
  assert.equal(deliveryMode, undefined)
  assert.deepEqual({ ...said }, { colour: 'red', size: ['s', 'm'] })
})

test('a request of NATS is answered by a consumer of AMQP', async (t) => {
  const [channel, connection] = [await broker.channel(t), await broker.nats(t)]
  const name = uniqueName('double')
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, exchange, name)
  await channel.consume(queue, (message) => {
    if (message === null) return
    const answer = String(Number(message.content.toString()) * 2)
    channel.publish(exchange, String(message.properties.replyTo), Buffer.from(answer))
    channel.ack(message)
  })
  const answer = await connection.request(name, '21', { timeout: 3000 })
  assert.equal(answer.string(), '42')
})

test('a request of AMQP is answered by a subscriber of NATS', async (t) => {
  const [channel, connection] = [await broker.channel(t), await broker.nats(t)]
  const name = uniqueName('triple')
  const answers = await hear(channel, `answers.${name}`)
  connection.subscribe(name, {
    callback: (_, message) => {
      const said = headers()
      said.set('correlation-id', message.headers?.get('correlation-id') ?? '')
      message.respond(String(Number(message.string()) * 3), { headers: said })
    },
  })
  await connection.flush()
  const options = { replyTo: `answers.${name}`, correlationId: 'c1' }
  await publish(channel, { exchange, key: name, body: '14', options })
  const [answer] = await answers.atLeast(1)
  assert.equal(answer?.content.toString(), '42')
  assert.equal(answer.properties.correlationId, 'c1')
})

test('a key that is no subject is not offered to NATS', async (t) => {
  const [channel, connection] = [await broker.channel(t), await broker.nats(t)]
  const heard = await subscribe(connection, 'keys.>')
  const all = await subscribe(connection, '>')
  for (const key of ['keys..a', 'keys.', 'keys.a b', '']) {
    await publish(channel, { exchange, key, body: key })
  }
  await publish(channel, { exchange, key: 'keys.fine', body: 'x' })
  const [message] = await heard.atLeast(1)
  assert.equal(message?.subject, 'keys.fine')
  assert.ok(
    all.items.every(({ subject }) => !subject.startsWith('keys') || subject === 'keys.fine'),
  )
})

test('what NATS publishes is a record for Kafka, where a stream is bound', async (t) => {
  const connection = await broker.nats(t)
  const given = headers()
  given.set('colour', 'red')
  given.set('x-record-key', 'k1')
  connection.publish('order.new', 'hello', { headers: given, reply: 'answers.1' })
  await connection.flush()
  const records = await broker.records('orders', 1)
  const record = records.find(({ value }) => value?.toString() === 'hello')
  assert.ok(record)
  assert.equal(record.key?.toString(), 'k1')
  const said = (name: string): string => String(record.headers?.[name])
  assert.deepEqual(['colour', 'reply-to', 'exchange', 'routing-key'].map(said), [
    'red',
    'answers.1',
    exchange,
    'order.new',
  ])
})

/** A record as it would be if this had been published by NATS; whoever may write to a topic may say so. */
async function produceAsNats(key: string, reply: string, block: string): Promise<void> {
  const bytes = Buffer.from(reply + block)
  const origin = Buffer.concat([Buffer.from([3, reply.length]), bytes])
  await broker.produce('payments', { key, value: 'x', headers: { 'polymq.origin': origin } })
}

test('a record that NATS published once has its headers as they were', async (t) => {
  const connection = await broker.nats(t)
  const heard = await subscribe(connection, 'copied')
  const block = 'NATS/1.0\r\nSize: s\r\nSize: m\r\nContent-Type: text/plain\r\n\r\n'
  await produceAsNats('copied', 'answers.1', block)
  const [message] = await heard.atLeast(1)
  assert.equal(message?.reply, 'answers.1')
  assert.deepEqual(message.headers?.values('Size'), ['s', 'm'])
  assert.deepEqual(message.headers.keys().toSorted(), ['Content-Type', 'Size'])
})

test('a record that only says so puts nothing on the line of a subscriber', async (t) => {
  const connection = await broker.nats(t)
  const heard = await subscribe(connection, 'forged.*')
  await produceAsNats('forged.1', 'a 5\r\nhello\r\nMSG b', '')
  await produceAsNats('forged.2', 'fine', 'no block at all\r\n')
  const messages = await heard.atLeast(2)
  assert.deepEqual(
    messages.map(({ subject, reply, data }) => [subject, reply ?? '', data.length]),
    [
      ['forged.1', '', 1],
      ['forged.2', 'fine', 1],
    ],
  )
})

test('what Kafka produces a feed carries to NATS, under its key', async (t) => {
  const connection = await broker.nats(t)
  const heard = await subscribe(connection, 'payment.*')
  await broker.produce('payments', {
    key: 'payment.new',
    value: 'one',
    headers: { colour: 'red', 'reply-to': 'answers.1' },
  })
  const [message] = await heard.atLeast(1)
  assert.equal(message?.string(), 'one')
  assert.equal(message.headers?.get('colour'), 'red')
  assert.equal(message.headers.get('x-record-key'), 'payment.new')
  assert.equal(message.reply, 'answers.1')
})

test('a queue that holds the request is somebody who has heard it', async (t) => {
  const [channel, connection] = [await broker.channel(t), await broker.nats(t)]
  const name = uniqueName('held')
  await hear(channel, name)
  await assert.rejects(connection.request(name, '', { timeout: 200 }), { code: 'TIMEOUT' })
  const nobody = connection.request(uniqueName('nobody'), '', { timeout: 3000 })
  await assert.rejects(nobody, { code: '503' })
})
