import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, Reader } from '../../base/reader.ts'
import { Delivery } from '../../core/consumer.ts'
import { Origin, Publication, StoredMessage, type MessageFormat } from '../../core/message.ts'
import { fillFromRecord } from '../../core/stream/record-message.ts'
import { RecordScratch } from '../../core/stream/record-scratch.ts'
import { allFormats, propertyList } from '../../testing/message-formats.ts'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { withHeaders } from './added-headers.ts'
import { emptyProperties, readProperties } from './codec/content-header.ts'
import type { Properties } from './codec/content-header.ts'
import type { Field, FieldTable } from './codec/field-table.ts'
import { PropertyScan } from './codec/property-scan.ts'
import { propertyListOf } from './message-format.ts'
import { Translation } from './translation.ts'

const formats = allFormats()

const added: FieldTable = new Map<string, Field>([['x-stream-offset', { type: 'l', value: 5 }]])

/** Any of the properties, with headers or without. */
function randomProperties(random: SeededRandom): Partial<Properties> {
  const given: Partial<Properties> = {}
  const texts = ['contentType', 'contentEncoding', 'correlationId', 'replyTo', 'messageId'] as const
  for (const name of texts) if (random.chance(0.5)) given[name] = 'x'.repeat(random.integer(0, 255))
  if (random.chance(0.5)) given.deliveryMode = random.integer(0, 255)
  if (random.chance(0.5)) given.timestamp = random.integer(0, 2 ** 40)
  if (random.chance(0.3)) return given
  given.headers = new Map(
    Array.from({ length: random.integer(0, 5) }, (_, i): [string, Field] => [
      random.chance(0.1) ? 'x-stream-offset' : `h${i}`,
      { type: 'x', value: random.bytes(random.integer(0, 20)) },
    ]),
  )
  return given
}

test('headers are added to any list, and nothing else of it changes', () => {
  const random = new SeededRandom(5)
  for (let round = 0; round < 2000; round++) {
    const given = { ...emptyProperties(), ...randomProperties(random) }
    const list = Buffer.concat([Buffer.of(9, 9), propertyList(given), Buffer.of(9)])
    const whole = { buffer: list, start: 2, end: list.length - 1 }
    const made = withHeaders(whole, added, new PropertyScan())
    new PropertyScan().scan(made, 0, made.length)
    const expected = new Map([...(given.headers ?? []), ...added])
    const { headers, ...rest } = readProperties(new Reader(made))
    assert.deepEqual(rest, omitHeaders(given), `seed 5, round ${round}`)
    assert.deepEqual(headers && [...headers].toSorted(), [...expected].toSorted())
  }
})

function omitHeaders({ headers: _headers, ...rest }: Properties): Omit<Properties, 'headers'> {
  return rest
}

test('a list of at most so many bytes has as many headers as fit, in their order', () => {
  const headers = new Map(Array.from({ length: 50 }, (_, i) => [`h${i}`, 'x'.repeat(i * 10)]))
  const view = { type: 't', headers }
  const whole = propertyListOf(view, { flags: 0, bytesMax: Infinity })
  for (let bytesMax = 200; bytesMax < whole.length + 10; bytesMax += 37) {
    const list = propertyListOf(view, { flags: 0, bytesMax })
    assert.ok(list.length <= bytesMax, `${list.length} bytes of ${bytesMax}`)
    const { headers: kept, type } = readProperties(new Reader(list))
    assert.equal(type, 't')
    const omitted = kept?.get('x-omitted-headers')?.value ?? 0
    const count = (kept?.size ?? 0) - (omitted === 0 ? 0 : 1)
    assert.equal(Number(omitted), 50 - count)
  }
})

test('a format reads what it makes, and any bytes are a view or a DecodeError', () => {
  const random = new SeededRandom(6)
  const headers = new Map([['h', 'x']])
  const view = { type: 't', correlationId: 'c', timestamp: 5, headers }
  for (const origin of [Origin.amqp, Origin.kafka]) {
    const format = formats.find(origin) as MessageFormat
    const bytes = format.from(view)
    assert.deepEqual(format.view(bytes, 0, bytes.length), view)
    for (let end = 0; end < bytes.length; end++) {
      assert.throws(() => format.view(bytes, 0, end), DecodeError)
    }
    for (let round = 0; round < 5000; round++) {
      const broken = Buffer.from(bytes)
      broken[random.integer(0, bytes.length - 1)] = random.integer(0, 255)
      try {
        format.view(broken, 0, broken.length)
      } catch (error) {
        assert.ok(error instanceof DecodeError, `seed 6: ${broken.toString('hex')}`)
      }
    }
  }
})

/** A record as a consumer of a queue is shown it. */
function deliveryOf(headers: Readonly<Record<string, string>>, body: string): Delivery {
  const publication = new Publication(Origin.kafka)
  const list = Object.entries(headers).map(([key, value]) => ({ key, value: Buffer.from(value) }))
  const record = { offset: 0, timestamp: -1, key: null, value: Buffer.from(body), headers: list }
  fillFromRecord(publication, record, formats)
  publication.address = Buffer.from('\x01e\x01k')
  publication.addressEnd = 4
  const delivery = new Delivery(new StoredMessage())
  assert.ok(new RecordScratch().show(publication, delivery.message))
  delivery.redelivered = true
  return delivery
}

test('a message that came by Kafka is delivered as one of AMQP', () => {
  const given = deliveryOf({ type: 't', h: 'x' }, 'the body')
  const { message, redelivered } = new Translation().delivery(given, formats, 131_072)
  const { buffer, headerStart, bodyStart, bodyEnd } = message
  assert.ok(redelivered)
  assert.deepEqual([message.exchange, message.routingKey], ['e', 'k'])
  assert.equal(buffer.toString('utf8', bodyStart, bodyEnd), 'the body')
  const { type, headers } = readProperties(new Reader(buffer, headerStart, bodyStart))
  assert.equal(type, 't')
  assert.deepEqual([...(headers ?? [])], [['h', { type: 'S', value: 'x' }]])
})

test('whatever its headers are, they fit the frames that the client takes', () => {
  const headers = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`h${i}`, 'x'.repeat(200)]),
  )
  const given = deliveryOf({ ...headers, type: 'y'.repeat(255), 'message-id': 'z'.repeat(255) }, '')
  for (const isOfStream of [false, true]) {
    given.streamOffset = isOfStream ? 2 ** 50 : -1
    given.streamPartition = isOfStream ? 3 : -1
    const { message } = new Translation().delivery(given, formats, 4096)
    assert.ok(message.bodyStart - message.headerStart + 12 + 8 <= 4096)
  }
})
