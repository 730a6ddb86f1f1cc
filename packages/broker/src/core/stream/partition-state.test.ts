import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decodePartition,
  encodeGone,
  encodePartition,
  type PartitionState,
} from './partition-state.ts'

const segment = {
  base: 100,
  bytes: 5000,
  nextOffset: 170,
  createdMs: 1_700_000_000_000,
  touchedMs: 1_700_000_000_500,
  firstMs: -1,
  newestMs: 1_699_999_999_999,
  newestOffset: 150,
  bytesSinceEntry: 700,
  indexEntries: 1,
  timeEntries: 2,
  lastEntryMs: 1_699_999_999_000,
  isClosed: true,
}

const full: PartitionState = {
  id: 2 ** 32 - 1,
  leaderEpoch: 3,
  logStart: 100,
  hasZstd: true,
  segments: {
    segments: [segment, { ...segment, base: 170, nextOffset: 2 ** 52, isClosed: false }],
    nextOffset: 2 ** 52,
  },
  producers: [
    { producerId: 2 ** 40, epoch: 7, batches: [] },
    {
      producerId: 5,
      epoch: 0,
      batches: [
        { baseSequence: 2 ** 31 - 1, recordCount: 1, baseOffset: 168 },
        { baseSequence: 0, recordCount: 4, baseOffset: 2 ** 51 },
      ],
    },
  ],
  damage: { file: 'journal/slot-03', at: 8192, reason: 'a batch that was confirmed is not whole' },
}

const empty: PartitionState = {
  id: 1,
  leaderEpoch: 0,
  logStart: 0,
  hasZstd: false,
  segments: { segments: [], nextOffset: 0 },
  producers: [],
  damage: null,
}

test('what is known of a partition comes back as it was', () => {
  for (const state of [full, empty]) {
    for (const isClean of [true, false]) {
      assert.deepEqual(decodePartition(encodePartition({ state, isClean })), { state, isClean })
    }
  }
  assert.deepEqual(decodePartition(encodeGone(17)), { goneId: 17 })
})

test('the bytes of a partition in a snapshot stay as they are', () => {
  const golden =
    '00000001' + // version
    '00000009' + // id
    '00000003' + // zstd, not stopped in peace
    '00000002' + // leader epoch
    '00000001' + // segments
    '00000001' + // producers
    '4024000000000000' + // log start 10
    '4034000000000000' + // next offset 20
    '00000000' + // no damage
    '00000000' +
    '4024000000000000' + // base 10
    '4059000000000000' + // bytes 100
    '4034000000000000' + // next offset 20
    '3ff0000000000000' + // created
    '4000000000000000' + // touched
    'bff0000000000000' + // first time: none
    '4008000000000000' + // newest time
    '4033000000000000' + // its offset 19
    '4010000000000000' + // bytes since the last entry
    '0000000000000000' + // index entries
    '0000000000000000' + // time index entries
    'bff0000000000000' + // time in the last entry: none
    '0000000000000000' + // open
    '4014000000000000' + // producer 5
    '00000006' + // epoch
    '00000001' + // batches
    '00000007' + // base sequence
    '00000008' + // records
    '4028000000000000' // base offset 12
  const { state, isClean } = decodePartition(Buffer.from(golden, 'hex')) as {
    state: PartitionState
    isClean: boolean
  }
  assert.deepEqual(state.segments.segments[0], {
    base: 10,
    bytes: 100,
    nextOffset: 20,
    createdMs: 1,
    touchedMs: 2,
    firstMs: -1,
    newestMs: 3,
    newestOffset: 19,
    bytesSinceEntry: 4,
    indexEntries: 0,
    timeEntries: 0,
    lastEntryMs: -1,
    isClosed: false,
  })
  assert.equal(encodePartition({ state, isClean }).toString('hex'), golden)
})

test('a version that nobody knows yet is refused', () => {
  const entry = encodeGone(1)
  entry[3] = 2
  assert.throws(() => decodePartition(entry), RangeError)
})
