import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, Reader } from './reader.ts'

const reads: readonly (readonly [string, number, (reader: Reader) => unknown])[] = [
  ['int8', 1, (reader) => reader.int8()],
  ['uint8', 1, (reader) => reader.uint8()],
  ['int16', 2, (reader) => reader.int16()],
  ['uint16', 2, (reader) => reader.uint16()],
  ['int32', 4, (reader) => reader.int32()],
  ['uint32', 4, (reader) => reader.uint32()],
  ['int64', 8, (reader) => reader.int64()],
  ['uint64', 8, (reader) => reader.uint64()],
  ['float64', 8, (reader) => reader.float64()],
  ['utf8', 5, (reader) => reader.utf8(5)],
  ['bytes', 5, (reader) => reader.bytes(5)],
  ['view', 5, (reader) => reader.view(5)],
  ['skip', 5, (reader) => reader.skip(5)],
]

for (const [name, bytes, read] of reads) {
  test(`${name} reads up to the end and throws one byte before`, () => {
    // More bytes lie behind the end: they are another frame's.
    const buffer = Buffer.alloc(32)
    const exact = new Reader(buffer, 3, 3 + bytes)
    read(exact)
    assert.equal(exact.remaining, 0)
    for (let length = 0; length < bytes; length++) {
      const short = new Reader(buffer, 3, 3 + length)
      assert.throws(() => read(short), DecodeError)
      assert.equal(short.position, 3, 'a read that failed moved the cursor')
    }
  })
}

test('numbers are read as they were written, at both ends of their range', () => {
  const buffer = Buffer.alloc(8)
  const reader = new Reader(buffer)
  const reading = (write: (buffer: Buffer) => void): Reader => {
    write(buffer)
    return reader.reset(buffer, 0, 8)
  }
  assert.equal(reading((b) => b.writeInt8(-128)).int8(), -128)
  assert.equal(reading((b) => b.writeUInt8(255)).uint8(), 255)
  assert.equal(reading((b) => b.writeInt16BE(-32768)).int16(), -32768)
  assert.equal(reading((b) => b.writeUInt16BE(65535)).uint16(), 65535)
  assert.equal(reading((b) => b.writeInt32BE(-(2 ** 31))).int32(), -(2 ** 31))
  assert.equal(reading((b) => b.writeUInt32BE(2 ** 32 - 1)).uint32(), 2 ** 32 - 1)
  assert.equal(reading((b) => b.writeDoubleBE(Math.PI)).float64(), Math.PI)
  for (const value of [0, -1, 1, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53) + 1]) {
    assert.equal(reading((b) => b.writeBigInt64BE(BigInt(value))).int64(), value)
    if (value >= 0) assert.equal(reading((b) => b.writeBigUInt64BE(BigInt(value))).uint64(), value)
  }
})

test('a 64-bit number that is no safe double is a DecodeError', () => {
  const buffer = Buffer.alloc(8)
  for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
    buffer.writeBigInt64BE(value)
    assert.throws(() => new Reader(buffer).int64(), DecodeError)
  }
  for (const value of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
    buffer.writeBigUInt64BE(value)
    assert.throws(() => new Reader(buffer).uint64(), DecodeError)
  }
})

test('a negative or huge length is a DecodeError', () => {
  const reader = new Reader(Buffer.alloc(16), 4, 12)
  for (const bytes of [-1, -4, 9, 2 ** 31, 2 ** 53, Infinity]) {
    assert.throws(() => reader.skip(bytes), DecodeError, String(bytes))
    assert.throws(() => reader.utf8(bytes), DecodeError, String(bytes))
    assert.throws(() => reader.bytes(bytes), DecodeError, String(bytes))
    assert.throws(() => reader.view(bytes), DecodeError, String(bytes))
  }
  assert.equal(reader.position, 4)
})

test('bytes() is a copy and view() is not', () => {
  const buffer = Buffer.from('abcdef')
  const reader = new Reader(buffer)
  const copy = reader.bytes(3)
  const view = reader.view(3)
  buffer.fill('x')
  assert.equal(copy.toString(), 'abc')
  assert.equal(view.toString(), 'xxx')
})
