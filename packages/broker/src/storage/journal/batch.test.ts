import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checksum } from '../disk/checksum.ts'
import {
  alignUp,
  BATCH_HEADER_BYTES,
  getUint64,
  isBatchSound,
  readBatchHeader,
  sealBatch,
  setUint64,
  writeBatchHeader,
} from './batch.ts'

const header = {
  position: 0x0012_3456_7000,
  bytes: 64,
  previous: 0x0012_3456_6000,
  syncedUpTo: 0x0012_3456_6040,
  store: 0x0000_aabb_ccdd_eeff,
}

/** A sealed batch of 64 bytes at byte 8 of a buffer with room around it. */
function sealedBatch(): { bytes: Buffer; view: DataView; at: number; length: number } {
  const bytes = Buffer.alloc(96)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const at = 8
  bytes.write('sixteen octets !', at + BATCH_HEADER_BYTES)
  writeBatchHeader(view, at, header)
  sealBatch(bytes, view, at, checksum)
  return { bytes, view, at, length: header.bytes }
}

test('a batch has the bytes that FORMAT.md says', () => {
  const { bytes, at } = sealedBatch()
  assert.equal(
    bytes.toString('hex', at, at + 64),
    '504d5142' + // magic
      '2b734516' + // CRC-32 of what follows
      '0070563412000000' + // position
      '4000000000000000' + // bytes, 0
      '0060563412000000' + // previous
      '4060563412000000' + // synced up to
      'ffeeddccbbaa0000' + // store
      Buffer.from('sixteen octets !').toString('hex'),
  )
})

test('a header is read back as it was written, and only at the position that it names', () => {
  const { view, at } = sealedBatch()
  assert.deepEqual(readBatchHeader(view, at, header.position), header)
  assert.equal(readBatchHeader(view, at, header.position + 4096), null)
  assert.equal(readBatchHeader(view, at + 8, header.position), null)
})

test('where the bytes end within a header there is none', () => {
  const { bytes, at } = sealedBatch()
  for (let length = 0; length < at + BATCH_HEADER_BYTES; length++) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, length)
    assert.equal(readBatchHeader(view, at, header.position), null)
  }
})

test('no bit of a sealed batch can turn over unnoticed', () => {
  const { bytes, view, at, length } = sealedBatch()
  assert.ok(isBatchSound(bytes, { view, at, length }, checksum))
  for (let bit = 0; bit < length * 8; bit++) {
    const byte = at + (bit >> 3)
    bytes[byte] = (bytes[byte] as number) ^ (1 << (bit & 7))
    const found = readBatchHeader(view, at, header.position)
    const isSound =
      found !== null && isBatchSound(bytes, { view, at, length: found.bytes }, checksum)
    assert.ok(!isSound, `bit ${bit} of the batch`)
    bytes[byte] = (bytes[byte] as number) ^ (1 << (bit & 7))
  }
})

test('a batch that is cut off, or whose length cannot be, is not sound', () => {
  const { bytes, view, at, length } = sealedBatch()
  for (let end = at; end < at + length; end++) {
    assert.ok(!isBatchSound(bytes.subarray(0, end), { view, at, length }, checksum))
  }
  for (const wrong of [0, 40, 60, 63, 4096, 2 ** 32 - 8]) {
    assert.ok(!isBatchSound(bytes, { view, at, length: wrong }, checksum))
  }
})

test('numbers of up to 53 bits are written in eight octets', () => {
  const view = new DataView(new ArrayBuffer(8))
  for (const value of [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 48 + 5, Number.MAX_SAFE_INTEGER]) {
    setUint64(view, 0, value)
    assert.equal(getUint64(view, 0), value)
    assert.equal(view.getBigUint64(0, true), BigInt(value))
  }
})

test('positions are rounded up to a boundary, and stay where they are on one', () => {
  assert.equal(alignUp(0, 4096), 0)
  assert.equal(alignUp(1, 4096), 4096)
  assert.equal(alignUp(4096, 4096), 4096)
  assert.equal(alignUp(2 ** 45 + 1, 4096), 2 ** 45 + 4096)
})
