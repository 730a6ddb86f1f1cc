/** What stock clients do, seen and changed through the control API; and what is done there, seen by them. */
import assert from 'node:assert/strict'
import { connect as connectSocket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { Producer, stringSerializers } from '@platformatic/kafka'
import { connect, type ChannelModel } from 'amqplib'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import { connect as connectNats } from 'nats'
import type { RunningBroker, StartOptions } from '../../packages/broker/src/index.ts'
import { OpenApi } from '../../packages/broker/src/testing/openapi.ts'
import { makeFolder } from '../app/command.ts'
import { startTestBroker } from './support/data-directory.ts'
import { eventually } from './support/eventually.ts'

const V = '/api/polymq/vhosts/%2F'

/** Every answer is held against it. */
const openApi = new OpenApi()

interface Item {
  readonly [key: string]: unknown
}

class Control {
  readonly broker: RunningBroker
  readonly #login: string

  constructor(broker: RunningBroker, login: string = 'guest:guest') {
    this.broker = broker
    this.#login = login
  }

  as(login: string): Control {
    return new Control(this.broker, login)
  }

  get url(): string {
    return `http://127.0.0.1:${this.broker.addresses.management?.port}`
  }

  async ask(method: string, path: string, body?: unknown): Promise<Response> {
    const authorization = `Basic ${Buffer.from(this.#login).toString('base64')}`
    return fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  }

  async get(path: string): Promise<Item> {
    const response = await this.ask('GET', path)
    assert.equal(response.status, 200, path)
    const body = (await response.json()) as Item
    openApi.check(openApi.find('GET', path.split('?', 1)[0] ?? ''), 200, body)
    return body
  }

  async send(method: string, path: string, body?: unknown): Promise<Item> {
    const response = await this.ask(method, path, body)
    const text = await response.text()
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`)
    return text === '' ? {} : (JSON.parse(text) as Item)
  }

  async list(path: string): Promise<Item[]> {
    return (await this.get(path))['items'] as Item[]
  }

  async lines(query: string): Promise<Item[]> {
    const response = await this.ask('GET', `${V}/messages?${query}`)
    assert.equal(response.status, 200)
    const text = await response.text()
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Item)
  }
}

async function start(t: TestContext, options: StartOptions = {}): Promise<Control> {
  const listeners = { amqp: { port: 0 }, kafka: { port: 0 }, management: { port: 0 } }
  const broker = await startTestBroker({ ...listeners, ...options })
  t.after(() => broker.close())
  return new Control(broker)
}

async function amqp(
  t: TestContext,
  { broker }: Control,
  options: object = {},
): Promise<ChannelModel> {
  const url = `amqp://guest:guest@127.0.0.1:${broker.addresses.amqp?.port}`
  const client = await connect(url, options)
  client.on('error', () => {})
  t.after(() => client.close().catch(() => {}))
  return client
}

function kafka({ broker }: Control): Kafka {
  const brokers = [`127.0.0.1:${broker.addresses.kafka?.port}`]
  return new Kafka({
    clientId: 'tester',
    brokers,
    logLevel: logLevel.NOTHING,
    retry: { retries: 2 },
  })
}

test('what an AMQP client publishes is counted, and what is published here reaches it whole', async (t) => {
  const control = await start(t)
  const channel = await (await amqp(t, control)).createConfirmChannel()
  await channel.assertQueue('orders')
  for (let i = 0; i < 3; i++) channel.sendToQueue('orders', Buffer.from(String(i)))
  await channel.waitForConfirms()
  const queue = await control.get(`${V}/queues/orders`)
  assert.deepEqual([queue['ready'], queue['enqueued'], queue['durable']], [3, 3, true])
  await control.send('POST', `${V}/queues/orders/purge`, {})

  await control.send('POST', `${V}/publish`, {
    address: 'amqp:orders',
    body: 'hello',
    headers: { tries: 2, nested: { list: ['a', null] } },
    properties: { contentType: 'text/plain', correlationId: 'c1', timestamp: 17 },
  })
  const message = await channel.get('orders', { noAck: true })
  assert.ok(message !== false)
  assert.equal(message.content.toString(), 'hello')
  const { headers, contentType, correlationId, timestamp, deliveryMode } = message.properties
  assert.deepEqual(headers, { tries: 2, nested: { list: ['a', null] } })
  assert.deepEqual([contentType, correlationId, timestamp], ['text/plain', 'c1', 17])
  assert.equal(deliveryMode, 2)
})

test('a queue, an exchange and a binding made here are what AMQP clients declare', async (t) => {
  const control = await start(t)
  await control.send('PUT', `${V}/queues/orders`, {})
  await control.send('PUT', `${V}/exchanges/events`, { type: 'topic' })
  const binding = { source: 'events', destinationKind: 'queue', destination: 'orders' }
  await control.send('POST', `${V}/bindings`, { ...binding, routingKey: 'order.#' })
  const channel = await (await amqp(t, control)).createConfirmChannel()
  await channel.assertQueue('orders', { durable: true })
  await channel.assertExchange('events', 'topic', { durable: true })
  channel.publish('events', 'order.created', Buffer.from('x'))
  await channel.waitForConfirms()
  assert.equal((await channel.checkQueue('orders')).messageCount, 1)
  const other = await control.ask('PUT', `${V}/queues/orders`, { durable: false })
  assert.equal(other.status, 409)
  const inUse = await control.ask('DELETE', `${V}/queues/orders?ifEmpty=true`)
  assert.equal(inUse.status, 409)
})

test('connections are listed with what their clients say, and closed with 320 and a reason', async (t) => {
  const control = await start(t)
  const client = await amqp(t, control, { clientProperties: { connection_name: 'billing' } })
  const channel = await client.createChannel()
  await channel.assertQueue('orders')
  await channel.consume('orders', () => {}, { consumerTag: 'reader', noAck: true })
  const [connection] = await control.list('/api/polymq/connections')
  assert.deepEqual(
    [connection?.['protocol'], connection?.['user'], connection?.['vhost'], connection?.['state']],
    ['amqp', 'guest', '/', 'running'],
  )
  assert.match(String(connection?.['client']), /^billing \(amqplib /)
  assert.deepEqual([connection?.['channels'], connection?.['consumers']], [1, 1])
  assert.ok(Number(connection?.['receivedBytes']) > 0 && Number(connection?.['sentBytes']) > 0)
  const [consumer] = await control.list(`${V}/consumers`)
  assert.deepEqual(
    [consumer?.['tag'], consumer?.['connection'], consumer?.['channel'], consumer?.['ackRequired']],
    ['reader', connection?.['id'], 1, false],
  )

  const closed = new Promise<Error>((resolve) => client.once('close', resolve))
  const id = String(connection?.['id'])
  await control.send('DELETE', `/api/polymq/connections/${id}?reason=maintenance`)
  assert.match((await closed).message, /320.*CONNECTION_FORCED.*maintenance/s)
  await eventually('it to be gone', async () => {
    return (await control.list('/api/polymq/connections')).length === 0
  })
  assert.equal((await control.ask('GET', `/api/polymq/connections/${id}`)).status, 404)
})

test('a user sees and closes its own connections only; one that is deleted loses them', async (t) => {
  const control = await start(t)
  for (const name of ['ann', 'bob']) {
    await control.send('PUT', `/api/polymq/users/${name}`, { password: 'x', tags: ['management'] })
    const rights = { configure: '.*', write: '.*', read: '.*' }
    await control.send('PUT', `${V}/permissions/${name}`, rights)
  }
  await amqp(t, control)
  const url = `amqp://ann:x@127.0.0.1:${control.broker.addresses.amqp?.port}`
  const client = await connect(url)
  client.on('error', () => {})
  const [all, anns] = [
    await control.list('/api/polymq/connections'),
    await control.as('ann:x').list('/api/polymq/connections'),
  ]
  assert.deepEqual([all.length, anns.length], [2, 1])
  assert.deepEqual(await control.as('bob:x').list('/api/polymq/connections'), [])
  const path = `/api/polymq/connections/${String(anns[0]?.['id'])}`
  assert.equal((await control.as('bob:x').ask('DELETE', path)).status, 404)
  const closed = new Promise<unknown>((resolve) => client.once('close', resolve))
  await control.send('DELETE', '/api/polymq/users/ann')
  assert.match(String(await closed), /user deleted/)
})

test('a virtual host that is deleted is gone with all that was in it, its clients told 320', async (t) => {
  const control = await start(t)
  const path = '/api/polymq/vhosts/sales'
  await control.send('PUT', path, {})
  await control.send('PUT', '/api/polymq/users/ann', { password: 'x', vhost: 'sales' })
  const rights = { configure: '.*', write: '.*', read: '.*' }
  await control.send('PUT', `${path}/permissions/ann`, rights)
  const { amqp: amqpAddress, kafka: kafkaAddress } = control.broker.addresses
  const url = `amqp://guest:guest@127.0.0.1:${amqpAddress?.port}/sales`
  const client = await connect(url)
  const errors: unknown[] = []
  client.on('error', (error) => errors.push(error))
  const channel = await client.createConfirmChannel()
  channel.on('error', () => {})
  await channel.assertQueue('orders')
  channel.sendToQueue('orders', Buffer.from('lost'), { persistent: true })
  await channel.waitForConfirms()
  await channel.consume('orders', () => {})
  const elsewhere = await amqp(t, control)
  const sasl = { mechanism: 'plain', username: 'ann', password: 'x' } as const
  const brokers = [`127.0.0.1:${kafkaAddress?.port}`]
  const logs = { logLevel: logLevel.NOTHING, retry: { retries: 0 } }
  const ann = new Kafka({ clientId: 'ann', brokers, sasl, ...logs })
  const admin = ann.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'log' }] })
  await control.send('POST', `${path}/groups/readers/reset`, { to: 'first', stream: 'log' })
  assert.equal((await control.list(`${path}/groups`)).length, 1)

  const closed = new Promise<Error>((resolve) => client.once('close', resolve))
  await control.send('DELETE', path)
  assert.match((await closed).message, /320.*CONNECTION_FORCED - vhost 'sales' is deleted/s)
  assert.equal((await control.ask('GET', path)).status, 404)
  await eventually('the others to be gone', async () => {
    return (await control.list('/api/polymq/connections')).length === 1
  })
  await (await elsewhere.createChannel()).assertQueue('here')
  await admin.disconnect()
  await assert.rejects(ann.admin().connect(), /authentication failed/)
  await assert.rejects(connect(url), /Expected ConnectionOpenOk; got <ConnectionClose/)

  await control.send('PUT', path, {})
  await control.send('PUT', `${path}/permissions/ann`, rights)
  const again = await connect(url)
  t.after(() => again.close().catch(() => {}))
  const { messageCount } = await (await again.createChannel()).assertQueue('orders')
  assert.equal(messageCount, 0)
  const anew = ann.admin()
  t.after(() => anew.disconnect())
  await anew.connect()
  assert.deepEqual(await anew.listTopics(), [])
  assert.deepEqual(await control.list(`${path}/groups`), [])
})

test('connections of Kafka clients are listed and closed too', async (t) => {
  const control = await start(t)
  const admin = kafka(control).admin()
  await admin.connect()
  const before = await control.list('/api/polymq/connections')
  assert.ok(before.length > 0)
  for (const connection of before) {
    assert.deepEqual([connection['protocol'], connection['user']], ['kafka', 'guest'])
    assert.match(String(connection['client']), /^tester/)
    const { status } = await control.ask(
      'DELETE',
      `/api/polymq/connections/${String(connection['id'])}`,
    )
    assert.equal(status, 204)
  }
  await eventually('them to be gone', async () => {
    const ids = (await control.list('/api/polymq/connections')).map((each) => each['id'])
    return before.every((each) => !ids.includes(each['id']))
  })
  assert.deepEqual(await admin.listTopics(), [], 'it has connected again')
  await admin.disconnect()
})

test('with a data directory the overview and the metrics have the journal too', async (t) => {
  const directory = await makeFolder()
  const control = await start(t, { data: { directory, durability: 'os' } })
  await control.send('PUT', `${V}/queues/orders`, {})
  await control.send('POST', `${V}/publish`, { address: 'amqp:orders', body: 'x' })
  const { data, journal, listeners } = await control.get('/api/polymq/overview')
  assert.deepEqual(data, { directory, durability: 'os' })
  const { usedBytes, limitBytes, unsyncedBytes } = journal as Record<string, number>
  assert.ok((usedBytes ?? 0) > 0 && (limitBytes ?? 0) > 2 ** 28 && (unsyncedBytes ?? -1) >= 0)
  const protocols = (listeners as Item[]).map(({ protocol }) => protocol)
  assert.deepEqual(protocols, ['amqp', 'kafka', 'management'])
  const metrics = await (await fetch(`${control.url}/metrics`)).text()
  assert.match(metrics, /^polymq_journal_used_bytes [1-9]\d*$/m)
  const queue = await control.get(`${V}/queues/orders`)
  assert.equal(queue['durability'], 'os')
})

test('a blocked publisher is shown as blocked, and readiness says why', async (t) => {
  const control = await start(t, { memoryBytes: 2 ** 20 * 16 })
  const client = await amqp(t, control)
  const channel = await client.createChannel()
  await channel.assertQueue('full', { durable: false })
  const body = Buffer.alloc(100_000)
  for (let i = 0; i < 400; i++) channel.sendToQueue('full', body)
  await eventually('an alarm', async () => (await fetch(`${control.url}/ready`)).status === 503)
  await eventually('the client to be held', async () => {
    const [connection] = await control.list('/api/polymq/connections')
    return connection?.['state'] === 'blocked'
  })
  assert.equal((await fetch(`${control.url}/health`)).status, 200)
  const { alarms } = await control.get('/api/polymq/overview')
  assert.deepEqual(alarms, ['low on memory'])
  await control.send('POST', `${V}/queues/full/purge`, {})
  await eventually('it to be over', async () => {
    await control.send('POST', `${V}/queues/full/purge`, {})
    return (await fetch(`${control.url}/ready`)).status === 200
  })
})

test('a stream made here is a topic, and what Kafka clients produce is read here', async (t) => {
  const control = await start(t)
  await control.send('PUT', `${V}/streams/orders`, {
    partitions: 2,
    config: { retentionMs: null, timestamps: 'log' },
  })
  const admin = kafka(control).admin()
  await admin.connect()
  const { topics } = await admin.fetchTopicMetadata({ topics: ['orders'] })
  assert.equal(topics[0]?.partitions.length, 2)
  const described = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [
      { type: 2, name: 'orders', configNames: ['retention.ms', 'message.timestamp.type'] },
    ],
  })
  const configs = described.resources[0]?.configEntries.map(({ configValue }) => configValue)
  assert.deepEqual(configs?.toSorted(), ['-1', 'LogAppendTime'])
  await admin.disconnect()

  const producer = kafka(control).producer()
  await producer.connect()
  const messages = [{ key: 'k', value: 'v', headers: { a: 'b' }, partition: 1 }]
  await producer.send({ topic: 'orders', messages })
  await producer.disconnect()
  const [, record] = await control.lines('address=kafka:orders&from=first&follow=false')
  assert.deepEqual(
    [
      record?.['partition'],
      record?.['offset'],
      record?.['key'],
      record?.['body'],
      record?.['headers'],
    ],
    [1, 0, 'k', 'v', { a: 'b' }],
  )
  const same = await control.ask('PUT', `${V}/streams/orders`, {
    partitions: 2,
    config: { retentionMs: null, timestamps: 'log' },
  })
  assert.equal(same.status, 200)
  assert.equal((await control.ask('PUT', `${V}/streams/orders`, { partitions: 3 })).status, 409)
})

for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`records that a client has compressed by ${compression} are read here`, async (t) => {
    const control = await start(t)
    await control.send('PUT', `${V}/streams/orders`, {})
    const producer = new Producer({
      clientId: 'compressing',
      bootstrapBrokers: [`127.0.0.1:${control.broker.addresses.kafka?.port}`],
      serializers: stringSerializers,
      compression,
    })
    const values = Array.from({ length: 20 }, (_, i) => `value ${i} `.repeat(20))
    await producer.send({ messages: values.map((value) => ({ topic: 'orders', value })) })
    await producer.close()
    const lines = await control.lines('address=kafka:orders&from=first&follow=false')
    const records = lines.filter(({ type }) => type === 'record')
    assert.deepEqual(
      records.map(({ body }) => body),
      values,
    )
  })
}

test('a group that reads is shown with its members and its lag, and is not reset; one that has left is', async (t) => {
  const control = await start(t)
  await control.send('PUT', `${V}/streams/orders`, {})
  for (let i = 0; i < 5; i++) {
    await control.send('POST', `${V}/publish`, { address: 'kafka:orders', body: String(i) })
  }
  const consumer = kafka(control).consumer({ groupId: 'readers' })
  const received: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => void received.push(String(message.value)),
  })
  await eventually('all of them', () => received.length === 5)
  await eventually('its members', async () => {
    const { state, memberList } = await control.get(`${V}/groups/readers`)
    return state === 'stable' && (memberList as Item[])[0]?.['clientId'] === 'tester'
  })
  const reset = { to: 'first' }
  assert.equal((await control.ask('POST', `${V}/groups/readers/reset`, reset)).status, 409)
  assert.equal((await control.ask('DELETE', `${V}/groups/readers`)).status, 409)
  await consumer.disconnect()

  await eventually('its commit', async () => {
    const { offsets, lag } = await control.get(`${V}/groups/readers`)
    return lag === 0 && (offsets as Item[])[0]?.['offset'] === 5
  })
  const dry = await control.send('POST', `${V}/groups/readers/reset`, { ...reset, dryRun: true })
  assert.deepEqual(dry['changes'], [{ stream: 'orders', partition: 0, before: 5, after: 0 }])
  assert.equal((await control.get(`${V}/groups/readers`))['lag'], 0)
  const offset = { to: 'offset', offset: 3 }
  await control.send('POST', `${V}/groups/readers/reset`, offset)
  assert.equal((await control.get(`${V}/groups/readers`))['lag'], 2)
  const again = kafka(control).consumer({ groupId: 'readers' })
  const rest: string[] = []
  await again.connect()
  await again.subscribe({ topic: 'orders', fromBeginning: true })
  await again.run({ eachMessage: async ({ message }) => void rest.push(String(message.value)) })
  await eventually('what it was set back to', () => rest.length === 2)
  assert.deepEqual(rest, ['3', '4'])
  await again.disconnect()
})

test('a feed made here carries records to a queue, and shows how far it is', async (t) => {
  const control = await start(t)
  await control.send('PUT', `${V}/streams/orders`, {})
  await control.send('PUT', `${V}/queues/copies`, {})
  const feed = { stream: 'orders', exchange: '', routingKey: 'copies' }
  await control.send('PUT', `${V}/feeds/copy`, feed)
  await control.send('POST', `${V}/publish`, { address: 'kafka:orders', body: 'x' })
  await eventually('the copy', async () => (await control.get(`${V}/queues/copies`))['ready'] === 1)
  await eventually('its lag', async () => {
    const { state, carried, lag } = await control.get(`${V}/feeds/copy`)
    return state === 'running' && carried === 1 && lag === 0
  })
  assert.equal((await control.ask('PUT', `${V}/feeds/copy`, feed)).status, 200)
  const other = { ...feed, exchange: 'amq.fanout' }
  assert.equal((await control.ask('PUT', `${V}/feeds/copy`, other)).status, 409)
})

test('who listens by NATS and by Redis is listed, and so is what they listen to', async (t) => {
  const control = await start(t, { nats: { port: 0 }, redis: { port: 0 } })
  const { nats, redis } = control.broker.addresses
  const natsClient = await connectNats({ servers: `127.0.0.1:${nats?.port}`, name: 'worker' })
  t.after(() => natsClient.close())
  natsClient.subscribe('orders.*', { queue: 'workers', callback: () => {} })
  await natsClient.flush()
  const redisClient = new Redis(redis?.port ?? 0, '127.0.0.1')
  t.after(() => redisClient.disconnect())
  await redisClient.psubscribe('news.[a-c]*')
  await redisClient.subscribe('orders.new')
  const connections = await control.list('/api/polymq/connections')
  const idOf = (protocol: string): unknown =>
    connections.find((connection) => connection['protocol'] === protocol)?.['id']
  const common = { vhost: '/', exchange: 'amq.topic' }
  const listed = await control.list(`${V}/subscriptions`)
  assert.deepEqual(
    listed.toSorted((one, other) => (String(one['pattern']) < String(other['pattern']) ? -1 : 1)),
    [
      {
        ...common,
        pattern: 'news.[a-c]*',
        dialect: 'glob',
        group: null,
        tag: '',
        connection: idOf('redis'),
      },
      {
        ...common,
        pattern: 'orders.*',
        dialect: 'nats',
        group: 'workers',
        tag: '1',
        connection: idOf('nats'),
      },
      {
        ...common,
        pattern: 'orders.new',
        dialect: 'literal',
        group: null,
        tag: '',
        connection: idOf('redis'),
      },
    ],
  )
  assert.equal(
    (await control.list(`${V}/subscriptions?connection=${String(idOf('nats'))}`)).length,
    1,
  )
  natsClient.publish('orders.new', 'x')
  await natsClient.flush()
  const metrics = await (await control.ask('GET', '/metrics')).text()
  assert.match(metrics, /^polymq_subscriptions 3$/m)
  assert.match(metrics, /^polymq_messages_heard_total 2$/m)
})

test('nonsense at the control port does not disturb those who publish', async (t) => {
  const control = await start(t)
  const channel = await (await amqp(t, control)).createConfirmChannel()
  await channel.assertQueue('orders')
  const peers = Array.from({ length: 50 }, (_, i) => {
    const socket = connectSocket(control.broker.addresses.management?.port ?? 0, '127.0.0.1')
    socket.on('error', () => {}).resume()
    socket.write(i % 2 === 0 ? 'GET /health HTTP/1.1\r\nx: ' : Buffer.alloc(4096, i))
    return socket
  })
  t.after(() => peers.forEach((socket) => socket.destroy()))
  for (let i = 0; i < 500; i++) channel.sendToQueue('orders', Buffer.from(String(i)))
  await channel.waitForConfirms()
  assert.equal((await control.get(`${V}/queues/orders`))['ready'], 500)
})
