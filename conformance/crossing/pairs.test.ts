/** Every pair of protocols, in both directions, through clients that people use. docs/crossing.md has a line for each. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test, type TestContext } from 'node:test'
import { Redis } from 'ioredis'
import type { ConfirmChannel } from 'amqplib'
import type { NatsConnection } from 'nats'
import { uniqueName } from '../clients/support/amqp-broker.ts'
import { eventually, Inbox } from '../clients/support/eventually.ts'
import { CrossingBroker, publish, read } from './crossing-broker.ts'

const exchange = 'amq.topic'
/** Bound to the exchange. */
const KEPT = 'kept'
/** Fed to the exchange, each record under its key. */
const FED = 'fed'
/** What no text is, and what lines end with. */
const BODY = Buffer.from([0, 0xff, 0x0d, 0x0a, 0x2b, 0x4f, 0x4b])

let broker: CrossingBroker

before(async () => {
  broker = await CrossingBroker.start({
    streams: [{ name: KEPT }, { name: FED }],
    bindings: [
      { source: exchange, destination: KEPT, destinationKind: 'stream', routingKey: 'pair.#' },
    ],
    feeds: [{ name: 'all', stream: FED, exchange }],
  })
})
after(() => broker.close())

/** What came, and under which name. */
interface Arrival {
  readonly name: string
  readonly body: Buffer
}

/** Each protocol's clients, as one test needs them. */
class Clients {
  readonly amqp: ConfirmChannel
  readonly nats: NatsConnection
  readonly publisher: Redis
  readonly subscriber: Redis

  private constructor(amqp: ConfirmChannel, nats: NatsConnection, redis: readonly [Redis, Redis]) {
    this.amqp = amqp
    this.nats = nats
    this.publisher = redis[0]
    this.subscriber = redis[1]
  }

  static async connect(t: TestContext): Promise<Clients> {
    const newRedis = (): Redis => {
      const port = broker.running.addresses.redis?.port ?? 0
      const client = new Redis({ host: '127.0.0.1', port })
      t.after(() => client.disconnect())
      return client
    }
    return new Clients(await broker.channel(t), await broker.nats(t), [newRedis(), newRedis()])
  }
}

/** How each says it. */
const publishers: Readonly<Record<string, (clients: Clients, key: string) => Promise<unknown>>> = {
  AMQP: ({ amqp }, key) => publish(amqp, { exchange, key, body: BODY }),
  NATS: ({ nats }, key) => {
    nats.publish(key, BODY)
    return nats.flush()
  },
  Redis: ({ publisher }, key) => publisher.publish(key, BODY),
  Kafka: (_clients, key) => broker.produce(FED, { key, value: BODY }),
}

/** How each hears it: begins to listen, and returns how to get what has come. */
const readers: Readonly<
  Record<string, (clients: Clients, key: string) => Promise<() => Promise<Arrival | undefined>>>
> = {
  AMQP: async ({ amqp }, key) => {
    const { queue } = await amqp.assertQueue('', { exclusive: true })
    await amqp.bindQueue(queue, exchange, key)
    const inbox = await read(amqp, queue)
    return async () => {
      const [message] = await inbox.atLeast(1)
      return message && { name: message.fields.routingKey, body: message.content }
    }
  },
  NATS: async ({ nats }, key) => {
    const inbox = new Inbox<Arrival>()
    nats.subscribe(key, {
      callback: (_error, { subject, data }) =>
        inbox.push({ name: subject, body: Buffer.from(data) }),
    })
    await nats.flush()
    return async () => (await inbox.atLeast(1))[0]
  },
  Redis: async ({ subscriber }, key) => {
    const inbox = new Inbox<Arrival>()
    subscriber.on('messageBuffer', (channel: Buffer, body: Buffer) => {
      if (channel.toString() === key) inbox.push({ name: key, body })
    })
    await subscriber.subscribe(key)
    return async () => (await inbox.atLeast(1))[0]
  },
  Kafka: (_clients, key) => {
    const isMeant = (headers: Readonly<Record<string, unknown>> = {}): boolean =>
      String(headers['routing-key']) === key
    return Promise.resolve(() =>
      eventually('the record', async () => {
        const records = await broker.records(KEPT, 1)
        const record = records.find(({ headers }) => isMeant(headers))
        return record && { name: key, body: record.value ?? Buffer.alloc(0) }
      }),
    )
  },
}

const pairs = Object.keys(publishers).flatMap((from) =>
  Object.keys(readers)
    .filter((to) => to !== from)
    .map((to) => ({ from, to })),
)

for (const { from, to } of pairs) {
  test(`${from} to ${to}`, async (t) => {
    const clients = await Clients.connect(t)
    const key = uniqueName('pair.one')
    const arrival = await readers[to]?.(clients, key)
    await publishers[from]?.(clients, key)
    assert.deepEqual(await arrival?.(), { name: key, body: BODY })
  })
}

test('docs/crossing.md has a line for each pair', async () => {
  const text = await readFile(new URL('../../docs/crossing.md', import.meta.url), 'utf8')
  const lines = [...text.matchAll(/^\| (\w+) to (\w+) \|/gm)].map(([, from, to]) => ({ from, to }))
  assert.deepEqual(lines, pairs)
})

test('PUBLISH counts each who hears it, of all protocols: of a group one, of queues and streams none', async (t) => {
  const { amqp, nats, publisher, subscriber } = await Clients.connect(t)
  const key = uniqueName('pair.counted')
  const { queue } = await amqp.assertQueue('', { exclusive: true })
  await amqp.bindQueue(queue, exchange, key)
  // The stream is bound already.
  assert.equal(await publisher.publish(key, 'x'), 0)
  await subscriber.subscribe(key)
  await subscriber.psubscribe('pair.count*')
  assert.equal(await publisher.publish(key, 'x'), 2)
  const ignored = { callback: () => {} }
  nats.subscribe(key, ignored)
  nats.subscribe('pair.*', ignored)
  await nats.flush()
  assert.equal(await publisher.publish(key, 'x'), 4)
  for (let member = 0; member < 3; member++) nats.subscribe(key, { ...ignored, queue: 'workers' })
  await nats.flush()
  assert.equal(await publisher.publish(key, 'x'), 5)
})

test('a request of NATS that only a client of Redis hears is heard', async (t) => {
  const { nats, subscriber } = await Clients.connect(t)
  const key = uniqueName('pair.request')
  await subscriber.subscribe(key)
  await assert.rejects(nats.request(key, '', { timeout: 200 }), { code: 'TIMEOUT' })
})

test('one message reaches those who listen by every protocol, once each', async (t) => {
  const clients = await Clients.connect(t)
  const [first, second] = [uniqueName('pair.first'), uniqueName('pair.second')]
  const arrivals = await Promise.all(
    Object.values(readers).flatMap((reader) => [reader(clients, first), reader(clients, second)]),
  )
  for (const key of [first, second]) await publishers['Redis']?.(clients, key)
  const got = await Promise.all(arrivals.map((arrival) => arrival()))
  assert.deepEqual(
    got.map((each) => each?.name),
    Object.keys(readers).flatMap(() => [first, second]),
  )
})
