import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { eventually, Inbox } from './support/eventually.ts'
import { startRedisBroker, type RedisBroker } from './support/redis-broker.ts'

/** Stock clients of Redis, unchanged, with what they send on their own. */
let broker: RedisBroker

before(async () => {
  broker = await startRedisBroker()
})
after(() => broker.close())

let names = 0
function unique(what: string): string {
  names++
  return `${what}:${process.pid}:${names}`
}

/** `protocol` is what the client asks for by itself unless it is given. */
function ioredis(t: TestContext, options: { readonly protocol?: 2 | 3 } = {}): Redis {
  const client = new Redis({ host: broker.host, port: broker.port, ...options })
  t.after(() => client.disconnect())
  return client
}

type NodeRedis = ReturnType<typeof newNodeRedis>

function newNodeRedis(options: { readonly RESP?: 2 | 3 }) {
  return createClient({ socket: { host: broker.host, port: broker.port }, ...options })
}

async function nodeRedis(
  t: TestContext,
  options: { readonly RESP?: 2 | 3 } = {},
): Promise<NodeRedis> {
  const client = newNodeRedis(options)
  client.on('error', () => {})
  t.after(() => client.destroy())
  await client.connect()
  return client
}

for (const protocol of [undefined, 2, 3] as const) {
  const how = protocol === undefined ? 'as it comes' : `RESP${protocol}`
  const asked = protocol === undefined ? {} : { protocol }
  const askedResp = protocol === undefined ? {} : { RESP: protocol }

  test(`ioredis, ${how}: what is published on a channel or under a pattern is heard`, async (t) => {
    const [subscriber, publisher] = [ioredis(t, asked), ioredis(t, asked)]
    const channel = unique('ioredis')
    const heard = new Inbox<readonly string[]>()
    subscriber.on('message', (...args: string[]) => heard.push(['message', ...args]))
    subscriber.on('pmessage', (...args: string[]) => heard.push(['pmessage', ...args]))
    assert.equal(await subscriber.subscribe(channel), 1)
    assert.equal(await subscriber.psubscribe(`${channel}*`), 2)
    assert.equal(await publisher.publish(channel, 'one'), 2)
    assert.equal(await publisher.publish(`${channel}/x`, 'two'), 1)
    assert.deepEqual(await heard.atLeast(3), [
      ['message', channel, 'one'],
      ['pmessage', `${channel}*`, channel, 'one'],
      ['pmessage', `${channel}*`, `${channel}/x`, 'two'],
    ])
    assert.equal(await subscriber.unsubscribe(channel), 1)
    assert.equal(await subscriber.punsubscribe(), 0)
    assert.equal(await publisher.publish(channel, 'nobody'), 0)
  })

  test(`node-redis, ${how}: what is published on a channel or under a pattern is heard`, async (t) => {
    const [subscriber, publisher] = [await nodeRedis(t, askedResp), await nodeRedis(t, askedResp)]
    const channel = unique('node-redis')
    const heard = new Inbox<readonly string[]>()
    await subscriber.subscribe(channel, (message, from) => heard.push([from, message]))
    await subscriber.pSubscribe(`${channel}*`, (message, from) => heard.push([from, message]))
    await subscriber.sSubscribe(channel, (message, from) => heard.push(['shard', from, message]))
    assert.equal(await publisher.publish(channel, 'one'), 2)
    assert.equal(await publisher.sPublish(channel, 'two'), 1)
    assert.deepEqual(await heard.atLeast(3), [
      [channel, 'one'],
      [channel, 'one'],
      ['shard', channel, 'two'],
    ])
    await subscriber.unsubscribe()
    await subscriber.pUnsubscribe()
    await subscriber.sUnsubscribe()
    assert.equal(await publisher.publish(channel, 'nobody'), 0)
    // Of RESP2 it shows the octets, after it was a subscriber.
    assert.equal(String(await subscriber.ping()), 'PONG')
  })
}

test('ioredis: a thousand messages in one pipeline arrive in their order', async (t) => {
  const [subscriber, publisher] = [ioredis(t), ioredis(t)]
  const channel = unique('many')
  const heard = new Inbox<string>()
  subscriber.on('message', (_channel: string, message: string) => heard.push(message))
  await subscriber.subscribe(channel)
  const numbers = Array.from({ length: 1000 }, (_, index) => String(index))
  const pipeline = publisher.pipeline()
  for (const number of numbers) pipeline.publish(channel, number)
  const answers = (await pipeline.exec()) ?? []
  assert.ok(answers.every(([error, count]) => error === null && count === 1))
  assert.deepEqual(await heard.atLeast(1000), numbers)
})

test('ioredis: a transaction answers once for all of it', async (t) => {
  const client = ioredis(t)
  const answers = await client.multi().publish('a', 'b').ping().exec()
  assert.deepEqual(answers, [
    [null, 0],
    [null, 'PONG'],
  ])
})

test('ioredis: buffers are octets', async (t) => {
  const [subscriber, publisher] = [ioredis(t), ioredis(t)]
  const channel = unique('octets')
  const heard = new Inbox<Buffer>()
  subscriber.on('messageBuffer', (_channel: Buffer, message: Buffer) => heard.push(message))
  await subscriber.subscribe(channel)
  const body = Buffer.from([0, 1, 0x0d, 0x0a, 0xff])
  await publisher.publish(channel, body)
  assert.deepEqual(await heard.atLeast(1), [body])
})

test('a password that nobody needs keeps nobody out', async (t) => {
  const client = new Redis({ host: broker.host, port: broker.port, password: 'needless' })
  t.after(() => client.disconnect())
  assert.equal(await client.ping(), 'PONG')
  const socket = { host: broker.host, port: broker.port }
  const other = createClient({ socket, password: 'needless' })
  t.after(() => other.destroy())
  await other.connect()
  assert.equal(await other.ping(), 'PONG')
})

test('ioredis: subscriptions come back after the connection was lost', async (t) => {
  const [subscriber, other] = [ioredis(t), ioredis(t)]
  const channel = unique('again')
  const heard = new Inbox<string>()
  subscriber.on('message', (_channel: string, message: string) => heard.push(message))
  await subscriber.subscribe(channel)
  // A subscriber of Redis' own sees no difference either.
  await other.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await eventually('the subscription to be back', async () => {
    return (await other.publish(channel, 'back')) === 1
  })
  assert.ok((await heard.atLeast(1)).includes('back'))
})

test('clients are listed by the names that they and their libraries have', async (t) => {
  const client = await nodeRedis(t)
  await client.clientSetName('worker-7')
  assert.equal(await client.clientGetName(), 'worker-7')
  const info = await client.clientInfo()
  assert.equal(info.name, 'worker-7')
  // Redis 7.0 knows no libraries.
  if (broker.isOurs) assert.equal(info.libName, 'node-redis')
  const listed = await client.clientList()
  assert.ok(listed.some(({ id, name }) => id === info.id && name === 'worker-7'))
  assert.equal(await client.clientId(), info.id)
})

test(
  'what needs a database says what to use',
  { skip: process.env['POLYMQ_TEST_REDIS'] !== undefined },
  async (t) => {
    const client = ioredis(t)
    await assert.rejects(client.get('key'), /'get' needs a database, and PolyMQ is a broker/)
    await assert.rejects(client.lpush('jobs', 'x'), /for a queue of work use one of AMQP 0-9-1/)
    await assert.rejects(client.xadd('log', '*', 'a', 'b'), /for a stream use a topic of Kafka/)
    assert.equal(await client.ping(), 'PONG')
  },
)
