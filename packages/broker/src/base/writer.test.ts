import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../testing/seeded-random.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

interface Item {
  readonly write: (writer: Writer) => void
  readonly read: (reader: Reader) => unknown
  readonly value: unknown
}

function items(random: SeededRandom): Item[] {
  const integer = random.integer(-(2 ** 31), 2 ** 31 - 1)
  const long = integer * random.integer(0, 2 ** 21)
  const blob = random.bytes(random.integer(0, 300))
  const text = 'ÿ€𝄞x'.repeat(random.integer(0, 40))
  const textBytes = Buffer.byteLength(text)
  return [
    { write: (w) => w.int8(integer >> 24), read: (r) => r.int8(), value: integer >> 24 },
    { write: (w) => w.uint8(integer & 255), read: (r) => r.uint8(), value: integer & 255 },
    { write: (w) => w.int16(integer >> 16), read: (r) => r.int16(), value: integer >> 16 },
    { write: (w) => w.uint16(integer & 0xffff), read: (r) => r.uint16(), value: integer & 0xffff },
    { write: (w) => w.int32(integer), read: (r) => r.int32(), value: integer },
    { write: (w) => w.uint32(integer >>> 0), read: (r) => r.uint32(), value: integer >>> 0 },
    { write: (w) => w.int64(long), read: (r) => r.int64(), value: long + 0 },
    { write: (w) => w.float64(long / 7), read: (r) => r.float64(), value: long / 7 },
    { write: (w) => w.bytes(blob), read: (r) => r.bytes(blob.length), value: blob },
    { write: (w) => w.utf8(text), read: (r) => r.utf8(textBytes), value: text },
  ]
}

test('every method makes the room that it needs', () => {
  const random = new SeededRandom(1)
  for (let round = 0; round < 50; round++) {
    for (const item of items(random)) {
      // Each length of the buffer before it: the growth falls on, before and behind the item.
      for (let filled = 0; filled < 10; filled++) {
        const writer = new Writer(10)
        for (let i = 0; i < filled; i++) writer.uint8(0xa0 + i)
        item.write(writer)
        const reader = new Reader(writer.written())
        for (let i = 0; i < filled; i++) assert.equal(reader.uint8(), 0xa0 + i)
        assert.deepEqual(item.read(reader), item.value)
        assert.equal(reader.remaining, 0)
      }
    }
  }
})

test('what was written in any order is read again', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new SeededRandom(seed)
    const written: Item[] = []
    const writer = new Writer(random.integer(0, 4))
    for (let i = 0; i < 100; i++) {
      const item = random.pick(items(random))
      item.write(writer)
      written.push(item)
    }
    const reader = new Reader(writer.written())
    for (const item of written) assert.deepEqual(item.read(reader), item.value, `seed ${seed}`)
    assert.equal(reader.remaining, 0)
  }
})

test('skip() gives a place to fill in later, also after the buffer has grown', () => {
  const writer = new Writer(4)
  const at = writer.skip(4)
  writer.bytes(Buffer.alloc(1000, 7))
  writer.buffer.writeUInt32BE(writer.position, at)
  const reader = new Reader(writer.written())
  assert.equal(reader.uint32(), 1004)
  assert.deepEqual(reader.bytes(1000), Buffer.alloc(1000, 7))
})

test('a whole number up to 2^53 keeps its value as int64', () => {
  for (const value of [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32), 2 ** 53 - 1]) {
    for (const signed of [value, -value + 0]) {
      const writer = new Writer(8)
      writer.int64(signed)
      assert.equal(writer.written().readBigInt64BE(), BigInt(signed))
    }
  }
})
