import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checksum } from '../disk/checksum.ts'
import { CHUNK_HEADER_BYTES, entryBytes, keepFile, readChunk, sealChunk } from './chunk.ts'

const header = { queue: 12, count: 1, bytes: 72, store: 0x1234_5678_9abc, file: 3, at: 4096 }
const place = { store: header.store, file: header.file, at: header.at }

/** A chunk of one entry at byte 8 of a buffer that goes on behind it. */
function sealed(): Buffer {
  const buffer = Buffer.alloc(96)
  buffer.writeUInt32LE(8, 8 + CHUNK_HEADER_BYTES)
  buffer.writeUInt32LE(77, 8 + CHUNK_HEADER_BYTES + 8)
  buffer.write('the body', 8 + CHUNK_HEADER_BYTES + 16)
  sealChunk(buffer, 8, header, checksum)
  return buffer
}

test('a chunk has the bytes that FORMAT.md says', () => {
  assert.equal(
    sealed().toString('hex', 8, 8 + header.bytes),
    '504d514b' + // magic
      '2fade1b6' + // CRC-32 of what follows
      '0c000000' + // queue
      '01000000' + // entries
      '48000000' + // bytes
      '00000000' +
      'bc9a785634120000' + // store
      '0300000000000000' + // file
      '0010000000000000' + // where in the file
      '0800000000000000' + // bytes of the payload, kind
      '4d00000000000000' + // number in the queue
      Buffer.from('the body').toString('hex'),
  )
})

test('a chunk is read back as it was sealed', () => {
  assert.deepEqual(readChunk(sealed(), 8, place, checksum), header)
})

test('no bit of a chunk can turn over unnoticed', () => {
  const buffer = sealed()
  for (let byte = 8; byte < 8 + header.bytes; byte++) {
    for (let bit = 0; bit < 8; bit++) {
      const before = buffer[byte] as number
      buffer[byte] = before ^ (1 << bit)
      const found = readChunk(buffer, 8, place, checksum)
      assert.equal(typeof found, 'string', `bit ${bit} of byte ${byte - 8}`)
      buffer[byte] = before
    }
  }
})

test('a chunk that the file’s end cuts off is refused, wherever that is', () => {
  const buffer = sealed()
  for (let end = 0; end < 8 + header.bytes; end++) {
    const found = readChunk(buffer.subarray(0, end), 8, place, checksum)
    assert.equal(found, 'the file ends within a chunk')
  }
})

test('a chunk of another data directory, of another file or of another place is refused, sound as it is', () => {
  const buffer = sealed()
  const others = [
    { ...place, store: place.store + 1 },
    { ...place, file: place.file + 1 },
    { ...place, at: place.at + 8 },
  ]
  for (const other of others) {
    assert.equal(readChunk(buffer, 8, other, checksum), 'a chunk of another place stands here')
  }
})

test('bytes that are no chunk are refused, and so is one that says to be larger or smaller than can be', () => {
  assert.equal(readChunk(Buffer.alloc(96), 8, place, checksum), 'no chunk begins here')
  for (const bytes of [0, 40, 4096, 2 ** 32 - 1]) {
    const buffer = sealed()
    buffer.writeUInt32LE(bytes, 8 + 16)
    assert.equal(readChunk(buffer, 8, place, checksum), 'the file ends within a chunk')
  }
})

test('a keep file is named by its number, and an entry ends on a boundary of 8', () => {
  assert.equal(keepFile(1), 'keep/0000000000000001')
  assert.equal(keepFile(2 ** 40 + 255), 'keep/00000100000000ff')
  assert.deepEqual([0, 1, 8, 9].map(entryBytes), [16, 24, 24, 32])
})
