import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { Connection, ConsumerStatus } from 'rabbitmq-client'
import { startAmqpBroker, uniqueName, type AmqpBroker } from './support/amqp-broker.ts'
import { eventually, Inbox, within } from './support/eventually.ts'

/** The other widespread client of Node, rabbitmq-client, unmodified: its own ways to connect, confirm and recover. */
let broker: AmqpBroker

before(async () => {
  broker = await startAmqpBroker()
})

after(() => broker.close())

async function connect(t: TestContext, url: string = broker.url): Promise<Connection> {
  const connection = new Connection({ url, retryLow: 20, retryHigh: 100 })
  connection.on('error', () => {})
  t.after(() => connection.close())
  await connection.onConnect(5000)
  return connection
}

test('a confirming publisher and a consumer of several at once', async (t) => {
  const connection = await connect(t)
  const queue = uniqueName('events')
  const publisher = connection.createPublisher({
    confirm: true,
    queues: [{ queue, exclusive: true }],
  })
  await publisher.send(queue, { first: true })
  let atOnce = 0
  let most = 0
  const seen = new Inbox<number>()
  const consumer = connection.createConsumer(
    { queue, queueOptions: { exclusive: true }, qos: { prefetchCount: 20 }, concurrency: 5 },
    async (message) => {
      most = Math.max(most, ++atOnce)
      await new Promise(setImmediate)
      atOnce--
      seen.push(Number((message.body as { n?: number }).n ?? -1))
    },
  )
  for (let n = 0; n < 500; n++) void publisher.send(queue, { n })
  await seen.atLeast(501)
  assert.deepEqual(
    [...seen.items].sort((a, b) => a - b),
    Array.from({ length: 501 }, (_, i) => i - 1),
  )
  assert.ok(most > 1 && most <= 5, `${most} at once`)
  await consumer.close()
  await publisher.close()
})

test('a consumer that fails once gets the message again, flagged; one that gives up does not', async (t) => {
  const connection = await connect(t)
  const queue = uniqueName('retry')
  const publisher = connection.createPublisher({
    confirm: true,
    queues: [{ queue, exclusive: true }],
  })
  const seen = new Inbox<string>()
  const consumer = connection.createConsumer(
    { queue, queueOptions: { exclusive: true }, qos: { prefetchCount: 1 } },
    (message) => {
      seen.push(`${message.body} ${message.redelivered}`)
      if (message.body === 'again' && !message.redelivered) return ConsumerStatus.REQUEUE
      return message.body === 'drop' ? ConsumerStatus.DROP : ConsumerStatus.ACK
    },
  )
  await publisher.send(queue, 'again')
  await publisher.send(queue, 'drop')
  await publisher.send(queue, 'last')
  assert.deepEqual(await seen.atLeast(4), ['again false', 'again true', 'drop false', 'last false'])
  await consumer.close()
  const { messageCount } = await connection.queueDeclare({ queue, passive: true })
  assert.equal(messageCount, 0)
  await publisher.close()
})

test('an unroutable mandatory message is returned and confirmed', async (t) => {
  const connection = await connect(t)
  const publisher = connection.createPublisher({ confirm: true })
  const returned = new Inbox<unknown>()
  publisher.on('basic.return', (message) => returned.push(message.body))
  await publisher.send({ routingKey: 'nowhere', mandatory: true }, 'lost')
  assert.deepEqual(await returned.atLeast(1), ['lost'])
  await publisher.close()
})

test('publishing to an exchange that is not there rejects', async (t) => {
  const connection = await connect(t)
  const publisher = connection.createPublisher({ confirm: true })
  await assert.rejects(
    publisher.send({ exchange: 'no such exchange', routingKey: 'key' }, 'lost'),
    { code: 'NOT_FOUND' },
  )
  await publisher.close()
})

test('basic.get, bindings and deletions by the connection itself', async (t) => {
  const connection = await connect(t)
  const [queue, exchange] = [uniqueName('q'), uniqueName('x')]
  await connection.queueDeclare({ queue, exclusive: true })
  await connection.exchangeDeclare({ exchange, type: 'topic', autoDelete: true })
  await connection.queueBind({ queue, exchange, routingKey: 'a.#' })
  const publisher = connection.createPublisher({ confirm: true })
  await publisher.send({ exchange, routingKey: 'a.b' }, Buffer.from('bytes'))
  const message = await connection.basicGet({ queue, noAck: true })
  assert.deepEqual([String(message?.body), message?.routingKey], ['bytes', 'a.b'])
  assert.equal(await connection.basicGet({ queue }), undefined)
  await publisher.close()
})

test('an RPC client and a server that replies', async (t) => {
  const [asking, serving] = [await connect(t), await connect(t)]
  const queue = uniqueName('rpc')
  const server = serving.createConsumer(
    { queue, queueOptions: { exclusive: true }, qos: { prefetchCount: 1 } },
    async (message, reply) => {
      await reply(Number(message.body) + 1)
    },
  )
  await within(
    'the server listens',
    new Promise((resolve) => server.once('ready', () => resolve(true))),
  )
  // Without direct reply-to yet: replies go to a queue of the client's own.
  const replyTo = uniqueName('replies')
  const answers = new Inbox<unknown>()
  const replies = asking.createConsumer(
    { queue: replyTo, queueOptions: { exclusive: true }, noAck: true },
    (message) => {
      answers.push([message.correlationId, message.body])
    },
  )
  await within(
    'the client listens',
    new Promise((resolve) => replies.once('ready', () => resolve(true))),
  )
  const publisher = asking.createPublisher({ confirm: true })
  for (const n of [1, 2, 3])
    await publisher.send({ routingKey: queue, replyTo, correlationId: `c${n}` }, n)
  assert.deepEqual(await answers.atLeast(3), [
    ['c1', 2],
    ['c2', 3],
    ['c3', 4],
  ])
  await publisher.close()
  await replies.close()
  await server.close()
})

test(
  'it connects again when the broker comes back, and goes on',
  { skip: process.env['POLYMQ_TEST_AMQP_URL'] !== undefined },
  async (t) => {
    const first = await startAmqpBroker()
    const connection = await connect(t, first.url)
    const queue = uniqueName('again')
    const seen = new Inbox<unknown>()
    const consumer = connection.createConsumer(
      { queue, queueOptions: { durable: false }, noAck: true },
      (message) => {
        seen.push(message.body)
      },
    )
    const publisher = connection.createPublisher({ confirm: true, maxAttempts: 5 })
    await within('ready', new Promise((resolve) => consumer.once('ready', () => resolve(true))))
    await publisher.send(queue, 'before')
    await seen.atLeast(1)
    const lost = new Inbox<unknown>()
    connection.on('error', (error) => lost.push(error))
    await first.close()
    const [reason] = await lost.atLeast(1)
    assert.match(
      String(reason),
      /CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'/,
    )
    const second = await startAmqpBroker({ amqp: { port: first.port } })
    t.after(() => second.close())
    await eventually('it is connected again', () => connection.ready)
    await eventually('its queue is there again', () =>
      connection.queueDeclare({ queue, passive: true }).catch(() => false),
    )
    await publisher.send(queue, 'after')
    assert.deepEqual(await seen.atLeast(2), ['before', 'after'])
    await consumer.close()
    await publisher.close()
  },
)
