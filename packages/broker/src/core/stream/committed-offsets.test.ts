import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommitOutcome, CommittedOffsets, type CommittedOffset } from './committed-offsets.ts'

const stream = { name: 's', deleted: false }
const place = { group: 'g', stream, partition: 0 }

function setUp(bytesMax: number = 100_000): CommittedOffsets {
  return new CommittedOffsets({ metadataBytesMax: 4096, bytesMax })
}

function commitOf(offset: number, metadata: string = ''): CommittedOffset {
  return { offset, leaderEpoch: 3, metadata, committedMs: 1000, retentionMs: null }
}

test('what was committed last is found as it was given, even if it went back', () => {
  const offsets = setUp()
  assert.equal(offsets.commit(place, commitOf(10, 'tenth')), CommitOutcome.stored)
  offsets.commit(place, commitOf(4, 'fourth'))
  assert.deepEqual(offsets.find(place), commitOf(4, 'fourth'))
})

test('groups and partitions do not see each other’s commits', () => {
  const offsets = setUp()
  offsets.commit(place, commitOf(1))
  assert.equal(offsets.find({ ...place, partition: 1 }), undefined)
  assert.equal(offsets.find({ ...place, group: 'h' }), undefined)
  assert.equal(offsets.find({ ...place, stream: { name: 't', deleted: false } }), undefined)
})

test('metadata may have 4096 bytes, not one more', () => {
  const offsets = setUp()
  const longest = 'é'.repeat(2048)
  assert.equal(offsets.commit(place, commitOf(1, longest)), CommitOutcome.stored)
  assert.equal(offsets.commit(place, commitOf(2, `${longest}x`)), CommitOutcome.metadataTooLarge)
  assert.equal(offsets.find(place)?.offset, 1)
})

test('a stream that was deleted takes its commits along, and a later one of its name has none', () => {
  const offsets = setUp()
  const old = { name: 's', deleted: false }
  offsets.commit({ ...place, stream: old }, commitOf(5))
  old.deleted = true
  assert.deepEqual(offsets.of('g'), [])
  assert.equal(offsets.find(place), undefined)
  offsets.commit({ ...place, partition: 1 }, commitOf(6))
  assert.deepEqual(offsets.of('g'), [{ stream, partitions: new Map([[1, commitOf(6)]]) }])
  offsets.removeGroup('g')
  assert.equal(offsets.bytes, 0)
})

test('when all room is taken old commits move on and new ones are refused', () => {
  const offsets = setUp(500)
  for (let partition = 0; partition < 3; partition++)
    offsets.commit({ ...place, partition }, commitOf(1))
  assert.equal(offsets.commit({ ...place, partition: 3 }, commitOf(1)), CommitOutcome.full)
  assert.equal(offsets.commit(place, commitOf(2)), CommitOutcome.stored)
  assert.equal(offsets.commit(place, commitOf(3, 'x'.repeat(100))), CommitOutcome.full)
  assert.equal(offsets.find(place)?.offset, 2)
})

test('those that expire go, and the group with the last of them', () => {
  const offsets = setUp()
  offsets.commit(place, commitOf(1))
  offsets.commit({ ...place, partition: 1 }, commitOf(2))
  offsets.expire('g', ({ offset }) => offset === 1)
  assert.equal(offsets.find(place), undefined)
  assert.equal(offsets.has('g'), true)
  offsets.expire('g', () => true)
  assert.equal(offsets.has('g'), false)
  assert.equal(offsets.bytes, 0)
  offsets.expire('nobody', () => true)
})
