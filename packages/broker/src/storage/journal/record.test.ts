import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordCheck, RECORD_HEADER_BYTES, stampOf, TARGET_BYTES } from './record.ts'
import { ScannedRecord } from './scan.ts'

const POSITION = 2 ** 36 + 4096 + 48
const TARGETS = [
  { id: 7, sequence: 12 },
  { id: 0xffff_fffe, sequence: 2 ** 40 + 3 },
] as const
const PAYLOAD = 'payload of a record'
const HEADED_BYTES = RECORD_HEADER_BYTES + TARGETS.length * TARGET_BYTES

/** A record at byte 8 of its memory, as the journal lays it out. */
function writeRecord(): { memory: SharedArrayBuffer; bytes: Buffer; end: number } {
  const memory = new SharedArrayBuffer(128)
  const bytes = Buffer.from(memory)
  const words = new Int32Array(memory)
  words[2] = TARGETS.length * TARGET_BYTES + PAYLOAD.length
  words[3] = 1 | (TARGETS.length << 8)
  words[4] = stampOf(POSITION)
  for (const [i, { id, sequence }] of TARGETS.entries()) {
    words[6 + 4 * i] = id
    words[8 + 4 * i] = sequence | 0
    words[9 + 4 * i] = sequence / 2 ** 32
  }
  words[5] = recordCheck(words, 2)
  bytes.write(PAYLOAD, 8 + HEADED_BYTES)
  return { memory, bytes, end: 8 + HEADED_BYTES + PAYLOAD.length }
}

test('a record has the bytes that FORMAT.md says', () => {
  const { bytes, end } = writeRecord()
  assert.equal(
    bytes.toString('hex', 8, end),
    '33000000' + // bytes of targets and payload
      '01020000' + // kind, number of targets
      '06020000' + // stamp
      '591e41d3' + // check
      '07000000000000000c00000000000000' +
      'feffffff000000000300000000010000' +
      Buffer.from(PAYLOAD).toString('hex'),
  )
})

test('a record is read back with its targets and where its payload lies', () => {
  const { memory, end } = writeRecord()
  const record = new ScannedRecord(memory)
  assert.ok(record.load(8, end, POSITION))
  assert.equal(record.kind, 1)
  assert.equal(record.position, POSITION)
  for (const [i, { id, sequence }] of TARGETS.entries()) {
    assert.equal(record.targetId(i), id)
    assert.equal(record.targetSequence(i), sequence)
  }
  const payload = record.buffer.toString('utf8', record.offset, record.offset + record.length)
  assert.equal(payload, PAYLOAD)
  assert.equal(record.bytes, (HEADED_BYTES + PAYLOAD.length + 7) & ~7)
})

test('a record is no record at any other position, nor where its bytes end too early', () => {
  const { memory, end } = writeRecord()
  const record = new ScannedRecord(memory)
  for (const other of [POSITION - 8, POSITION + 8, POSITION + 65_536]) {
    assert.ok(!record.load(8, end, other))
  }
  for (let early = 8; early < end; early++) assert.ok(!record.load(8, early, POSITION))
})

test('no bit of the header, nor of an id or a number among the targets, can turn over unnoticed', () => {
  const { memory, bytes } = writeRecord()
  const record = new ScannedRecord(memory)
  for (let byte = 8; byte < 8 + HEADED_BYTES; byte++) {
    // The second word of a target is 0 and says nothing.
    const inTarget = (byte - 8 - RECORD_HEADER_BYTES) % TARGET_BYTES
    if (byte >= 8 + RECORD_HEADER_BYTES && inTarget >= 4 && inTarget < 8) continue
    for (let bit = 0; bit < 8; bit++) {
      const before = bytes[byte] as number
      bytes[byte] = before ^ (1 << bit)
      assert.ok(!record.load(8, memory.byteLength, POSITION), `bit ${bit} of byte ${byte - 8}`)
      bytes[byte] = before
    }
  }
})

test('stamps of places that share memory differ, and come again after 32 GiB', () => {
  const slotBytes = 65_536
  const stamps = new Set<number>()
  for (let lap = 0; lap < 1000; lap++) stamps.add(stampOf(4096 + lap * slotBytes))
  assert.equal(stamps.size, 1000)
  assert.equal(stampOf(2 ** 35 + 8), stampOf(8))
})
