import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur2, partitionOf } from './partitioner.ts'

test("a key's hash is that of Kafka's own clients", () => {
  // [Kafka UtilsTest.testMurmur2]
  const hashes: readonly (readonly [string, number])[] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ]
  for (const [key, hash] of hashes) assert.equal(murmur2(Buffer.from(key)), hash, key)
})

test('a key belongs to one of the partitions', () => {
  for (let i = 0; i < 100; i++) {
    const partition = partitionOf(Buffer.from(`key${i}`), 7)
    assert.ok(Number.isInteger(partition) && partition >= 0 && partition < 7)
  }
  assert.equal(partitionOf(Buffer.alloc(0), 1), 0)
})
