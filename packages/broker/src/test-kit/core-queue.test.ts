import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { RecordingConsumer } from '../testing/recording-consumer.ts'
import { coreOf } from '../app/core-of.ts'
import { startBroker, type RunningBroker } from '../index.ts'
import { CoreCaller } from './core-caller.ts'
import { CoreQueue } from './core-queue.ts'
import type { MessageContent, PublishOptions } from './message-content.ts'
import { publicationOf } from './publication.ts'
import type { TestQueue } from './test-queue.ts'

let running: RunningBroker
let caller: CoreCaller
let named = 0

before(async () => {
  running = await startBroker({ amqp: { port: 0 } })
  caller = new CoreCaller(coreOf(running))
})
after(() => running.close())

function unusedName(): string {
  named += 1
  return `queue-${named}`
}

async function declare(): Promise<TestQueue> {
  const queue = new CoreQueue(caller, unusedName())
  await queue.declare()
  return queue
}

/** Publishes by the default exchange. */
function publish(
  queue: TestQueue,
  content: MessageContent,
  options: PublishOptions = {},
): Promise<number> {
  return caller.inTurn(() => {
    const address = { exchange: '', routingKey: queue.name }
    return caller.broker.newPublisher(caller).publish(publicationOf(address, content, options))
  })
}

/** A service's consumer, which acknowledges nothing by itself. */
async function consume(queue: TestQueue, credit: number): Promise<RecordingConsumer> {
  const consumer = new RecordingConsumer(credit)
  const options = { noAck: false, exclusive: false, priority: 0 }
  const { broker } = caller
  await caller.call(
    (token) => broker.consume(caller, token, { queue: queue.name, consumer, options }),
    () => undefined,
  )
  return consumer
}

test('a message is shown with all that it says of itself, and is gone from the queue', async () => {
  const queue = await declare()
  const options = {
    headers: { trace: 'abc', tries: 2, ratio: 0.5, nested: { list: [1, 'two', null, true] } },
    correlationId: 'c-1',
    replyTo: 'answers',
    messageId: 'm-1',
    type: 'order',
    appId: 'shop',
    priority: 3,
    expiration: '60000',
    persistent: true,
    timestamp: new Date('2026-01-02T03:04:05Z'),
  }
  await publish(queue, { id: 7 }, options)
  const message = await queue.waitForMessage()
  const { headers, ...properties } = options
  assert.deepEqual(message.json(), { id: 7 })
  assert.deepEqual(message.headers, headers)
  assert.deepEqual(message.properties, { ...properties, contentType: 'application/json' })
  const { exchange, routingKey, redelivered } = message
  assert.deepEqual(
    { exchange, routingKey, redelivered },
    { exchange: '', routingKey: queue.name, redelivered: false },
  )
  assert.equal(await queue.count(), 0)
  await queue.waitUntilDrained()
})

test('text and bytes are sent as they are', async () => {
  const queue = await declare()
  await publish(queue, 'größer')
  await publish(queue, Uint8Array.of(0, 255))
  assert.equal((await queue.waitForMessage()).text(), 'größer')
  const bytes = await queue.waitForMessage()
  assert.deepEqual(bytes.body, Buffer.of(0, 255))
  assert.throws(() => bytes.json(), /the body is no JSON: /)
})

test('waiting begins before the queue and the message are there', async () => {
  const queue = new CoreQueue(caller, unusedName())
  const waiting = queue.waitForMessage()
  await queue.declare()
  await publish(queue, 'late')
  assert.equal((await waiting).text(), 'late')
})

test('with `where` the others stay in their places, and a test does not see them as redelivered', async () => {
  const queue = await declare()
  for (const body of ['one', 'two', 'three']) await publish(queue, body)
  const found = await queue.waitForMessage({ where: (message) => message.text() === 'two' })
  assert.equal(found.text(), 'two')
  assert.equal(await queue.count(), 2)
  const rest = await queue.takeAll()
  assert.deepEqual(
    rest.map((message) => [message.text(), message.redelivered]),
    [
      ['one', false],
      ['three', false],
    ],
  )
})

test('a `where` that throws rejects, and no message is missing afterwards', async () => {
  const queue = await declare()
  for (const body of ['{"id":1}', 'no JSON', '{"id":2}']) await publish(queue, body)
  const wanted = queue.waitForMessage({
    where: (message) => (message.json() as { id: number }).id === 2,
  })
  await assert.rejects(wanted, /the body is no JSON: "no JSON"/)
  assert.equal(await queue.count(), 3)
})

test('several who wait at once get a message each, and each the one it wants', async () => {
  const queue = await declare()
  const wanted = ['c', 'a', 'b'].map((body) =>
    queue.waitForMessage({ where: (message) => message.text() === body }),
  )
  const any = queue.waitForMessage({ where: (message) => message.text().startsWith('any') })
  for (const body of ['a', 'any 1', 'b', 'any 2', 'c']) await publish(queue, body)
  assert.deepEqual(
    (await Promise.all(wanted)).map((message) => message.text()),
    ['c', 'a', 'b'],
  )
  assert.equal((await any).text(), 'any 1')
  assert.deepEqual(
    (await queue.takeAll()).map((message) => message.text()),
    ['any 2'],
  )
})

test('in vain: the error says that there is no queue, and which there are', async () => {
  const known = await declare()
  const queue = new CoreQueue(caller, 'nobody-declares-it')
  await assert.rejects(queue.waitForMessage({ timeoutMs: 5 }), (error: Error) => {
    assert.equal(error.name, 'NotSeenError')
    assert.match(
      error.message,
      /^not within 5 ms: a message in queue 'nobody-declares-it', which nobody has/,
    )
    assert.match(error.message, /there are '/)
    return error.message.includes('more') || error.message.includes(known.name)
  })
})

test('in vain: the error says that nothing came, and what would have come', async () => {
  const queue = await declare()
  await assert.rejects(
    queue.waitForMessage({ timeoutMs: 5 }),
    /no message has reached; no exchange is bound to it$/,
  )
  await queue.bind('amq.topic', 'order.*')
  await assert.rejects(
    queue.waitForMessage({ timeoutMs: 5 }),
    /no message has reached; bound to it: 'amq.topic with key order.\*'$/,
  )
})

test('in vain: the error lists what was not accepted, some of it', async () => {
  const queue = await declare()
  for (let id = 1; id <= 7; id++) await publish(queue, { id })
  const waiting = queue.waitForMessage({ timeoutMs: 5, where: () => false })
  await assert.rejects(waiting, (error: Error) => {
    assert.match(
      error.message,
      /7 came, 7 wait, 0 are out unacknowledged, 0 are done with; not accepted:\n/,
    )
    assert.match(
      error.message,
      /to the default exchange with key 'queue-\d+', 8 bytes: "\{\\"id\\":1\}"/,
    )
    assert.match(error.message, /\n {2}and 2 more$/)
    return true
  })
  assert.equal(await queue.count(), 7)
})

test('in vain: the error says that a consumer took the messages', async () => {
  const queue = await declare()
  const consumer = await consume(queue, 1)
  for (const body of ['one', 'two']) await publish(queue, body)
  await queue.waitForCount(1)
  assert.deepEqual(consumer.bodies, ['one'])
  await assert.rejects(
    queue.waitUntilDrained({ timeoutMs: 5 }),
    /2 came, 1 wait, 1 are out unacknowledged, 0 are done with, and it has 1 consumers of others$/,
  )
  await assert.rejects(
    queue.waitForCount(2, { timeoutMs: 5 }),
    /not within 5 ms: 2 messages in queue/,
  )
})

test('drained means acknowledged, not only delivered', async () => {
  const queue = await declare()
  const consumer = await consume(queue, 10)
  for (const body of ['one', 'two']) await publish(queue, body)
  await queue.waitForCount(0)
  const drained = queue.waitUntilDrained()
  for (const { queue: id, sequence } of consumer.deliveries) caller.broker.settle(id, sequence)
  await drained
})

test('purge says how many there were', async () => {
  const queue = await declare()
  for (const body of ['one', 'two']) await publish(queue, body)
  assert.equal(await queue.purge(), 2)
  assert.equal(await queue.count(), 0)
})

test('what the core refuses rejects in its words', async () => {
  const queue = await declare()
  await assert.rejects(queue.declare({ durable: false }), /inequivalent arg 'durable'/)
  await assert.rejects(queue.bind('nothing-there'), /no exchange 'nothing-there'/)
  await assert.rejects(new CoreQueue(caller, 'missing').purge(), /no queue 'missing'/)
})
