import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reread } from '../../testing/declaring-broker.ts'
import type { Declaration, OffsetDeclaration, OffsetGone } from '../topology/declaration.ts'
import {
  CommitOutcome,
  CommittedOffsets,
  type CommitPlace,
  type CommittedOffset,
  type CommittedStream,
} from './committed-offsets.ts'

const stream = streamOf('s', 1)
const place: CommitPlace = { group: 'g', stream, partition: 0 }

function streamOf(
  name: string,
  id: number,
): { -readonly [K in keyof CommittedStream]: CommittedStream[K] } {
  return { name, id: Buffer.alloc(16, id), deleted: false }
}

/** Commits, the streams that restored ones are looked up in, and what was told. */
function setUp({
  bytesMax = 100_000,
  streams = [stream],
}: { bytesMax?: number; streams?: CommittedStream[] } = {}): {
  offsets: CommittedOffsets
  told: Declaration[][]
} {
  const told: Declaration[][] = []
  const offsets = new CommittedOffsets({
    vhost: '/',
    streams: { findById: (id) => streams.find((each) => each.id.equals(id)) },
    declarations: {
      durability: 'sync',
      declared: (declarations) => told.push(reread(declarations)),
    },
    metadataBytesMax: 4096,
    bytesMax,
  })
  return { offsets, told }
}

function commitOf(offset: number, metadata: string = ''): CommittedOffset {
  return { offset, leaderEpoch: 3, metadata, committedMs: 1000, retentionMs: null }
}

/** Commits one. */
function commit(
  offsets: CommittedOffsets,
  { group, ...rest }: CommitPlace,
  made: CommittedOffset,
): CommitOutcome | undefined {
  return offsets.commit(group, [{ ...rest, commit: made }])[0]
}

test('what was committed last is found as it was given, even if it went back', () => {
  const { offsets } = setUp()
  assert.equal(commit(offsets, place, commitOf(10, 'tenth')), CommitOutcome.stored)
  commit(offsets, place, commitOf(4, 'fourth'))
  assert.deepEqual(offsets.find(place), commitOf(4, 'fourth'))
})

test('groups and partitions do not see each other’s commits', () => {
  const { offsets } = setUp()
  commit(offsets, place, commitOf(1))
  assert.equal(offsets.find({ ...place, partition: 1 }), undefined)
  assert.equal(offsets.find({ ...place, group: 'h' }), undefined)
  assert.equal(offsets.find({ ...place, stream: streamOf('t', 2) }), undefined)
})

test('metadata may have 4096 bytes, not one more', () => {
  const { offsets } = setUp()
  const longest = 'é'.repeat(2048)
  assert.equal(commit(offsets, place, commitOf(1, longest)), CommitOutcome.stored)
  assert.equal(commit(offsets, place, commitOf(2, `${longest}x`)), CommitOutcome.metadataTooLarge)
  assert.equal(offsets.find(place)?.offset, 1)
})

test('a stream that was deleted takes its commits along, and a later one of its name has none', () => {
  const { offsets } = setUp()
  const old = streamOf('s', 9)
  commit(offsets, { ...place, stream: old }, commitOf(5))
  old.deleted = true
  assert.deepEqual(offsets.of('g'), [])
  assert.equal(offsets.find(place), undefined)
  commit(offsets, { ...place, partition: 1 }, commitOf(6))
  assert.deepEqual(offsets.of('g'), [{ stream, partitions: new Map([[1, commitOf(6)]]) }])
  offsets.removeGroup('g')
  assert.equal(offsets.bytes, 0)
})

test('when all room is taken old commits move on and new ones are refused', () => {
  const { offsets } = setUp({ bytesMax: 500 })
  for (let partition = 0; partition < 3; partition++)
    commit(offsets, { ...place, partition }, commitOf(1))
  assert.equal(commit(offsets, { ...place, partition: 3 }, commitOf(1)), CommitOutcome.full)
  assert.equal(commit(offsets, place, commitOf(2)), CommitOutcome.stored)
  assert.equal(commit(offsets, place, commitOf(3, 'x'.repeat(100))), CommitOutcome.full)
  assert.equal(offsets.find(place)?.offset, 2)
})

test('those that expire go, and the group with the last of them', () => {
  const { offsets } = setUp()
  commit(offsets, place, commitOf(1))
  commit(offsets, { ...place, partition: 1 }, commitOf(2))
  offsets.expire('g', ({ offset }) => offset === 1)
  assert.equal(offsets.find(place), undefined)
  assert.equal(offsets.has('g'), true)
  offsets.expire('g', () => true)
  assert.equal(offsets.has('g'), false)
  assert.equal(offsets.isEmpty, true)
  assert.equal(offsets.bytes, 0)
  offsets.expire('nobody', () => true)
})

const at: Omit<OffsetGone, 'kind'> = { vhost: '/', group: 'g', stream: stream.id, partition: 0 }

test('what a group commits together is told together, and what is refused is not', () => {
  const { offsets, told } = setUp()
  const outcomes = offsets.commit('g', [
    { stream, partition: 0, commit: commitOf(1) },
    { stream, partition: 1, commit: commitOf(2, 'x'.repeat(5000)) },
    { stream, partition: 2, commit: commitOf(3) },
  ])
  const { stored, metadataTooLarge } = CommitOutcome
  assert.deepEqual(outcomes, [stored, metadataTooLarge, stored])
  assert.deepEqual(told, [
    [
      { kind: 'offset', ...at, ...commitOf(1) },
      { kind: 'offset', ...at, partition: 2, ...commitOf(3) },
    ],
  ])
})

test('what expires is told; the last of a group as the group itself; those of a stream that is gone not at all', () => {
  const { offsets, told } = setUp()
  const deleted = streamOf('d', 2)
  commit(offsets, place, commitOf(1))
  commit(offsets, { ...place, partition: 1 }, commitOf(2))
  commit(offsets, { ...place, stream: deleted }, commitOf(1))
  commit(offsets, { ...place, group: 'h', stream: deleted }, commitOf(1))
  deleted.deleted = true
  told.length = 0
  offsets.expire('g', ({ offset }) => offset === 1)
  offsets.expire('h', () => false)
  offsets.expire('g', () => false)
  offsets.removeGroup('g')
  assert.deepEqual(told, [
    [{ kind: 'offset-gone', ...at }],
    [{ kind: 'group-gone', vhost: '/', group: 'g' }],
  ])
  assert.equal(offsets.bytes, 0)
})

test('commits that are due are dated anew, and that is told', () => {
  const { offsets, told } = setUp()
  commit(offsets, place, commitOf(1))
  commit(offsets, { ...place, partition: 1 }, commitOf(2))
  told.length = 0
  offsets.renew('g', 5000, ({ offset }) => offset === 1)
  const renewed = { ...commitOf(1), committedMs: 5000 }
  assert.deepEqual(offsets.find(place), renewed)
  assert.deepEqual(told, [[{ kind: 'offset', ...at, ...renewed }]])
  offsets.renew('g', 5000, () => false)
  assert.equal(told.length, 1)
})

test('what was told comes back, for the very stream', () => {
  const before = setUp()
  commit(before.offsets, place, commitOf(1))
  commit(before.offsets, place, commitOf(2, 'm'))
  commit(before.offsets, { ...place, group: 'h', partition: 7 }, commitOf(3))
  const { offsets, told } = setUp()
  for (const declaration of before.told.flat()) offsets.restore(declaration as OffsetDeclaration)
  assert.deepEqual(offsets.find(place), commitOf(2, 'm'))
  assert.deepEqual(offsets.find({ ...place, group: 'h', partition: 7 }), commitOf(3))
  assert.equal(offsets.bytes, before.offsets.bytes)
  assert.deepEqual(told, [], 'restoring tells nobody')
  const listed = [...offsets.declarations()]
  assert.deepEqual(listed, [before.told[1]?.[0], before.told[2]?.[0]])
  offsets.restore({ kind: 'offset-gone', ...at })
  offsets.restore({ kind: 'offset-gone', ...at })
  assert.deepEqual([...offsets.groups()], ['h'])
  offsets.restore({ kind: 'group-gone', vhost: '/', group: 'h' })
  offsets.restore({ kind: 'group-gone', vhost: '/', group: 'nobody' })
  assert.equal(offsets.bytes, 0)
})

test('a commit of a stream that is not there is left out', () => {
  const { offsets } = setUp({ streams: [streamOf('s', 2)] })
  offsets.restore({ kind: 'offset', ...at, ...commitOf(1) })
  assert.equal(offsets.isEmpty, true)
})
