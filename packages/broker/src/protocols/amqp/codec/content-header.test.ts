import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, Reader } from '../../../base/reader.ts'
import { Writer } from '../../../base/writer.ts'
import {
  emptyProperties,
  readContentHeader,
  readProperties,
  writeContentHeader,
  writeProperties,
} from './content-header.ts'
import { PropertyScan } from './property-scan.ts'
import { random, randomBytes } from './random.ts'
import { findString } from './table-values.ts'

/** Payloads of header frames, recorded from pika 1.2.0 and librabbitmq 0.11.0. */
const bare = '003c000000000000000000010000'
const persistent = '003c00000000000000000001100002'
const common =
  '003c00000000000000000001b000106170706c69636174696f6e2f6a736f6e00000008016153000000016202'
const all =
  '003c00000000000000000005fffc0a746578742f706c61696e057574662d38000000b30474657874530000000668' +
  'c3a96c6c6f03696e744900000005036e656749fffffff9046c6f6e676c000001000000000004687567656c400000' +
  '00000000000379657374010364656344020000007d047768656e5400000000695735a5046e6f6e65560562797465' +
  '73780000000200ff046c697374410000001249000000015300000001614100000002740104' +
  '6e657374460000000e0161460000000701624900000001095f5f70726f746f5f5f530000000178020304636f7272' +
  '03726570053630303030036d696400000000695734b0037479700567756573740361707003636c75'
const fromC = '003c00000000000000000002300000000008016153000000016201'
const recorded = [bare, persistent, common, all, fromC].map((hex) => Buffer.from(hex, 'hex'))

/** The property list starts after class id, weight and body size. */
const LIST_START = 12

function scanned(list: Buffer, start: number = 0, end: number = list.length): PropertyScan {
  const scan = new PropertyScan()
  scan.scan(list, start, end)
  return scan
}

test('all fourteen properties of pika are read', () => {
  const { classId, bodyBytes, properties } = readContentHeader(new Reader(Buffer.from(all, 'hex')))
  assert.equal(classId, 60)
  assert.equal(bodyBytes, 5)
  assert.equal(findString(properties.headers ?? new Map(), 'text'), 'héllo')
  assert.deepEqual(
    { ...properties, headers: null },
    {
      contentType: 'text/plain',
      contentEncoding: 'utf-8',
      headers: null,
      deliveryMode: 2,
      priority: 3,
      correlationId: 'corr',
      replyTo: 'rep',
      expiration: '60000',
      messageId: 'mid',
      timestamp: 1767322800,
      type: 'typ',
      userId: 'guest',
      appId: 'app',
      clusterId: 'clu',
    },
  )
})

test('a content header is written back byte for byte', () => {
  for (const payload of recorded) {
    const writer = new Writer(1)
    writeContentHeader(writer, readContentHeader(new Reader(payload)))
    assert.deepEqual(Buffer.from(writer.written()), payload)
  }
})

test('an empty text is written, a missing one is not', () => {
  const writer = new Writer()
  writeProperties(writer, { ...emptyProperties(), correlationId: '', timestamp: 0 })
  assert.equal(writer.written().toString('hex'), '0440000000000000000000')
  assert.equal(readProperties(new Reader(writer.written())).correlationId, '')
})

test('a scan finds what the broker needs of a property list', () => {
  const payload = Buffer.from(all, 'hex')
  const scan = scanned(payload, LIST_START)
  assert.equal(scan.deliveryMode, 2)
  assert.equal(scan.priority, 3)
  const text = (start: number, end: number): string => payload.toString('utf8', start, end)
  assert.equal(text(scan.expirationStart, scan.expirationEnd), '60000')
  assert.equal(text(scan.userIdStart, scan.userIdEnd), 'guest')
  assert.equal(scan.headersStart, LIST_START + 2 + 11 + 6)
  assert.equal(scan.headersEnd - scan.headersStart, 4 + 0xb3)
})

test('a scan forgets the list before', () => {
  const scan = scanned(Buffer.from(all, 'hex'), LIST_START)
  scan.scan(Buffer.from('0000', 'hex'), 0, 2)
  assert.deepEqual(scan, new PropertyScan())
  scan.scan(Buffer.from(all, 'hex'), LIST_START, all.length / 2)
  scan.scan(Buffer.from(persistent, 'hex'), LIST_START, persistent.length / 2)
  assert.deepEqual(scan, scanned(Buffer.from(persistent, 'hex'), LIST_START))
})

test('every prefix of a property list, and one byte more, is a DecodeError to both', () => {
  for (const payload of recorded) {
    for (let end = LIST_START; end < payload.length; end += 1) {
      assert.throws(() => scanned(payload, LIST_START, end), DecodeError)
      assert.throws(() => readProperties(new Reader(payload, LIST_START, end)), DecodeError)
    }
    const longer = Buffer.concat([payload, Buffer.of(0)])
    assert.throws(() => scanned(longer, LIST_START), DecodeError)
    assert.throws(() => readProperties(new Reader(longer, LIST_START)), DecodeError)
  }
})

test('flags that no property has are refused', () => {
  for (const flags of ['0001', '0002']) {
    const list = Buffer.from(flags, 'hex')
    assert.throws(() => scanned(list), DecodeError)
    assert.throws(() => readProperties(new Reader(list)), DecodeError)
  }
})

test('what a scan lets pass is readable, and its fields are the ones read', (context) => {
  const seed = Date.now() >>> 0
  context.diagnostic(`seed ${seed}`)
  const next = random(seed)
  let passed = 0
  for (let round = 0; round < 50_000; round += 1) {
    if (agreesOn(randomList(next))) passed += 1
  }
  assert.ok(passed > 1000, `only ${passed} lists were well formed`)
})

/** Short texts behind random flags; often one of the recorded lists with a byte changed. */
function randomList(next: () => number): Buffer {
  if (next() % 2 === 0) {
    const payload = recorded[next() % recorded.length] as Buffer
    const list = Buffer.from(payload.subarray(LIST_START))
    list[next() % list.length] = next() & 0xff
    return list
  }
  const list = randomBytes(next, 2 + (next() % 12))
  list.fill(0, 2 + (next() % list.length))
  return list
}

function agreesOn(list: Buffer): boolean {
  const scan = new PropertyScan()
  try {
    scan.scan(list, 0, list.length)
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error))
    assert.throws(() => readProperties(new Reader(list)), DecodeError, list.toString('hex'))
    return false
  }
  const properties = readProperties(new Reader(list))
  assert.equal(scan.deliveryMode, properties.deliveryMode ?? 0)
  assert.equal(scan.priority, properties.priority ?? 0)
  const text = (start: number, end: number): string | null =>
    start < 0 ? null : list.toString('utf8', start, end)
  assert.equal(text(scan.expirationStart, scan.expirationEnd), properties.expiration)
  assert.equal(text(scan.userIdStart, scan.userIdEnd), properties.userId)
  assert.equal(scan.headersStart < 0, properties.headers === null)
  return true
}
