import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from './crc32c.ts'

test('the check values of RFC 3720 come out', () => {
  assert.equal(checksum(Buffer.from('123456789')), 0xe3069283)
  assert.equal(checksum(Buffer.alloc(32)), 0x8a9136aa)
  assert.equal(checksum(Buffer.alloc(32, 0xff)), 0x62a8ab43)
  assert.equal(checksum(Buffer.from(Array.from({ length: 32 }, (_, at) => at))), 0x46dd794e)
  assert.equal(checksum(Buffer.alloc(0)), 0)
})

test('any range of any length gives what one bit at a time gives', () => {
  const bytes = Buffer.from(Array.from({ length: 200 }, (_, at) => (at * 167 + 13) & 0xff))
  for (let start = 0; start < 20; start++) {
    for (let end = start; end <= bytes.length; end++) {
      assert.equal(crc32c(bytes, start, end), bitwise(bytes.subarray(start, end)))
    }
  }
})

test('a view into a larger buffer is read from its own start', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(64)).subarray(7, 16)
  shared.set(Buffer.from('123456789'))
  assert.equal(crc32c(shared, 0, 9), 0xe3069283)
})

function checksum(bytes: Buffer): number {
  return crc32c(bytes, 0, bytes.length)
}

function bitwise(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}
