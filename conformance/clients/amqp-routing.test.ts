import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Channel, Message } from 'amqplib'
import { startAmqpBroker, uniqueName, type AmqpBroker } from './support/amqp-broker.ts'
import { Amqplib, bodiesOf, closingError, consume } from './support/amqplib-client.ts'
import { Inbox, within } from './support/eventually.ts'

/** Which queues a message reaches: with amqplib, unmodified. */
let broker: AmqpBroker

before(async () => {
  broker = await startAmqpBroker()
})

after(() => broker.close())

async function boundQueue(
  channel: Channel,
  exchange: string,
  ...keys: readonly string[]
): Promise<string> {
  const { queue } = await channel.assertQueue('', { exclusive: true })
  for (const key of keys) await channel.bindQueue(queue, exchange, key)
  return queue
}

async function drain(channel: Channel, queue: string): Promise<readonly string[]> {
  const drained: string[] = []
  for (;;) {
    const message = await channel.get(queue, { noAck: true })
    if (message === false) return drained
    drained.push(message.content.toString())
  }
}

test('the default exchange knows every queue by its name', async (t) => {
  const channel = await new Amqplib(broker, t).channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  channel.publish('', queue, Buffer.from('hello'))
  assert.deepEqual(await drain(channel, queue), ['hello'])
})

test('a queue that the broker has named can be looked for, not declared again', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.checkQueue(queue)
  const closing = closingError(channel)
  channel.assertQueue(queue, { exclusive: true }).catch(() => {})
  assert.equal((await closing).code, 403)
})

test('a direct exchange follows the key exactly', async (t) => {
  const channel = await new Amqplib(broker, t).channel()
  const queue = await boundQueue(channel, 'amq.direct', uniqueName('a'), 'x.b', 'x.*')
  for (const key of ['x.b', 'x.c', 'x.*', 'x', ''])
    channel.publish('amq.direct', key, Buffer.from(key))
  assert.deepEqual(await drain(channel, queue), ['x.b', 'x.*'])
})

test('a fanout exchange ignores the key, and a queue bound twice gets one copy', async (t) => {
  const channel = await new Amqplib(broker, t).channel()
  const exchange = uniqueName('fanout')
  await channel.assertExchange(exchange, 'fanout', { autoDelete: true, durable: false })
  const one = await boundQueue(channel, exchange, 'a', 'b')
  const two = await boundQueue(channel, exchange, '')
  channel.publish(exchange, 'whatever', Buffer.from('hello'))
  assert.deepEqual([await drain(channel, one), await drain(channel, two)], [['hello'], ['hello']])
})

test('a topic exchange knows words, * and #', async (t) => {
  const channel = await new Amqplib(broker, t).channel()
  const exchange = uniqueName('topic')
  await channel.assertExchange(exchange, 'topic', { autoDelete: true, durable: false })
  const patterns = [
    '*',
    '#',
    'a.b',
    'a.*',
    'a.#',
    '#.b',
    '*.*',
    'a.#.b',
    '#.a.#',
    'a.*.#',
    '',
    '*.',
    'a..b',
    '#.*',
  ]
  const queues = new Map<string, string>()
  for (const pattern of patterns) queues.set(pattern, await boundQueue(channel, exchange, pattern))
  const keys = [
    '',
    'a',
    'b',
    'a.b',
    'a.x.b',
    'a.x.y.b',
    'x.a',
    '.',
    'a.',
    '.a',
    'a..b',
    '*',
    '#',
    'a.#',
  ]
  for (const key of keys) channel.publish(exchange, key, Buffer.from(key))
  const reached: Record<string, readonly string[]> = {}
  for (const [pattern, queue] of queues) reached[pattern] = await drain(channel, queue)
  assert.deepEqual(reached, {
    '*': ['a', 'b', '*', '#'],
    '#': keys,
    'a.b': ['a.b'],
    'a.*': ['a.b', 'a.', 'a.#'],
    'a.#': ['a', 'a.b', 'a.x.b', 'a.x.y.b', 'a.', 'a..b', 'a.#'],
    '#.b': ['b', 'a.b', 'a.x.b', 'a.x.y.b', 'a..b'],
    '*.*': ['a.b', 'x.a', '.', 'a.', '.a', 'a.#'],
    'a.#.b': ['a.b', 'a.x.b', 'a.x.y.b', 'a..b'],
    '#.a.#': ['a', 'a.b', 'a.x.b', 'a.x.y.b', 'x.a', 'a.', '.a', 'a..b', 'a.#'],
    'a.*.#': ['a.b', 'a.x.b', 'a.x.y.b', 'a.', 'a..b', 'a.#'],
    '': [''],
    '*.': ['.', 'a.'],
    'a..b': ['a..b'],
    '#.*': keys.filter((key) => key !== ''),
  })
})

test('a headers exchange compares all, any, and those with x- where asked', async (t) => {
  const channel = await new Amqplib(broker, t).channel()
  const bindings: Record<string, Record<string, unknown>> = {
    all: { 'x-match': 'all', a: 1, b: 'two' },
    unsaid: { a: 1, b: 'two' },
    any: { 'x-match': 'any', a: 1, b: 'two' },
    presence: { 'x-match': 'all', a: null },
    'without x': { 'x-match': 'all', a: 1, 'x-own': 'mine' },
    'with x': { 'x-match': 'all-with-x', a: 1, 'x-own': 'mine' },
    'any with x': { 'x-match': 'any-with-x', 'x-own': 'mine' },
    nothing: {},
    'any of nothing': { 'x-match': 'any' },
  }
  const queues = new Map<string, string>()
  const tag = uniqueName('headers')
  await channel.assertExchange(tag, 'headers', { autoDelete: true, durable: false })
  for (const [name, args] of Object.entries(bindings)) {
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, tag, '', args)
    queues.set(name, queue)
  }
  const messages: Record<string, Record<string, unknown>> = {
    both: { a: 1, b: 'two' },
    one: { a: 1 },
    other: { b: 'two', c: 3 },
    'wrong type': { a: '1', b: 2 },
    mine: { a: 1, 'x-own': 'mine' },
    bare: {},
  }
  for (const [name, headers] of Object.entries(messages))
    channel.publish(tag, 'ignored', Buffer.from(name), { headers })
  const reached: Record<string, readonly string[]> = {}
  for (const [name, queue] of queues) reached[name] = await drain(channel, queue)
  assert.deepEqual(reached, {
    all: ['both'],
    unsaid: ['both'],
    any: ['both', 'one', 'other', 'mine'],
    presence: ['both', 'one', 'wrong type', 'mine'],
    'without x': ['both', 'one', 'mine'],
    'with x': ['mine'],
    'any with x': ['mine'],
    nothing: Object.keys(messages),
    'any of nothing': [],
  })
})

test('exchanges bound to exchanges pass messages on, once, circles included', async (t) => {
  const channel = await new Amqplib(broker, t).channel()
  const [first, second, third] = [uniqueName('e1'), uniqueName('e2'), uniqueName('e3')]
  for (const name of [first, second, third])
    await channel.assertExchange(name, 'topic', { durable: false })
  await channel.bindExchange(second, first, 'a.#')
  await channel.bindExchange(third, second, '#.z')
  await channel.bindExchange(first, third, '#')
  const queue = await boundQueue(channel, third, '#')
  await channel.bindQueue(queue, first, '#')
  for (const key of ['a.z', 'a.y', 'b.z']) channel.publish(first, key, Buffer.from(key))
  channel.publish(second, 'q.z', Buffer.from('from second'))
  assert.deepEqual(await drain(channel, queue), ['a.z', 'a.y', 'b.z', 'from second'])
  await channel.unbindExchange(third, second, '#.z')
  channel.publish(second, 'q.z', Buffer.from('unbound'))
  assert.deepEqual(await drain(channel, queue), [])
  for (const name of [first, second, third]) await channel.deleteExchange(name)
})

test('an auto-delete exchange goes with its last binding', async (t) => {
  const client = new Amqplib(broker, t)
  const channel = await client.channel()
  const exchange = uniqueName('auto')
  await channel.assertExchange(exchange, 'fanout', { autoDelete: true, durable: false })
  const queue = await boundQueue(channel, exchange, 'a', 'b')
  await channel.unbindQueue(queue, exchange, 'a')
  await channel.checkExchange(exchange)
  await channel.deleteQueue(queue)
  await assert.rejects(channel.checkExchange(exchange), { code: 404 })
})

test('an alternate exchange gets what its exchange cannot route', async (t) => {
  const channel = await new Amqplib(broker, t).channel()
  const [main, spare, last] = [uniqueName('main'), uniqueName('spare'), uniqueName('last')]
  await channel.assertExchange(last, 'fanout', { durable: false })
  await channel.assertExchange(spare, 'direct', { durable: false, alternateExchange: last })
  await channel.assertExchange(main, 'direct', { durable: false, alternateExchange: spare })
  const known = await boundQueue(channel, main, 'known')
  const spared = await boundQueue(channel, spare, 'spared')
  const rest = await boundQueue(channel, last, '')
  for (const key of ['known', 'spared', 'nowhere'])
    channel.publish(main, key, Buffer.from(key), { mandatory: true })
  channel.on('return', () => assert.fail('all of them were routed'))
  const got = [
    await drain(channel, known),
    await drain(channel, spared),
    await drain(channel, rest),
  ]
  assert.deepEqual(got, [['known'], ['spared'], ['nowhere']])
  for (const name of [main, spare, last]) await channel.deleteExchange(name)
})

test('a mandatory message that reaches nobody is returned before it is confirmed', async (t) => {
  const channel = await new Amqplib(broker, t).confirmChannel()
  const events = new Inbox<string>()
  channel.on('return', (message: Message) => {
    const { replyCode, replyText, exchange, routingKey } = message.fields as unknown as Record<
      string,
      unknown
    >
    assert.deepEqual(
      [replyCode, replyText, exchange, routingKey],
      [312, 'NO_ROUTE', 'amq.direct', 'nowhere'],
    )
    assert.equal(message.properties.messageId, 'id')
    events.push(`returned ${message.content.length}`)
  })
  const sizes = [0, 5, 300_000]
  for (const size of sizes) {
    const options = { mandatory: true, messageId: 'id' }
    channel.publish('amq.direct', 'nowhere', Buffer.alloc(size), options, () =>
      events.push(`confirmed ${size}`),
    )
    await channel.waitForConfirms()
  }
  assert.deepEqual(
    events.items,
    sizes.flatMap((size) => [`returned ${size}`, `confirmed ${size}`]),
  )
})

test('a message that is not mandatory and reaches nobody is confirmed', async (t) => {
  const channel = await new Amqplib(broker, t).confirmChannel()
  channel.on('return', () => assert.fail('not mandatory'))
  channel.publish('amq.direct', 'nowhere', Buffer.from('hello'))
  await within('the confirm', channel.waitForConfirms())
})

test('a message that reaches several queues is confirmed once', async (t) => {
  const channel = await new Amqplib(broker, t).confirmChannel()
  const exchange = uniqueName('many')
  await channel.assertExchange(exchange, 'fanout', { autoDelete: true, durable: false })
  const queues = [await boundQueue(channel, exchange, ''), await boundQueue(channel, exchange, '')]
  const acks = new Inbox<number>()
  channel.on('ack', ({ deliveryTag }) => acks.push(deliveryTag))
  channel.publish(exchange, '', Buffer.from('one'))
  await channel.waitForConfirms()
  assert.deepEqual(acks.items, [1])
  for (const queue of queues) assert.deepEqual(await drain(channel, queue), ['one'])
})

test('an error closes its channel and no other of the same connection', async (t) => {
  const client = new Amqplib(broker, t)
  const connection = await client.connection()
  const [broken, sound] = [await client.channel(connection), await client.channel(connection)]
  const { queue } = await sound.assertQueue('', { exclusive: true })
  const inbox = await consume(sound, queue, { noAck: true })
  const error = closingError(broken)
  broken.publish('no such exchange', 'key', Buffer.from('lost'))
  const { code, classId, methodId } = await within('the channel is closed', error)
  assert.deepEqual({ code, classId, methodId }, { code: 404, classId: 60, methodId: 40 })
  sound.sendToQueue(queue, Buffer.from('still here'))
  assert.deepEqual(bodiesOf(await inbox.atLeast(1)), ['still here'])
  await client.channel(connection)
})

test('what is published after a binding is known is routed by it, and after an unbinding no more', async (t) => {
  const channel = await new Amqplib(broker, t).channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const key = uniqueName('key')
  for (let round = 0; round < 20; round++) {
    channel.publish('amq.topic', key, Buffer.from('before'))
    await channel.bindQueue(queue, 'amq.topic', key)
    channel.publish('amq.topic', key, Buffer.from(`bound ${round}`))
    await channel.unbindQueue(queue, 'amq.topic', key)
    channel.publish('amq.topic', key, Buffer.from('after'))
  }
  assert.deepEqual(
    await drain(channel, queue),
    Array.from({ length: 20 }, (_, i) => `bound ${i}`),
  )
})
