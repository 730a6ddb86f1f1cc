import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { connect } from 'amqplib'
import { startBroker } from '../../packages/broker/src/index.ts'
import { startAmqpBroker, uniqueName, type AmqpBroker } from './support/amqp-broker.ts'
import { Amqplib, closingError, send } from './support/amqplib-client.ts'
import { within } from './support/eventually.ts'

/** How connections and channels begin, stay alive and end: with amqplib, unmodified. */
let broker: AmqpBroker
const isPeer = process.env['POLYMQ_TEST_AMQP_URL'] !== undefined

before(async () => {
  broker = await startAmqpBroker()
})

after(() => broker.close())

test('the server says which RabbitMQ it behaves like, and what it can do', async (t) => {
  const connection = await new Amqplib(broker, t).connection()
  const { serverProperties } = connection.connection
  assert.equal(serverProperties.product, 'RabbitMQ')
  const capabilities = serverProperties['capabilities'] as unknown as Record<string, unknown>
  for (const capability of [
    'publisher_confirms',
    'exchange_exchange_bindings',
    'basic.nack',
    'consumer_cancel_notify',
    'connection.blocked',
    'consumer_priorities',
    'authentication_failure_close',
    'per_consumer_qos',
  ]) {
    assert.equal(capabilities[capability], true, capability)
  }
})

test('a wrong password is refused in the words that clients know', async () => {
  const url = new URL(broker.url)
  url.password = 'wrong'
  await assert.rejects(
    connect(url.href),
    /403 \(ACCESS-REFUSED\) with message "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN/,
  )
})

test('AMQPLAIN is as good as PLAIN', async (t) => {
  const { credentials } = (await import('amqplib')).default
  const connection = await connect(broker.url, {
    credentials: credentials.amqplain('guest', 'guest'),
  })
  t.after(() => connection.close())
  await connection.createChannel()
})

test(
  'a user of ours logs in, and one with another password does not',
  { skip: isPeer },
  async (t) => {
    const own = await startAmqpBroker({ users: [{ name: 'ann', password: 's3cret:@/' }] })
    t.after(() => own.close())
    const url = new URL(own.url)
    url.username = 'ann'
    url.password = encodeURIComponent('s3cret:@/')
    const connection = await connect(url.href)
    await connection.createChannel()
    await connection.close()
    url.password = 'guess'
    await assert.rejects(connect(url.href), /ACCESS_REFUSED/)
  },
)

test('an unknown virtual host is refused', async () => {
  // What amqplib makes of it; the words are in conformance/amqp/bad-input.test.ts.
  await assert.rejects(connect(`${broker.url}nowhere`), /got <ConnectionClose channel:0>/)
})

test('update-secret is answered', async (t) => {
  const connection = await new Amqplib(broker, t).connection()
  await connection.updateSecret(Buffer.from('new'), 'rotation')
})

test('a channel number is free again after close, hundreds of times', async (t) => {
  const client = new Amqplib(broker, t)
  const connection = await client.connection()
  for (let i = 0; i < 300; i++) await (await client.channel(connection)).close()
})

test('channels of one connection do not wait for one another', async (t) => {
  const client = new Amqplib(broker, t)
  const connection = await client.connection()
  const channels = await Promise.all(Array.from({ length: 50 }, () => client.channel(connection)))
  const queues = await Promise.all(
    channels.map((channel) => channel.assertQueue('', { exclusive: true })),
  )
  assert.equal(new Set(queues.map(({ queue }) => queue)).size, 50)
})

test('what was sent before close has arrived', async (t) => {
  const client = new Amqplib(broker, t)
  const reader = await client.channel()
  const queue = uniqueName('closing')
  await reader.assertQueue(queue, { durable: false })
  const connection = await client.connection()
  const channel = await client.channel(connection)
  send(channel, queue, ...Array.from({ length: 1000 }, (_, i) => `${i}`))
  await channel.close()
  await connection.close()
  assert.deepEqual(await reader.deleteQueue(queue), { messageCount: 1000 })
})

test('an error of the connection closes all its channels and no other connection', async (t) => {
  const client = new Amqplib(broker, t)
  const [broken, sound] = [await client.connection(), await client.connection()]
  const [one, two] = [await client.channel(broken), await client.channel(broken)]
  const gone = [one, two].map(
    (channel) => new Promise((resolve) => channel.once('close', () => resolve(true))),
  )
  const error = closingError(broken)
  const { queue } = await one.assertQueue('', { exclusive: true })
  await one.consume(queue, () => {}, { consumerTag: 'same' })
  one.consume(queue, () => {}, { consumerTag: 'same' }).catch(() => {})
  const { code } = await within('the connection is closed', error)
  assert.equal(code, 530)
  await within('its channels are closed', Promise.all(gone))
  await (await client.channel(sound)).assertQueue('', { exclusive: true })
})

test('heartbeats keep an idle connection alive both ways', async (t) => {
  const client = new Amqplib(broker, t)
  const connection = await client.connection('?heartbeat=1')
  connection.on('close', () => assert.fail('it was idle, not dead'))
  // Three intervals: both sides would have given up.
  await new Promise((resolve) => setTimeout(resolve, 3500))
  await client.channel(connection)
  connection.removeAllListeners('close')
})

test('a broker that closes says so, and its port is free at once', { skip: isPeer }, async (t) => {
  const own = await startAmqpBroker()
  const client = new Amqplib(own, t)
  const connection = await client.connection()
  // amqplib takes an operator's close for no error.
  const closed = new Promise<Error>((resolve) =>
    connection.once('close', (reason?: Error) => resolve(reason as Error)),
  )
  await own.close()
  const { message } = await within('told', closed)
  assert.match(
    message,
    /CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'/,
  )
  await assert.rejects(connect(own.url), /ECONNREFUSED/)
  const again = await startBroker({ amqp: { port: own.port } })
  await again.close()
})

test('two brokers in one process share nothing', { skip: isPeer }, async (t) => {
  const other = await startAmqpBroker()
  t.after(() => other.close())
  const here = await new Amqplib(broker, t).channel()
  const there = await new Amqplib(other, t).channel()
  const { queue } = await here.assertQueue(uniqueName('here'), { exclusive: true })
  await assert.rejects(there.checkQueue(queue), { code: 404 })
})

test(
  'consumers that come and go on an idle queue leave nothing behind',
  { skip: isPeer },
  async (t) => {
    const client = new Amqplib(broker, t)
    const channel = await client.channel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    for (let i = 0; i < 2000; i++) {
      const { consumerTag } = await channel.consume(queue, () => {})
      await channel.cancel(consumerTag)
    }
    const { consumerCount } = await channel.checkQueue(queue)
    assert.equal(consumerCount, 0)
  },
)
