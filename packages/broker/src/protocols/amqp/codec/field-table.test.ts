import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, Reader } from '../../../base/reader.ts'
import { Writer } from '../../../base/writer.ts'
import { TableError, readTable, writeTable } from './field-table.ts'
import type { Field, FieldTable } from './field-table.ts'
import { PropertyScan } from './property-scan.ts'
import { random, randomBytes } from './random.ts'
import {
  fieldFrom,
  findBoolean,
  findInteger,
  findString,
  findStrings,
  findTable,
  tableFrom,
  typeName,
} from './table-values.ts'

/** Recorded from pika 1.2.0. */
const fromPika =
  '000000b30474657874530000000668c3a96c6c6f03696e744900000005036e656749fffffff9046c6f6e676c0000' +
  '01000000000004687567656c40000000000000000379657374010364656344020000007d047768656e5400000000' +
  '695735a5046e6f6e6556056279746573780000000200ff046c6973744100000012490000000153000000016141' +
  '000000027401046e657374460000000e0161460000000701624900000001095f5f70726f746f5f5f530000000178'

/** Each letter once, by hand: what clients of other languages send. */
const everyLetter: FieldTable = new Map<string, Field>([
  ['t', { type: 't', value: false }],
  ['b', { type: 'b', value: -128 }],
  ['B', { type: 'B', value: 255 }],
  ['s', { type: 's', value: -32768 }],
  ['u', { type: 'u', value: 65535 }],
  ['I', { type: 'I', value: -(2 ** 31) }],
  ['i', { type: 'i', value: 2 ** 32 - 1 }],
  ['l', { type: 'l', value: -(2n ** 63n) }],
  ['l safe', { type: 'l', value: -(2 ** 53 - 1) }],
  ['L', { type: 'L', value: 2n ** 63n - 1n }],
  ['f', { type: 'f', value: -1.5 }],
  ['d', { type: 'd', value: 0.1 }],
  ['D', { type: 'D', value: { scale: 255, unscaled: 2 ** 32 - 1 } }],
  ['S', { type: 'S', value: 'ключ' }],
  ['S bytes', { type: 'S', value: Buffer.from([0xff, 0x00]) }],
  ['x', { type: 'x', value: Buffer.from('text') }],
  ['A', { type: 'A', value: [{ type: 'V', value: null }] }],
  ['T', { type: 'T', value: 2n ** 64n - 1n }],
  ['F', { type: 'F', value: new Map() }],
  ['V', { type: 'V', value: null }],
])

function decode(bytes: Buffer): FieldTable {
  const reader = new Reader(bytes)
  const table = readTable(reader)
  assert.equal(reader.remaining, 0)
  return table
}

function encode(table: FieldTable): Buffer {
  const writer = new Writer(1)
  writeTable(writer, table)
  return Buffer.from(writer.written())
}

/** A property list of nothing but these headers. */
function scan(headers: Buffer): void {
  const list = Buffer.concat([Buffer.from([0x20, 0]), headers])
  new PropertyScan().scan(list, 0, list.length)
}

function counted(letter: string, content: Buffer): Buffer {
  const head = Buffer.alloc(5, letter)
  head.writeUInt32BE(content.length, 1)
  return Buffer.concat([head, content])
}

/** A table whose only value holds tables or arrays, `depth` levels in all. */
function nested(letter: 'A' | 'F', depth: number): Buffer {
  const key = Buffer.from([1, 0x6b])
  let value: Buffer = Buffer.alloc(0)
  for (let level = 1; level < depth; level += 1) {
    const inner = counted(letter, value)
    value = letter === 'F' || level === depth - 1 ? Buffer.concat([key, inner]) : inner
  }
  return counted('F', value).subarray(1)
}

test('a table of pika is read with the type of each value', () => {
  assert.deepEqual(
    decode(Buffer.from(fromPika, 'hex')),
    new Map<string, Field>([
      ['text', { type: 'S', value: 'héllo' }],
      ['int', { type: 'I', value: 5 }],
      ['neg', { type: 'I', value: -7 }],
      ['long', { type: 'l', value: 2 ** 40 }],
      ['huge', { type: 'l', value: 2n ** 62n }],
      ['yes', { type: 't', value: true }],
      ['dec', { type: 'D', value: { scale: 2, unscaled: 125 } }],
      ['when', { type: 'T', value: 1767323045 }],
      ['none', { type: 'V', value: null }],
      ['bytes', { type: 'x', value: Buffer.from([0, 255]) }],
      [
        'list',
        {
          type: 'A',
          value: [
            { type: 'I', value: 1 },
            { type: 'S', value: 'a' },
            { type: 'A', value: [{ type: 't', value: true }] },
          ],
        },
      ],
      ['nest', { type: 'F', value: tableFrom({ a: { b: 1 } }) }],
      ['__proto__', { type: 'S', value: 'x' }],
    ]),
  )
})

test('a table is written back byte for byte', () => {
  const bytes = Buffer.from(fromPika, 'hex')
  assert.deepEqual(encode(decode(bytes)), bytes)
  const all = encode(everyLetter)
  assert.deepEqual(decode(all), everyLetter)
  assert.deepEqual(encode(decode(all)), all)
  scan(all)
})

test('every prefix of a table is a DecodeError', () => {
  for (const bytes of [Buffer.from(fromPika, 'hex'), encode(everyLetter)]) {
    for (let end = 0; end < bytes.length; end += 1) {
      assert.throws(() => readTable(new Reader(bytes, 0, end)), DecodeError, `cut at ${end}`)
      // Cut where the announced length says so, too: the damage is then inside.
      if (end < 4) continue
      const cut = Buffer.from(bytes.subarray(0, end))
      cut.writeUInt32BE(end - 4, 0)
      assert.equal(
        outcome(() => decode(cut)),
        outcome(() => scan(cut)),
        `cut at ${end}`,
      )
    }
  }
})

test('tables and arrays nest 32 deep and no deeper', () => {
  for (const letter of ['A', 'F'] as const) {
    decode(nested(letter, 32))
    scan(nested(letter, 32))
    assert.throws(() => decode(nested(letter, 33)), TableError)
    assert.throws(() => scan(nested(letter, 33)), TableError)
    assert.throws(() => decode(nested(letter, 3000)), TableError)
    assert.throws(() => scan(nested(letter, 3000)), TableError)
  }
})

test('a table has 4096 entries at most, those within it included', () => {
  const values = (count: number): Buffer => {
    const array = counted('A', Buffer.alloc(count - 1, 'V'))
    return counted('F', Buffer.concat([Buffer.from([1, 0x6b]), array])).subarray(1)
  }
  decode(values(4096))
  scan(values(4096))
  assert.throws(() => decode(values(4097)), TableError)
  assert.throws(() => scan(values(4097)), TableError)
})

test('a length that exceeds what is there is refused before anything is allocated', () => {
  for (const letter of ['S', 'x', 'A', 'F']) {
    const bytes = Buffer.from(`000000070161${Buffer.from(letter).toString('hex')}7fffffff`, 'hex')
    assert.throws(() => decode(bytes), DecodeError)
    assert.throws(() => scan(bytes), DecodeError)
  }
  assert.throws(() => decode(Buffer.from('ffffffff', 'hex')), TableError)
})

test('an unknown type letter is refused', () => {
  const bytes = Buffer.from('000000080161550000000000', 'hex')
  bytes.writeUInt32BE(8, 0)
  assert.throws(() => decode(bytes), TableError)
  assert.throws(() => scan(bytes), TableError)
})

test('of a key given twice the first counts, as in RabbitMQ', () => {
  const bytes = Buffer.from('0000000e0161490000000101614900000002', 'hex')
  assert.equal(findInteger(decode(bytes), 'a'), 1)
})

test('a key named __proto__ is a key', () => {
  const table = decode(encode(tableFrom({ ['__proto__']: 'x', constructor: 'y' })))
  assert.equal(findString(table, '__proto__'), 'x')
  assert.equal(findString(table, 'toString'), undefined)
  assert.equal(Object.hasOwn(Object.prototype, 'x'), false)
})

test('random bytes are a table or a DecodeError, and the scan is of the same mind', (context) => {
  const seed = Date.now() >>> 0
  context.diagnostic(`seed ${seed}`)
  const next = random(seed)
  let read = 0
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = randomTable(next)
    const decoded = outcome(() => decode(bytes))
    assert.equal(
      decoded,
      outcome(() => scan(bytes)),
      bytes.toString('hex'),
    )
    if (decoded === 'read') read += 1
  }
  assert.ok(read > 200, `only ${read} tables were well formed`)
})

/** Bytes with a sound length in front, mostly of type letters, so that the insides are reached. */
function randomTable(next: () => number): Buffer {
  const letters = 'tbBsuIilLfdDSxTAFV'
  const content = randomBytes(next, next() % 40)
  for (let at = 0; at < content.length; at += 1) {
    const kind = next() % 4
    if (kind === 0) content[at] = letters.charCodeAt(next() % letters.length)
    if (kind === 1) content[at] = 0
    if (kind === 2) content[at] = next() % 5
  }
  return counted('F', content).subarray(1)
}

function outcome(run: () => unknown): string {
  try {
    run()
    return 'read'
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error))
    return 'refused'
  }
}

test('arguments are found by key and type', () => {
  const table = tableFrom({
    text: 'a',
    number: 2 ** 40,
    flag: true,
    inner: { a: 1 },
    list: ['a', 'b'],
    mixed: ['a', 1],
    ratio: 0.5,
  })
  assert.equal(findString(table, 'text'), 'a')
  assert.equal(findString(table, 'number'), undefined)
  assert.equal(findInteger(table, 'number'), 2 ** 40)
  assert.equal(findInteger(table, 'ratio'), undefined)
  assert.equal(findInteger(table, 'none'), undefined)
  assert.equal(findBoolean(table, 'flag'), true)
  assert.equal(findBoolean(table, 'text'), undefined)
  assert.deepEqual(findTable(table, 'inner'), tableFrom({ a: 1 }))
  assert.deepEqual(findStrings(table, 'list'), ['a', 'b'])
  assert.equal(findStrings(table, 'mixed'), undefined)
})

test('plain values get the type that RabbitMQ would give them', () => {
  const letters = [1, 2 ** 31, 1.5, 'a', true, null, new Date(0), Buffer.of(1), [], {}, 1n].map(
    (value) => fieldFrom(value).type,
  )
  assert.equal(letters.join(''), 'IldStVTxAFl')
  assert.equal(typeName(fieldFrom(1)), 'signedint')
})
