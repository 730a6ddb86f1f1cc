import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { lz4Compress, snappyCompress } from '@platformatic/wasm-utils'
import { deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { Compression } from '../core/stream/record-batch.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { decompress, decompressLater } from './decompress.ts'

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

/** As snappy-java frames it: a header of 16 octets, blocks after their lengths. */
function xerial(...blocks: readonly Buffer[]): Buffer {
  const header = Buffer.from('82534e41505059000000000100000001', 'hex')
  const framed = blocks.map((block) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(block.length)
    return Buffer.concat([length, block])
  })
  return Buffer.concat([header, ...framed])
}

const packers: readonly (readonly [string, Compression, (bytes: Buffer) => Buffer])[] = [
  ['gzip', Compression.gzip, gzipSync],
  ['zstd', Compression.zstd, zstdCompressSync],
  ['snappy', Compression.snappy, snappyCompress],
  ['framed snappy', Compression.snappy, (bytes) => xerial(snappyCompress(bytes))],
  ['LZ4', Compression.lz4, lz4Compress],
]

for (const [name, codec, pack] of packers) {
  test(`${name} comes back as it was, later`, async () => {
    for (const bytes of [text, Buffer.alloc(300_000, 'abc'), randomBytes(5000)]) {
      assert.deepEqual(await decompressLater(codec, pack(bytes), 1_000_000), bytes)
    }
  })

  test(`of ${name}, more than is allowed is nothing`, async () => {
    const bomb = pack(Buffer.alloc(2_000_000))
    assert.equal(await decompressLater(codec, bomb, 10_000), null)
  })

  test(`broken ${name} is nothing, or less, and whole bytes come back after it`, async () => {
    const packed = pack(text)
    for (let end = 0; end < packed.length; end++) {
      const part = await decompressLater(codec, packed.subarray(0, end), 10_000)
      assert.ok(part === null || part.length <= 10_000)
    }
    const random = new SeededRandom(7)
    for (let i = 0; i < 200; i++) {
      const broken = Buffer.from(packed)
      broken[random.integer(0, broken.length - 1)] = random.integer(0, 255)
      const opened = await decompressLater(codec, broken, 10_000)
      assert.ok(opened === null || opened.length <= 10_000)
    }
    assert.deepEqual(await decompressLater(codec, packed, 10_000), text)
  })
}
