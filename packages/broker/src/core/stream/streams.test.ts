import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeclaringBroker } from '../../testing/declaring-broker.ts'
import { TestBroker } from '../../testing/test-broker.ts'
import type { Declaration, StreamDeclaration } from '../topology/declaration.ts'
import type { Stream, StreamOptions } from './stream.ts'
import type { Streams } from './streams.ts'

const settings: ReadonlyMap<string, string> = new Map([['retention.ms', '5']])

function optionsFor(
  streams: Streams,
  config: Partial<StreamOptions['config']> = {},
): StreamOptions {
  return { partitions: 2, config: { ...streams.defaultConfig, ...config }, settings }
}

function create(streams: Streams, name: string, config?: Partial<StreamOptions['config']>): Stream {
  return streams.create(name, optionsFor(streams, config))
}

test('a stream is told when it is created and when it is deleted', () => {
  const world = new DeclaringBroker({ durability: 'os' })
  const { streams } = world.vhost
  const stream = create(streams, 's', { retentionBytes: 7 })
  assert.equal(stream.config.durability, 'os')
  streams.delete(stream)
  streams.delete(stream)
  const { id, config } = stream
  const partitionIds = [1, 2]
  assert.deepEqual(world.lists, [
    [{ kind: 'stream', vhost: '/', name: 's', id, partitionIds, config, settings }],
    [{ kind: 'stream-gone', vhost: '/', name: 's', id }],
  ])
})

test('a stream that is restored is the same stream', () => {
  const before = new DeclaringBroker()
  const stream = create(before.vhost.streams, 's', { segmentBytes: 100 })
  const world = new DeclaringBroker()
  world.restore(before.snapshot())
  world.broker.definitions.finish()
  const { streams } = world.vhost
  const restored = streams.find('s')
  assert.ok(restored !== undefined)
  const { id, partitionIds, config } = stream
  assert.deepEqual(
    [restored.id, restored.partitionIds, restored.config],
    [id, partitionIds, config],
  )
  assert.deepEqual(restored.settings, settings)
  assert.equal(streams.findById(id), restored)
  assert.equal(streams.partitionCount, 2)
  assert.deepEqual(create(streams, 't').partitionIds, [3, 4])
  assert.deepEqual(world.lists.flat().length, 1)
})

test('of two lives of a stream the later one holds, and stays the object that it is', () => {
  const world = new DeclaringBroker()
  const lives = lifeOf(world)
  const [early, late] = [lives[0] as StreamDeclaration, lives[1] as StreamDeclaration]
  const restored = new DeclaringBroker({ seed: 2 })
  const { streams } = restored.vhost
  restored.restore([late])
  const stream = streams.find('s')
  restored.restore([early, { kind: 'stream-gone', vhost: '/', name: 's', id: early.id }])
  assert.equal(streams.find('s'), stream)
  assert.equal(stream?.deleted, false)
  restored.restore([late])
  assert.equal(streams.find('s'), stream)
  restored.restore([{ kind: 'stream-gone', vhost: '/', name: 's', id: late.id }])
  assert.equal(streams.find('s'), undefined)
  assert.equal(stream?.deleted, true)
  assert.equal(streams.partitionCount, 0)
})

/** The declarations of a stream that was deleted and created again. */
function lifeOf(world: DeclaringBroker): Declaration[] {
  const { streams } = world.vhost
  streams.delete(create(streams, 's'))
  create(streams, 's')
  return world
    .takeLists()
    .flat()
    .filter(({ kind }) => kind === 'stream')
}

test('a stream in memory alone is there again as another one, of which no group has read anything', () => {
  const before = new DeclaringBroker()
  const { streams, committedOffsets } = before.vhost
  const volatile = create(streams, 'volatile', { durability: 'memory' })
  const kept = create(streams, 'kept')
  const rest = { leaderEpoch: 0, metadata: '', committedMs: 0, retentionMs: null }
  const commits = [volatile, kept].map((stream) => {
    return { stream, partition: 0, commit: { offset: 5, ...rest } }
  })
  committedOffsets.commit('g', commits)
  const world = new DeclaringBroker({ seed: 2 })
  world.restore(before.snapshot())
  world.broker.definitions.finish()
  const again = world.vhost.streams.find('volatile')
  assert.ok(again !== undefined)
  assert.ok(!again.id.equals(volatile.id))
  assert.deepEqual(again.partitionIds, [5, 6])
  assert.deepEqual([again.config, again.settings], [volatile.config, settings])
  assert.equal(world.vhost.streams.partitionCount, 4)
  const read = world.vhost.committedOffsets.of('g').map(({ stream }) => stream.name)
  assert.deepEqual(read, ['kept'])
  const offsets = world.snapshot().filter(({ kind }) => kind === 'offset')
  assert.equal(offsets.length, 1)
  // The snapshot that follows has it; nobody need be told.
  assert.deepEqual(world.lists, [])
})

test('without a data directory streams are in memory, and nobody is promised more', () => {
  const { streams } = new TestBroker().vhost
  assert.equal(create(streams, 's').config.durability, 'memory')
  assert.throws(() => create(streams, 't', { durability: 'sync' }), {
    code: 'precondition-failed',
    message:
      "stream 't': durability 'sync' needs a data directory: start the broker with --data DIR",
  })
  assert.equal(streams.find('t'), undefined)
})
