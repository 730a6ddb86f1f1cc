import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import type { ConsumeMessage, Options } from 'amqplib'
import type { KafkaMessage, Message } from 'kafkajs'
import { uniqueName } from '../clients/support/amqp-broker.ts'
import { CrossingBroker, declareStream, publish, read } from './crossing-broker.ts'

/** Each row of docs/crossing.md, in both directions: it names these tests. */
let broker: CrossingBroker

before(async () => {
  broker = await CrossingBroker.start()
})
after(() => broker.close())

type TestHook = Parameters<CrossingBroker['channel']>[0]

const Direction = { toKafka: 'AMQP to Kafka', toAmqp: 'Kafka to AMQP' } as const
type Direction = (typeof Direction)[keyof typeof Direction]

/** Of all tests below, as the tables name them. */
const titles: Record<Direction, string[]> = {
  [Direction.toKafka]: [],
  [Direction.toAmqp]: [],
}

function toKafka(title: string, run: (t: TestHook) => Promise<void>): void {
  titles[Direction.toKafka].push(title)
  test(`${Direction.toKafka}: ${title}`, run)
}

function toAmqp(title: string, run: (t: TestHook) => Promise<void>): void {
  titles[Direction.toAmqp].push(title)
  test(`${Direction.toAmqp}: ${title}`, run)
}

/** The record that a message published by AMQP becomes. */
async function recordOf(
  t: TestHook,
  message: { readonly body?: string; readonly options?: Options.Publish },
): Promise<KafkaMessage> {
  const channel = await broker.channel(t)
  const queue = uniqueName('to-record')
  await declareStream(channel, queue)
  await publish(channel, {
    key: queue,
    body: message.body ?? 'body',
    options: message.options ?? {},
  })
  const [record] = await broker.records(queue, 1)
  assert.ok(record)
  return record
}

/** The message that a record produced by Kafka becomes. */
async function messageOf(t: TestHook, record: Message): Promise<ConsumeMessage> {
  const channel = await broker.channel(t)
  const topic = uniqueName('to-message')
  await broker.createTopic(topic)
  await broker.produce(topic, record)
  await declareStream(channel, topic)
  const [message] = await (await read(channel, topic, { offset: 'first' })).atLeast(1)
  assert.ok(message)
  return message
}

/** The last header of a name, as Kafka's own clients take it; null if its value is, undefined if there is none. */
function headerOf({ headers = {} }: KafkaMessage, name: string): string | null | undefined {
  const value = headers[name]
  const last: unknown = Array.isArray(value) ? value.at(-1) : value
  return Buffer.isBuffer(last) ? last.toString() : (last as null | undefined)
}

const properties = [
  { header: 'content-type', property: 'contentType' },
  { header: 'content-encoding', property: 'contentEncoding' },
  { header: 'correlation-id', property: 'correlationId' },
  { header: 'message-id', property: 'messageId' },
  { header: 'reply-to', property: 'replyTo' },
  { header: 'type', property: 'type' },
  { header: 'app-id', property: 'appId' },
] as const

for (const { header, property } of properties) {
  toKafka(`the property ${header} is a header`, async (t) => {
    const record = await recordOf(t, { options: { [property]: 'wört' } })
    assert.equal(headerOf(record, header), 'wört')
  })

  toAmqp(`the header ${header} is a property`, async (t) => {
    const { properties: got } = await messageOf(t, { value: 'v', headers: { [header]: 'wört' } })
    assert.equal(got[property], 'wört')
    assert.ok(!(header in (got.headers ?? {})))
  })
}

toKafka('the property user-id is a header', async (t) => {
  assert.equal(headerOf(await recordOf(t, { options: { userId: 'guest' } }), 'user-id'), 'guest')
})

toAmqp('the header user-id is a property', async (t) => {
  const { properties: got } = await messageOf(t, { value: 'v', headers: { 'user-id': 'ann' } })
  assert.equal(got.userId, 'ann')
})

toKafka(
  'the property timestamp is a header, and the record has the time of the broker',
  async (t) => {
    const before = Date.now()
    const record = await recordOf(t, { options: { timestamp: 1_234_567_890 } })
    assert.equal(headerOf(record, 'timestamp'), '1234567890')
    assert.ok(Number(record.timestamp) >= before && Number(record.timestamp) <= Date.now())
  },
)

toAmqp('the header timestamp is the property', async (t) => {
  const { properties: got } = await messageOf(t, { value: 'v', headers: { timestamp: '12345' } })
  assert.equal(got.timestamp, 12_345)
})

toAmqp("without such a header the record's time is the property timestamp", async (t) => {
  const { properties: got } = await messageOf(t, { value: 'v', timestamp: '1700000000999' })
  assert.equal(got.timestamp, 1_700_000_000)
})

toAmqp('a header timestamp that is no number of seconds stays a header', async (t) => {
  const headers = { timestamp: '2026-01-01T00:00:00Z' }
  const { properties: got } = await messageOf(t, { value: 'v', headers })
  assert.equal(got.timestamp, undefined)
  assert.equal(got.headers?.['timestamp'], headers.timestamp)
})

toKafka('exchange and routing key are headers', async (t) => {
  const channel = await broker.channel(t)
  const [queue, exchange] = [uniqueName('address'), uniqueName('exchange')]
  await declareStream(channel, queue)
  await channel.assertExchange(exchange, 'direct')
  await channel.bindQueue(queue, exchange, 'the.key')
  await publish(channel, { exchange, key: 'the.key', body: 'b' })
  const [record] = await broker.records(queue, 1)
  assert.ok(record)
  assert.equal(headerOf(record, 'exchange'), exchange)
  assert.equal(headerOf(record, 'routing-key'), 'the.key')
})

toAmqp('the headers exchange and routing-key are where it was published to', async (t) => {
  const headers = { exchange: 'x', 'routing-key': 'a.b' }
  const { fields } = await messageOf(t, { value: 'v', headers })
  assert.deepEqual([fields.exchange, fields.routingKey], ['x', 'a.b'])
})

toAmqp('a record that says nothing was sent to the queue by its name', async (t) => {
  const { fields } = await messageOf(t, { value: 'v' })
  assert.equal(fields.exchange, '')
  assert.match(fields.routingKey, /^to-message/)
})

toKafka('the body is the value', async (t) => {
  assert.equal((await recordOf(t, { body: 'a body' })).value?.toString(), 'a body')
  assert.equal((await recordOf(t, { body: '' })).value?.toString(), '')
})

toAmqp('the value is the body', async (t) => {
  assert.equal((await messageOf(t, { value: 'a value' })).content.toString(), 'a value')
  const { content, properties: got } = await messageOf(t, { value: '' })
  assert.equal(content.length, 0)
  assert.equal(got.headers?.['x-tombstone'], undefined)
})

toKafka('an empty body with x-tombstone is a null value', async (t) => {
  const record = await recordOf(t, { body: '', options: { headers: { 'x-tombstone': true } } })
  assert.equal(record.value, null)
  assert.equal(headerOf(record, 'x-tombstone'), undefined)
})

toKafka('x-tombstone with a body is a header like others', async (t) => {
  const record = await recordOf(t, { body: 'b', options: { headers: { 'x-tombstone': true } } })
  assert.equal(record.value?.toString(), 'b')
  assert.equal(headerOf(record, 'x-tombstone'), 'true')
})

toAmqp('a null value is an empty body with x-tombstone', async (t) => {
  const { content, properties: got } = await messageOf(t, { key: 'k', value: null })
  assert.equal(content.length, 0)
  assert.equal(got.headers?.['x-tombstone'], true)
})

toKafka('x-record-key is the key', async (t) => {
  const record = await recordOf(t, { options: { headers: { 'x-record-key': 'the key' } } })
  assert.equal(record.key?.toString(), 'the key')
  assert.equal(headerOf(record, 'x-record-key'), undefined)
  const bytes = Buffer.from([0xff, 0x00])
  const binary = await recordOf(t, { options: { headers: { 'x-record-key': bytes } } })
  assert.deepEqual(binary.key, bytes)
  assert.equal((await recordOf(t, {})).key, null)
})

toAmqp('the key is x-record-key', async (t) => {
  const { properties: got } = await messageOf(t, { key: 'the key', value: 'v' })
  assert.equal(got.headers?.['x-record-key'], 'the key')
  const bytes = Buffer.from([0xff, 0x00])
  const binary = await messageOf(t, { key: bytes, value: 'v' })
  assert.deepEqual(binary.properties.headers?.['x-record-key'], bytes)
})

const values: readonly (readonly [string, unknown, string])[] = [
  ['text', 'wört', 'wört'],
  ['a number', 42, '42'],
  ['a large number', 2 ** 40, String(2 ** 40)],
  ['a fraction', 1.5, '1.5'],
  ['true', true, 'true'],
  ['a time', { '!': 'timestamp', value: 1_700_000_000 }, '1700000000'],
  ['an array', ['a', 1, null], '["a",1,null]'],
  ['a table', { a: { b: ['c', false] } }, '{"a":{"b":["c",false]}}'],
]
for (const [what, value, expected] of values) {
  toKafka(`${what} in a header is ${what === 'text' ? 'UTF-8' : 'JSON'}`, async (t) => {
    const record = await recordOf(t, { options: { headers: { h: value } } })
    assert.equal(headerOf(record, 'h'), expected)
  })
}

toKafka('bytes in a header are themselves', async (t) => {
  const bytes = Buffer.from([0, 1, 0xff])
  const record = await recordOf(t, { options: { headers: { h: bytes } } })
  assert.deepEqual(record.headers?.['h'], bytes)
})

toKafka('nothing in a header is a header without a value', async (t) => {
  const { headers } = await recordOf(t, { options: { headers: { h: null } } })
  assert.ok(headers && 'h' in headers)
  assert.ok(!headers['h'])
})

toAmqp('a header is text if it is UTF-8, else bytes', async (t) => {
  const bytes = Buffer.from([0xff, 0xfe])
  const headers = { text: 'wört', bytes, empty: '' }
  const { properties: got } = await messageOf(t, { value: 'v', headers })
  assert.equal(got.headers?.['text'], 'wört')
  assert.deepEqual(got.headers?.['bytes'], bytes)
  assert.equal(got.headers?.['empty'], '')
})

toAmqp('of several headers of one name the last counts', async (t) => {
  const { properties: got } = await messageOf(t, {
    value: 'v',
    headers: { h: ['one', 'two'], type: ['first', 'second'] },
  })
  assert.equal(got.headers?.['h'], 'two')
  assert.equal(got.type, 'second')
})

toKafka('a property comes behind a header of its name, and so counts', async (t) => {
  const options = { type: 'property', headers: { type: 'header' } }
  const record = await recordOf(t, { options })
  assert.equal(headerOf(record, 'type'), 'property')
})

toAmqp('a header of a length that no name has is left out, and counted', async (t) => {
  const { properties: got } = await messageOf(t, {
    value: 'v',
    headers: { ['n'.repeat(256)]: 'x', fine: 'y' },
  })
  assert.equal(got.headers?.['fine'], 'y')
  assert.equal(got.headers?.['x-omitted-headers'], 1)
})

toAmqp('text that no property can hold stays a header', async (t) => {
  const long = 'x'.repeat(300)
  const { properties: got } = await messageOf(t, { value: 'v', headers: { 'message-id': long } })
  assert.equal(got.messageId, undefined)
  assert.equal(got.headers?.['message-id'], long)
})

toAmqp('headers that no frame has room for are left out, and counted', async (t) => {
  const headers = { large: 'x'.repeat(200_000), small: 'y' }
  const { properties: got, content } = await messageOf(t, { value: 'v', headers })
  assert.equal(content.toString(), 'v')
  assert.equal(got.headers?.['small'], 'y')
  assert.equal(got.headers?.['large'], undefined)
  assert.equal(got.headers?.['x-omitted-headers'], 1)
  assert.equal(got.headers?.['x-stream-offset'], 0)
})

toKafka('delivery mode, priority and expiration are in polymq.origin alone', async (t) => {
  const options = { persistent: true, priority: 3, expiration: '60000' }
  const { headers = {} } = await recordOf(t, { options })
  assert.deepEqual(Object.keys(headers).toSorted(), ['exchange', 'polymq.origin', 'routing-key'])
})

toAmqp('what is no origin is not taken for one, and not shown', async (t) => {
  for (const origin of ['', 'x', '\x01', '\x01\xff\xff', '\x09\x00\x00', '\x02\x00']) {
    const headers = { 'polymq.origin': Buffer.from(origin, 'latin1'), type: 'mine' }
    const { properties: got } = await messageOf(t, { value: 'v', headers })
    assert.equal(got.type, 'mine')
    assert.ok(!('polymq.origin' in (got.headers ?? {})))
  }
})

test('the tables of docs/crossing.md name these tests, all of them and no others', async () => {
  const page = await readFile(new URL('../../docs/crossing.md', import.meta.url), 'utf8')
  for (const direction of Object.values(Direction)) {
    const [, section = ''] = page.split(`## ${direction}\n`)
    const [table = ''] = section.split('\n## ')
    const named = [...table.matchAll(/\|([^|]+)\|$/gm)].map(([, cell = '']) => cell.trim())
    const tests = named.slice(2).flatMap((cell) => cell.split('; '))
    assert.deepEqual(tests.toSorted(), titles[direction].toSorted(), direction)
  }
})
