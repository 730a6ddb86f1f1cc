import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { Compression } from '../core/stream/record-batch.ts'
import { decompress } from './decompress.ts'

const text = Buffer.from('the records of a batch '.repeat(40))

test('gzip and zstd come back as they were', () => {
  assert.deepEqual(decompress(Compression.gzip, gzipSync(text), 10_000), text)
  assert.deepEqual(decompress(Compression.zstd, zstdCompressSync(text), 10_000), text)
})

test('more than is allowed is nothing, however little was sent', () => {
  const bomb = Buffer.alloc(1_000_000)
  assert.equal(decompress(Compression.gzip, gzipSync(bomb), 10_000), null)
  assert.equal(decompress(Compression.zstd, zstdCompressSync(bomb), 10_000), null)
})

test('broken bytes and unknown codecs are nothing', () => {
  assert.equal(decompress(Compression.gzip, deflateRawSync(text), 10_000), null)
  assert.equal(decompress(Compression.zstd, text, 10_000), null)
  assert.equal(decompress(Compression.snappy, text, 10_000), null)
})
