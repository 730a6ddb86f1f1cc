import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Reader } from '../../packages/broker/src/base/reader.ts'
import { FrameType } from '../../packages/broker/src/protocols/amqp/codec/constants.ts'
import {
  readProperties,
  type Properties,
} from '../../packages/broker/src/protocols/amqp/codec/content-header.ts'
import type { Field } from '../../packages/broker/src/protocols/amqp/codec/field-table.ts'
import { contentHeader, message } from '../amqp/content.ts'
import { basicConsume, method, queueDeclare } from '../amqp/methods.ts'
import { RawClient } from '../amqp/raw-client.ts'
import { uniqueName } from '../clients/support/amqp-broker.ts'
import { eventually } from '../clients/support/eventually.ts'
import { CrossingBroker } from './crossing-broker.ts'

/** AMQP → stream → AMQP: the property list is as it was published, but for the offset that a stream's consumer is told. */
let broker: CrossingBroker

before(async () => {
  broker = await CrossingBroker.start()
})
after(() => broker.close())

const FRAME_HEAD_BYTES = 7
const CONTENT_HEAD_BYTES = 12

/** Publishes to a stream and reads it: the property list that went in, and the one that came out. */
async function throughStream(properties: Partial<Properties>): Promise<readonly [Buffer, Buffer]> {
  const client = await RawClient.open(broker.amqp)
  const queue = uniqueName('bytes')
  const type: Field = { type: 'S', value: 'stream' }
  client.send(queueDeclare(queue, { durable: true, table: { 'x-queue-type': type } }))
  await client.method(50, 11)
  client.send(message('', queue, { body: 'the body', properties }))
  client.send(method(60, 10, { u32: 0 }, { u16: 10 }, [false]))
  await client.method(60, 11)
  const first: Field = { type: 'S', value: 'first' }
  client.send(basicConsume(queue, { table: { 'x-stream-offset': first } }))
  await client.method(60, 21)
  await client.method(60, 60)
  const content = await eventually('the content', () =>
    client.frames.find((frame) => frame.type === FrameType.header),
  )
  const body = await eventually('the body', () =>
    client.frames.find((frame) => frame.type === FrameType.body),
  )
  assert.equal(body.payload.toString(), 'the body')
  const sent = contentHeader(8, properties)
  const list = sent.subarray(FRAME_HEAD_BYTES + CONTENT_HEAD_BYTES, -1)
  client.destroy()
  return [list, content.payload.subarray(CONTENT_HEAD_BYTES)]
}

const fields: readonly Field[] = [
  { type: 't', value: true },
  { type: 'b', value: -5 },
  { type: 'B', value: 200 },
  { type: 's', value: -300 },
  { type: 'u', value: 60_000 },
  { type: 'I', value: -70_000 },
  { type: 'i', value: 4_000_000_000 },
  { type: 'l', value: 2n ** 62n },
  { type: 'f', value: 0.5 },
  { type: 'd', value: 0.1 },
  { type: 'D', value: { scale: 2, unscaled: 1234 } },
  { type: 'S', value: 'text' },
  { type: 'S', value: Buffer.from([0xff]) },
  { type: 'x', value: Buffer.from([0, 1, 2]) },
  { type: 'T', value: 1_700_000_000 },
  { type: 'A', value: [{ type: 'V', value: null }] },
  { type: 'F', value: new Map([['x', { type: 'b', value: 1 }]]) },
]

test('every property and every type of header comes back byte for byte', async () => {
  const headers = new Map(fields.map((field, i) => [`h${i}`, field]))
  const [sent, received] = await throughStream({
    contentType: 'text/plain',
    contentEncoding: 'gzip',
    headers,
    deliveryMode: 2,
    priority: 7,
    correlationId: 'c',
    replyTo: 'r',
    expiration: '60000',
    messageId: 'm',
    timestamp: 1_700_000_000,
    type: 't',
    userId: 'guest',
    appId: 'a',
    clusterId: 'k',
  })
  // The offset is the first entry of the table: without it the list is the one that was sent.
  const tableAt = sent.indexOf('h0') - 1 - 4
  const added = Buffer.concat([Buffer.from('\x0fx-stream-offsetl'), Buffer.alloc(8)])
  assert.deepEqual(received.subarray(0, tableAt), sent.subarray(0, tableAt))
  assert.equal(received.readUInt32BE(tableAt), sent.readUInt32BE(tableAt) + added.length)
  const entriesAt = tableAt + 4
  assert.deepEqual(received.subarray(entriesAt, entriesAt + added.length), added)
  assert.deepEqual(received.subarray(entriesAt + added.length), sent.subarray(entriesAt))
})

test('a list without headers gets a table with the offset, where one belongs', async () => {
  const given = { contentType: 'a', contentEncoding: 'b', deliveryMode: 1, messageId: 'm' }
  const [sent, received] = await throughStream(given)
  const before = readProperties(new Reader(sent))
  const { headers, ...after } = readProperties(new Reader(received))
  assert.deepEqual({ ...after, headers: null }, before)
  assert.deepEqual([...(headers ?? [])], [['x-stream-offset', { type: 'l', value: 0 }]])
})

test('an empty list is one with the offset alone', async () => {
  const [, received] = await throughStream({})
  const { headers } = readProperties(new Reader(received))
  assert.deepEqual([...(headers ?? [])], [['x-stream-offset', { type: 'l', value: 0 }]])
})

test('an offset that was published gives way to the true one', async () => {
  const [, received] = await throughStream({
    headers: new Map<string, Field>([
      ['a', { type: 'b', value: 1 }],
      ['x-stream-offset', { type: 'S', value: 'mine' }],
    ]),
  })
  const { headers } = readProperties(new Reader(received))
  assert.deepEqual(
    [...(headers ?? [])],
    [
      ['a', { type: 'b', value: 1 }],
      ['x-stream-offset', { type: 'l', value: 0 }],
    ],
  )
})
