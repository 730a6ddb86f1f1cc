import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../../base/reader.ts'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { RecordCursor } from './record-cursor.ts'
import { RecordBatchWriter } from './record-batch-writer.ts'
import { batchHeaderBytes } from './record-batch.ts'
import { decodeRecordHead, encodeRecordHead, type RecordHead } from './record-header-bytes.ts'

const head: RecordHead = {
  timestamp: 1_700_000_000_000,
  key: Buffer.from('k'),
  headers: [
    { key: 'h', value: Buffer.from('x') },
    { key: '', value: null },
  ],
  isTombstone: true,
}

/** These bytes are on disks: they never change. */
const golden = '0000018bcfe5680001' + '026b' + '04' + '02680278' + '0001'

test('a record head has the bytes that it always had, and they say the same', () => {
  assert.equal(encodeRecordHead(head).toString('hex'), golden)
  assert.deepEqual(decodeRecordHead(Buffer.from(golden, 'hex'), 0, golden.length / 2), head)
})

test('from the key on they are what the record is in a batch', () => {
  const writer = new RecordBatchWriter()
  writer.append({ ...head, value: null })
  const batch = writer.finish()
  const cursor = new RecordCursor(batch, batchHeaderBytes, batch.length)
  assert.ok(cursor.next())
  const { key, headers } = decodeRecordHead(encodeRecordHead(head), 0, golden.length / 2)
  assert.deepEqual(cursor.key(), key)
  assert.deepEqual(cursor.headers(), headers)
})

test('whatever record there is comes back as it was', () => {
  const random = new SeededRandom(1)
  for (let round = 0; round < 500; round++) {
    const nullable = (): Buffer | null =>
      random.chance(0.2) ? null : random.bytes(random.integer(0, 200))
    const count = random.integer(0, 100)
    const given: RecordHead = {
      timestamp: random.pick([-1, 0, -5, 2 ** 53 - 1, random.integer(0, 2e12)]),
      key: nullable(),
      headers: Array.from({ length: count }, (_, i) => ({ key: `ü${i}`, value: nullable() })),
      isTombstone: random.chance(0.5),
    }
    const bytes = encodeRecordHead(given)
    assert.deepEqual(decodeRecordHead(bytes, 0, bytes.length), given)
  }
})

test('a time that no number names exactly is none', () => {
  for (const timestamp of [2 ** 60, -(2 ** 63), 2 ** 64, NaN]) {
    const bytes = encodeRecordHead({ ...head, timestamp })
    assert.equal(decodeRecordHead(bytes, 0, bytes.length).timestamp, -1)
  }
})

test('no prefix is taken for a whole one', () => {
  const bytes = Buffer.from(golden, 'hex')
  for (let end = 0; end < bytes.length; end++) {
    assert.throws(() => decodeRecordHead(bytes, 0, end), DecodeError)
  }
  assert.throws(() => decodeRecordHead(Buffer.concat([bytes, bytes]), 0, 2 * bytes.length))
})

test('random bytes are a record head or a DecodeError', () => {
  const random = new SeededRandom(2)
  for (let round = 0; round < 20_000; round++) {
    const bytes = random.bytes(random.integer(0, 40))
    if (random.chance(0.7)) bytes.fill(0, 0, Math.min(9, bytes.length))
    try {
      decodeRecordHead(bytes, 0, bytes.length)
    } catch (error) {
      assert.ok(error instanceof DecodeError, `seed 2, ${bytes.toString('hex')}: ${String(error)}`)
    }
  }
})
