import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Channel, ConfirmChannel } from 'amqplib'
import { uniqueName } from '../clients/support/amqp-broker.ts'
import { bodiesOf, closingError } from '../clients/support/amqplib-client.ts'
import { eventually } from '../clients/support/eventually.ts'
import { CrossingBroker, declareStream, publish, read } from './crossing-broker.ts'

let broker: CrossingBroker

before(async () => {
  broker = await CrossingBroker.start()
})
after(() => broker.close())

async function publishAll(channel: ConfirmChannel, key: string, bodies: string[]): Promise<void> {
  for (const body of bodies) await publish(channel, { key, body })
}

function offsetsOf(messages: readonly { properties: { headers?: unknown } }[]): unknown[] {
  return messages.map(({ properties }) => {
    return (properties.headers as Record<string, unknown>)['x-stream-offset']
  })
}

test('a queue declared as a stream is a topic, and its messages are records there', async (t) => {
  const channel = await broker.channel(t)
  const queue = uniqueName('declared')
  await declareStream(channel, queue)
  await publishAll(channel, queue, ['one', 'two'])
  assert.ok((await broker.listTopics()).includes(queue))
  const records = await broker.records(queue, 2)
  assert.deepEqual(
    records.map(({ value }) => value?.toString()),
    ['one', 'two'],
  )
  const { messageCount } = await channel.checkQueue(queue)
  assert.equal(messageCount, 2)
})

test('a topic becomes a queue when it is declared as one, with the records that it has', async (t) => {
  const channel = await broker.channel(t)
  const topic = uniqueName('adopted')
  await broker.createTopic(topic, 2)
  await broker.produce(topic, { value: 'a', partition: 0 }, { value: 'b', partition: 1 })
  await declareStream(channel, topic)
  const inbox = await read(channel, topic, { offset: 'first' })
  const messages = await inbox.atLeast(2)
  assert.deepEqual(bodiesOf(messages).toSorted(), ['a', 'b'])
  const partitions = messages.map(({ properties }) => properties.headers?.['x-stream-partition'])
  assert.deepEqual(partitions.toSorted(), [0, 1])
})

test('each consumer reads everything, and acknowledging takes nothing from others', async (t) => {
  const channel = await broker.channel(t)
  const queue = uniqueName('shared')
  await declareStream(channel, queue)
  await publishAll(channel, queue, ['1', '2', '3'])
  for (const _ of [1, 2]) {
    const inbox = await read(channel, queue, { offset: 'first' })
    const messages = await inbox.atLeast(3)
    assert.deepEqual(bodiesOf(messages), ['1', '2', '3'])
    assert.deepEqual(offsetsOf(messages), [0, 1, 2])
    assert.ok(messages.every(({ fields }) => !fields.redelivered))
  }
})

const places = [
  { offset: 'first', expected: ['1', '2', '3', 'new'] },
  { offset: 'last', expected: ['3', 'new'] },
  { offset: 'next', expected: ['new'] },
  { offset: undefined, expected: ['new'] },
  { offset: 1, expected: ['2', '3', 'new'] },
  { offset: 4, expected: ['newer'] },
  { offset: '1h', expected: ['1', '2', '3', 'new'] },
  { offset: { '!': 'timestamp', value: 1 }, expected: ['1', '2', '3', 'new'] },
  { offset: { '!': 'timestamp', value: 4_000_000_000 }, expected: ['new', 'newer'] },
] as const
for (const { offset, expected } of places) {
  test(`x-stream-offset ${JSON.stringify(offset)} begins at ${expected[0]}`, async (t) => {
    const channel = await broker.channel(t)
    const queue = uniqueName('place')
    await declareStream(channel, queue)
    await publishAll(channel, queue, ['1', '2', '3'])
    const inbox = await read(channel, queue, { offset })
    await publishAll(channel, queue, ['new', 'newer'])
    assert.deepEqual(bodiesOf(await inbox.atLeast(expected.length)).slice(0, expected.length), [
      ...expected,
    ])
  })
}

test('a timestamp begins at the first record that is as young', async (t) => {
  const channel = await broker.channel(t)
  const topic = uniqueName('time')
  await broker.createTopic(topic)
  const seconds = [1000, 2000, 3000]
  for (const second of seconds) {
    await broker.produce(topic, { value: `${second}`, timestamp: `${second * 1000}` })
  }
  await declareStream(channel, topic)
  const inbox = await read(channel, topic, { offset: { '!': 'timestamp', value: 1500 } })
  assert.deepEqual(bodiesOf(await inbox.atLeast(2)), ['2000', '3000'])
})

test('no more records are out than the prefetch says, and a nack is room for another one', async (t) => {
  const channel = await broker.channel(t)
  const queue = uniqueName('prefetch')
  await declareStream(channel, queue)
  await publishAll(channel, queue, ['1', '2', '3', '4', '5'])
  await channel.prefetch(2)
  const inbox = await read(channel, queue, { offset: 'first', acknowledges: false })
  const [first, second] = await inbox.atLeast(2)
  await channel.checkQueue(queue)
  assert.equal(inbox.items.length, 2)
  assert.ok(first && second)
  channel.nack(first, false, true)
  channel.reject(second, true)
  assert.deepEqual(bodiesOf(await inbox.atLeast(4)), ['1', '2', '3', '4'])
})

test('a bound exchange, and the default one, lead to a stream', async (t) => {
  const channel = await broker.channel(t)
  const [queue, exchange] = [uniqueName('bound'), uniqueName('exchange')]
  await declareStream(channel, queue)
  await channel.assertExchange(exchange, 'topic')
  await channel.bindQueue(queue, exchange, 'a.*')
  await publish(channel, { exchange, key: 'a.b', body: 'bound' })
  await publish(channel, { key: queue, body: 'default' })
  const inbox = await read(channel, queue, { offset: 'first' })
  const messages = await inbox.atLeast(2)
  assert.deepEqual(bodiesOf(messages), ['bound', 'default'])
  assert.deepEqual(
    messages.map(({ fields }) => [fields.exchange, fields.routingKey]),
    [
      [exchange, 'a.b'],
      ['', queue],
    ],
  )
  await channel.unbindQueue(queue, exchange, 'a.*')
  await publish(channel, { exchange, key: 'a.b', body: 'unbound' })
  await publish(channel, { key: queue, body: 'last' })
  assert.deepEqual(bodiesOf(await inbox.atLeast(3)), ['bound', 'default', 'last'])
})

for (const deleteIt of ['queue.delete', 'DeleteTopics'] as const) {
  test(`${deleteIt} ends the stream, its name among queues and its consumers`, async (t) => {
    const channel = await broker.channel(t)
    const queue = uniqueName('deleted')
    await declareStream(channel, queue)
    await publishAll(channel, queue, ['1', '2', '3'])
    let isCancelled = false
    await channel.prefetch(1)
    await channel.consume(queue, (message) => (isCancelled ||= message === null), {
      arguments: { 'x-stream-offset': 'first' },
    })
    if (deleteIt === 'DeleteTopics') await broker.deleteTopic(queue)
    else assert.equal((await channel.deleteQueue(queue)).messageCount, 3)
    await eventually('the consumer is told', () => isCancelled)
    assert.ok(!(await broker.listTopics()).includes(queue))
    const again = await broker.channel(t)
    const error = closingError(again)
    await assert.rejects(again.checkQueue(queue))
    assert.equal((await error).code, 404)
  })
}

test('a stream may have a name that no topic can have: Kafka clients are not shown it', async (t) => {
  const channel = await broker.channel(t)
  const queue = uniqueName('orders:new/ü')
  await declareStream(channel, queue)
  await publishAll(channel, queue, ['1'])
  const inbox = await read(channel, queue, { offset: 'first' })
  assert.deepEqual(bodiesOf(await inbox.atLeast(1)), ['1'])
  const topics = await broker.listTopics()
  assert.ok(!topics.some((topic) => topic.includes('ü')))
  await channel.deleteQueue(queue)
})

test('a message of megabytes goes through a stream', async (t) => {
  const channel = await broker.channel(t)
  const queue = uniqueName('large')
  await declareStream(channel, queue)
  const body = Buffer.alloc(5_000_000, 'x')
  await publish(channel, { key: queue, body })
  const [message] = await (await read(channel, queue, { offset: 'first' })).atLeast(1)
  assert.ok(message?.content.equals(body))
  const [record] = await broker.records(queue, 1)
  assert.ok(record?.value?.equals(body))
  await channel.deleteQueue(queue)
})

test('a declaration is repeated only as it was', async (t) => {
  const queue = uniqueName('again')
  const channel = await broker.channel(t)
  await declareStream(channel, queue, { 'x-max-age': '1h' })
  await declareStream(channel, queue, { 'x-max-age': '1h' })
  await assertRefused(t, (other) => declareStream(other, queue, { 'x-max-age': '2h' }), {
    code: 406,
    text: /inequivalent arg 'x-max-age' .*: received '2h' but current is '1h'/,
  })
  await assertRefused(t, (other) => other.assertQueue(queue, { durable: true }), {
    code: 406,
    text: /inequivalent arg 'x-queue-type' .*: received 'classic' but current is 'stream'/,
  })
  const classic = uniqueName('classic')
  await channel.assertQueue(classic, { durable: true })
  await assertRefused(t, (other) => declareStream(other, classic), {
    code: 406,
    text: /inequivalent arg 'x-queue-type' .*: received 'stream' but current is 'classic'/,
  })
})

async function assertRefused(
  t: Parameters<CrossingBroker['channel']>[0],
  ask: (channel: Channel) => Promise<unknown>,
  { code, text }: { readonly code: number; readonly text: RegExp | string },
): Promise<void> {
  const channel = await broker.channel(t)
  const { connection } = channel as unknown as { connection: Channel }
  // 540 ends the connection and says so there.
  const error = Promise.race([
    closingError(channel),
    new Promise<{ code: number; message: string }>((resolve) => {
      connection.once('error', (each) => resolve(each as { code: number; message: string }))
    }),
  ])
  await assert.rejects(ask(channel))
  const { code: given, message } = await error
  assert.equal(given, code, message)
  assert.ok(typeof text === 'string' ? message.includes(text) : text.test(message), message)
}

const wrong = [
  { name: 'not durable', options: { durable: false }, text: /invalid property 'non-durable'/ },
  { name: 'exclusive', options: { exclusive: true }, text: /invalid property 'exclusive-owner'/ },
  { name: 'auto-delete', options: { autoDelete: true }, text: /invalid property 'auto-delete'/ },
]
for (const { name, options, text } of wrong) {
  test(`a stream that is ${name} is refused`, async (t) => {
    const all = { durable: true, arguments: { 'x-queue-type': 'stream' }, ...options }
    await assertRefused(t, (channel) => channel.assertQueue(uniqueName('wrong'), all), {
      code: 406,
      text,
    })
  })
}

const wrongArguments: readonly (readonly [Record<string, unknown>, RegExp])[] = [
  [{ 'x-max-age': 'soon' }, /invalid arg 'x-max-age' .*: invalid_max_age/],
  [{ 'x-max-age': 5 }, /invalid arg 'x-max-age' .*: \{unacceptable_type,signedint\}/],
  [{ 'x-max-length-bytes': -1 }, /invalid arg 'x-max-length-bytes' .*: \{value_negative,-1\}/],
  [{ 'x-stream-max-segment-size-bytes': 4e9 }, /Exceeded max value/],
  [{ 'x-partitions': 0 }, /invalid arg 'x-partitions'/],
  [{ 'x-message-ttl': 5 }, /invalid arg 'x-message-ttl' .* of queue type rabbit_stream_queue/],
]
for (const [args, text] of wrongArguments) {
  test(`a stream with ${JSON.stringify(args)} is refused`, async (t) => {
    const queue = uniqueName('wrong')
    await assertRefused(t, (channel) => declareStream(channel, queue, args), { code: 406, text })
  })
}

test('a stream cannot be named by the server', async (t) => {
  const text = /Cannot declare a server-named queue for type rabbit_stream_queue/
  await assertRefused(t, (channel) => declareStream(channel, ''), { code: 406, text })
})

test('what a stream cannot do is refused as by RabbitMQ', async (t) => {
  const queue = uniqueName('cannot')
  await declareStream(await broker.channel(t), queue)
  const where = `queue '${queue}' in vhost '/'`
  const consume = async (
    channel: Channel,
    options: { noAck?: boolean; prefetch?: number; offset?: unknown },
  ): Promise<void> => {
    const { noAck = false, prefetch = 1, offset = 'next' } = options
    await channel.prefetch(prefetch)
    await channel.consume(queue, () => {}, { noAck, arguments: { 'x-stream-offset': offset } })
  }
  const refusals: readonly (readonly [number, string, (channel: Channel) => Promise<unknown>])[] = [
    [540, `basic.get not supported by stream queues ${where}`, (c) => c.get(queue)],
    [540, `queue.purge not supported by stream queues ${where}`, (c) => c.purgeQueue(queue)],
    [
      540,
      `automatic acknowledgement not supported by stream ${where}`,
      (c) => consume(c, { noAck: true }),
    ],
    [
      406,
      `consumer prefetch count is not set for stream ${where}`,
      (c) => consume(c, { prefetch: 0 }),
    ],
    [
      406,
      `invalid arg 'x-stream-offset' for ${where}: {invalid_stream_offset_arg,{longstr,<<"soon">>}}`,
      (c) => consume(c, { offset: 'soon' }),
    ],
  ]
  for (const [code, text, ask] of refusals) {
    await assertRefused(t, ask, { code, text })
  }
})
