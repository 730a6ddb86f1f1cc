import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchError, areRecordsValid, validateBatch } from './record-batch-check.ts'
import type { BatchLimits } from './record-batch-check.ts'
import { RecordBatchWriter } from './record-batch-writer.ts'
import type { BatchRecord } from './record-batch-writer.ts'
import {
  Compression,
  assignLogAppendTime,
  assignOffset,
  batchHeaderBytes,
  computeCrc,
  isControl,
  isLogAppendTime,
  isTransactional,
  readBaseOffset,
  readBaseSequence,
  readBaseTimestamp,
  readBatchBytes,
  readCompression,
  readCrc,
  readLastOffset,
  readLeaderEpoch,
  readMaxTimestamp,
  readProducerEpoch,
  readProducerId,
  readRecordCount,
} from './record-batch.ts'
import { RecordCursor } from './record-cursor.ts'

const limits: BatchLimits = { batchBytesMax: 1_048_588, timestampMax: Infinity }

/** As kafkajs 2.2.4 sent it: an idempotent producer, two records, one header, one tombstone. */
const kafkajsBatch =
  '00000000000000000000004500000000029031681000000000000100' +
  '00018bcfe568000000018bcfe56805000000000000004d0000000000000000000218000000026b02760202680278' +
  '0c000a02010100'

test('a batch of a real client is valid and its header reads as the client meant it', () => {
  const batch = Buffer.from(kafkajsBatch, 'hex')
  assert.equal(validate(batch), null)
  assert.equal(readBatchBytes(batch, 0), batch.length)
  assert.equal(readBaseTimestamp(batch, 0), 1_700_000_000_000)
  assert.equal(readMaxTimestamp(batch, 0), 1_700_000_000_005)
  assert.equal(readProducerId(batch, 0), 77)
  assert.equal(readProducerEpoch(batch, 0), 0)
  assert.equal(readBaseSequence(batch, 0), 0)
  assert.equal(readRecordCount(batch, 0), 2)
  assert.equal(readCompression(batch, 0), Compression.none)
  assert.equal(isTransactional(batch, 0), false)
  assert.equal(isControl(batch, 0), false)
})

test('the writer builds the bytes that kafkajs builds of the same records', () => {
  const writer = new RecordBatchWriter(70)
  const headers = [{ key: 'h', value: Buffer.from('x') }]
  writer.append({ ...record('k', 'v'), timestamp: 1_700_000_000_000, headers })
  writer.append({ ...record(null, null), timestamp: 1_700_000_000_005 })
  const producer = { id: 77, epoch: 0, baseSequence: 0, isTransactional: false }
  const batch = Buffer.from(writer.finish(producer))
  assert.equal(writer.bytes, batch.length)
  // kafkajs fills the leader epoch, which is the log's, with 0 instead of -1.
  assignOffset(batch, 0, 0, 0)
  assert.equal(batch.toString('hex'), kafkajsBatch)
})

test('the cursor gives back every record that was written', () => {
  const records: BatchRecord[] = [
    { ...record('k1', 'v1'), timestamp: 1_000 },
    { ...record(null, ''), timestamp: 900, headers: [{ key: 'é', value: null }] },
    { ...record('', 'x'.repeat(20_000)), timestamp: 1_000 + 2 ** 40 },
    { ...record('k', null), timestamp: 2 ** 45, headers: manyHeaders(300) },
  ]
  const batch = write(records)
  assert.equal(validate(batch), null)
  assert.deepEqual(readAll(batch), records)
  assert.equal(readMaxTimestamp(batch, 0), 2 ** 45)
})

test('the writer starts anew after reset and does not mix the batches', () => {
  const writer = new RecordBatchWriter()
  writer.append({ ...record('a', 'a'), timestamp: 5_000 })
  writer.finish()
  writer.reset()
  writer.append({ ...record('b', 'b'), timestamp: 1_000 })
  const batch = writer.finish()
  assert.equal(validate(batch), null)
  assert.equal(readMaxTimestamp(batch, 0), 1_000)
  assert.equal(readRecordCount(batch, 0), 1)
})

test('assigning an offset leaves the checksum right', () => {
  const batch = write([record('a', '1'), record('b', '2')])
  const crc = readCrc(batch, 0)
  assignOffset(batch, 0, 2 ** 40 + 5, 9)
  assert.equal(readBaseOffset(batch, 0), 2 ** 40 + 5)
  assert.equal(readLastOffset(batch, 0), 2 ** 40 + 6)
  assert.equal(readLeaderEpoch(batch, 0), 9)
  assert.equal(readCrc(batch, 0), crc)
  assert.equal(computeCrc(batch, 0, batch.length), crc)
})

test('log-append time replaces the greatest timestamp and renews the checksum', () => {
  const batch = write([record('a', '1')])
  assignLogAppendTime(batch, 0, 1_800_000_000_000)
  assert.equal(isLogAppendTime(batch, 0), true)
  assert.equal(readMaxTimestamp(batch, 0), 1_800_000_000_000)
  assert.equal(validate(batch), null)
})

test('a batch anywhere in a buffer is checked within its own bounds', () => {
  const batch = write([record('a', '1'), record('b', '2')])
  const buffer = Buffer.concat([Buffer.alloc(7, 0xee), batch, Buffer.alloc(9, 0xee)])
  assert.equal(validateBatch(buffer, 7, 7 + batch.length, limits), null)
})

test('any flipped bit of what the checksum covers is corruption', () => {
  const batch = write([record('a', '1')])
  for (let at = 17; at < batch.length; at++) {
    const flipped = Buffer.from(batch)
    flipped[at] = (flipped[at] ?? 0) ^ 1
    assert.equal(validate(flipped), BatchError.corrupt, `byte ${at}`)
  }
})

test('a batch cut short or with a wrong length is corrupt', () => {
  const batch = write([record('a', '1')])
  for (let end = 1; end < batch.length; end++) {
    assert.equal(validateBatch(batch, 0, end, limits), BatchError.corrupt, `${end} bytes`)
  }
  assert.equal(validate(withInt32(batch, 8, 48)), BatchError.corrupt)
  assert.equal(validate(withInt32(batch, 8, -1)), BatchError.corrupt)
  assert.equal(validate(withInt32(batch, 8, 2 ** 31 - 1)), BatchError.corrupt)
})

test('nothing, two batches, and an older magic are not one batch', () => {
  const batch = write([record('a', '1')])
  assert.equal(validate(Buffer.alloc(0)), BatchError.invalidRecord)
  assert.equal(validate(Buffer.concat([batch, batch])), BatchError.invalidRecord)
  const older = Buffer.from(batch)
  older[16] = 1
  assert.equal(validate(older), BatchError.invalidRecord)
})

test('what only the log may set, and counts that disagree, are refused', () => {
  const batch = write([record('a', '1'), record('b', '2')])
  const attributes = (bits: number): Buffer =>
    resealed(batch, (copy) => copy.writeInt16BE(bits, 21))
  assert.equal(validate(attributes(0b10_0000)), BatchError.invalidRecord, 'control bit')
  assert.equal(validate(attributes(5)), BatchError.invalidRecord, 'unknown compression')
  assert.equal(validate(attributes(0b1_0000)), null, 'transactional')
  const count = (value: number): Buffer => resealed(batch, (copy) => copy.writeInt32BE(value, 57))
  for (const value of [0, -1, 1, 3]) assert.equal(validate(count(value)), BatchError.invalidRecord)
  const based = Buffer.from(batch)
  assignOffset(based, 0, 1, -1)
  assert.equal(validate(based), BatchError.invalidRecord, 'base offset')
  const unsequenced = resealed(batch, (copy) => copy.writeInt32BE(5, 47))
  unsequenced.writeInt32BE(0, 43)
  assert.equal(validate(resealed(unsequenced, () => {})), BatchError.invalidRecord, 'no sequence')
})

test('size and time are held against the limits', () => {
  const batch = write([{ ...record('a', '1'), timestamp: 5_000 }])
  const bytes = batch.length
  assert.equal(validateBatch(batch, 0, bytes, { ...limits, batchBytesMax: bytes }), null)
  assert.equal(
    validateBatch(batch, 0, bytes, { ...limits, batchBytesMax: bytes - 1 }),
    BatchError.tooLarge,
  )
  assert.equal(validateBatch(batch, 0, bytes, { ...limits, timestampMax: 5_000 }), null)
  assert.equal(
    validateBatch(batch, 0, bytes, { ...limits, timestampMax: 4_999 }),
    BatchError.invalidTimestamp,
  )
})

test('records that lie about their lengths are refused, whatever byte is wrong', () => {
  const batch = write([{ ...record('key', 'value'), headers: [{ key: 'h', value: null }] }])
  for (let at = batchHeaderBytes; at < batch.length; at++) {
    for (let byte = 0; byte < 256; byte++) {
      const spoilt = resealed(batch, (copy) => copy.writeUInt8(byte, at))
      const result = validate(spoilt)
      assert.ok(result === null || result === BatchError.invalidRecord)
      if (result === null) assert.equal(readAll(spoilt).length, 1)
    }
  }
})

test('records with a gap in their offsets, or fewer or more than announced, are refused', () => {
  const one = write([record('a', '1')]).subarray(batchHeaderBytes)
  const both = write([record('a', '1'), record('b', '2')]).subarray(batchHeaderBytes)
  assert.equal(areRecordsValid(both, 0, both.length, 2), true)
  assert.equal(areRecordsValid(both, 0, both.length, 1), false)
  assert.equal(areRecordsValid(both, 0, both.length, 3), false)
  assert.equal(areRecordsValid(Buffer.concat([one, one]), 0, one.length * 2, 2), false)
  assert.equal(areRecordsValid(both, one.length, both.length, 1), false)
})

test('a header count larger than the record is refused without counting that far', () => {
  // length 12 | attributes | deltas 0 0 | null key | null value | header count 2^31 - 1 | 2 bytes
  const records = Buffer.from('18' + '00' + '0000' + '01' + '01' + 'feffffff0f' + '0000', 'hex')
  assert.equal(areRecordsValid(records, 0, records.length, 1), false)
  const endless = Buffer.alloc(20, 0xff)
  assert.equal(areRecordsValid(endless, 0, endless.length, 1), false)
})

test('the records of a compressed batch are taken as they are', () => {
  const batch = resealed(write([record('a', '1')]), (copy) => {
    copy.writeInt16BE(Compression.zstd, 21)
    copy.fill(0xff, batchHeaderBytes)
  })
  assert.equal(validate(batch), null)
})

function validate(batch: Buffer): BatchError | null {
  return validateBatch(batch, 0, batch.length, limits)
}

function record(key: string | null, value: string | null): BatchRecord {
  const bytes = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text))
  return { key: bytes(key), value: bytes(value), timestamp: 1_700_000_000_000, headers: [] }
}

function manyHeaders(count: number): { key: string; value: Buffer }[] {
  return Array.from({ length: count }, (_, at) => ({ key: `h${at}`, value: Buffer.alloc(at) }))
}

function write(records: readonly BatchRecord[]): Buffer {
  const writer = new RecordBatchWriter()
  for (const each of records) writer.append(each)
  return Buffer.from(writer.finish())
}

function readAll(batch: Buffer): BatchRecord[] {
  const records: BatchRecord[] = []
  const cursor = new RecordCursor(batch, batchHeaderBytes, batch.length)
  while (cursor.next()) {
    const timestamp = readBaseTimestamp(batch, 0) + cursor.timestampDelta
    const headers = cursor.headers()
    records.push({ key: cursor.key(), value: cursor.value(), timestamp, headers })
  }
  assert.equal(cursor.isBroken, false)
  return records
}

/** A copy with something changed and the checksum made right again. */
function resealed(batch: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(batch)
  change(copy)
  copy.writeUInt32BE(computeCrc(copy, 0, copy.length), 17)
  return copy
}

function withInt32(batch: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(batch)
  copy.writeInt32BE(value, at)
  return copy
}
