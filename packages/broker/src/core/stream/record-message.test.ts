import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allFormats, propertyList } from '../../testing/message-formats.ts'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { textPublication } from '../../testing/text-publication.ts'
import { limits } from '../limits.ts'
import { MessageFlag, Origin, Publication } from '../message.ts'
import type { ReadRecord } from './read-record.ts'
import type { RecordHeader } from './record-cursor.ts'
import { addressOfRecord, fillFromRecord, fitsMessage, recordOf } from './record-message.ts'

const formats = allFormats()

/** The record as a reader of the stream has it. */
function asRead(record: ReturnType<typeof recordOf>): ReadRecord {
  const { key, value, headers, timestamp } = record
  const buffer = (bytes: Uint8Array | null): Buffer | null => bytes && Buffer.from(bytes)
  return { offset: 0, timestamp, key: buffer(key), value: buffer(value), headers }
}

function read(record: Partial<ReadRecord>): ReadRecord {
  return { offset: 0, timestamp: -1, key: null, value: null, headers: [], ...record }
}

function filled(record: ReadRecord): Publication {
  const publication = new Publication(Origin.amqp)
  fillFromRecord(publication, record, formats)
  return publication
}

function headerBytes({ header, headerStart, headerEnd }: Publication): Buffer {
  return header.subarray(headerStart, headerEnd)
}

test('a message that was published by AMQP comes out of a stream with the bytes that it had', () => {
  const header = propertyList({
    headers: new Map([
      ['short', { type: 's', value: 5 }],
      ['x-record-key', { type: 'i', value: 7 }],
    ]),
    priority: 4,
    type: 't',
    expiration: '5',
  })
  const source = textPublication({ exchange: 'e', key: 'k', header, body: 'body' })
  const record = recordOf(source, formats, 5000)
  assert.equal(record.timestamp, 5000)
  assert.equal(record.key?.toString(), '7')
  const publication = filled(asRead(record))
  assert.equal(publication.origin, Origin.amqp)
  assert.deepEqual(headerBytes(publication), header)
  assert.equal(publication.body.toString(), 'body')
  assert.equal(publication.flags, MessageFlag.persistent)
  assert.deepEqual(addressOfRecord(asRead(record)), { exchange: 'e', routingKey: 'k' })
})

test('a record that was carried to an exchange, and into a stream again, is the record that it was', () => {
  const headers: RecordHeader[] = [
    { key: 'a', value: Buffer.from('1') },
    { key: 'a', value: null },
    { key: 'timestamp', value: Buffer.from('never') },
  ]
  const record = read({ key: Buffer.from('k'), value: null, headers, timestamp: 99 })
  const once = filled(record)
  assert.equal(once.origin, Origin.kafka)
  once.address = Buffer.from('\x01e\x01k')
  once.addressEnd = 4
  const twice = filled(asRead(recordOf(once, formats, 7)))
  assert.equal(twice.origin, Origin.kafka)
  assert.deepEqual(headerBytes(twice), headerBytes(once))
  const view = formats.viewOf(twice)
  assert.equal(view.headers.get('a'), null)
  assert.equal(view.headers.get('timestamp'), 'never')
  assert.equal(view.headers.get('x-tombstone'), true)
})

test('an origin that nobody could have written is not believed', () => {
  const sound = propertyList({ type: 'forged' })
  const huge = Buffer.alloc(limits.headerBytesMax)
  const origins = [
    Buffer.alloc(0),
    Buffer.of(Origin.amqp),
    Buffer.of(Origin.stomp, 0, 0),
    Buffer.of(0, ...sound),
    Buffer.of(Origin.amqp, ...sound, 0),
    Buffer.of(Origin.amqp, ...sound.subarray(0, -1)),
    Buffer.of(Origin.kafka, 1, 2),
    Buffer.concat([
      Buffer.of(Origin.amqp),
      propertyList({ headers: new Map([['h', { type: 'x', value: huge }]]) }),
    ]),
  ]
  for (const value of origins) {
    const { origin } = filled(read({ headers: [{ key: 'polymq.origin', value }] }))
    assert.equal(origin, Origin.kafka, value.subarray(0, 20).toString('hex'))
  }
  const value = Buffer.of(Origin.amqp, ...sound)
  assert.equal(filled(read({ headers: [{ key: 'polymq.origin', value }] })).origin, Origin.amqp)
})

test('an origin that is random bytes never throws', () => {
  const random = new SeededRandom(3)
  for (let round = 0; round < 5000; round++) {
    const value = random.bytes(random.integer(0, 30))
    value[0] = random.integer(0, 3)
    const publication = filled(read({ headers: [{ key: 'polymq.origin', value }] }))
    formats.viewOf(publication)
  }
})

test('every prefix of a sound origin, but the whole, is not believed', () => {
  const list = propertyList({ headers: new Map([['h', { type: 'S', value: 'x' }]]), type: 't' })
  const whole = Buffer.of(Origin.amqp, ...list)
  for (let end = 0; end < whole.length; end++) {
    const value = whole.subarray(0, end)
    assert.equal(filled(read({ headers: [{ key: 'polymq.origin', value }] })).origin, Origin.kafka)
  }
})

test('addresses that are no names are none', () => {
  const headers = [
    { key: 'exchange', value: Buffer.alloc(256, 'x') },
    { key: 'routing-key', value: Buffer.of(0xff) },
  ]
  assert.deepEqual(addressOfRecord(read({ headers })), { exchange: null, routingKey: null })
  assert.deepEqual(addressOfRecord(read({})), { exchange: null, routingKey: null })
})

test('a record larger than any message is told from others', () => {
  assert.ok(fitsMessage(filled(read({ value: Buffer.alloc(10) }))))
  const value = Buffer.alloc(limits.messageBytesMax + 1)
  assert.ok(!fitsMessage(filled(read({ value }))))
  const headers = [{ key: 'h', value: Buffer.alloc(limits.headerBytesMax) }]
  assert.ok(!fitsMessage(filled(read({ headers }))))
})
