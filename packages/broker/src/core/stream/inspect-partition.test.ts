import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newStoredBatch } from '../../testing/batches.ts'
import { FaultyDisk } from '../../testing/faulty-disk.ts'
import { newSegmentFiles } from '../../testing/segment-files.ts'
import { inspectPartition } from './inspect-partition.ts'
import type { PartitionState } from './partition-state.ts'

async function written(): Promise<{ disk: FaultyDisk; state: PartitionState }> {
  const disk = new FaultyDisk()
  await disk.makeFolder('streams')
  const { log } = newSegmentFiles(disk).open(1, { segmentBytes: 20_000, segmentMs: Infinity })
  for (let i = 0; i < 50; i++) {
    const batch = newStoredBatch(log.nextOffset, { bytes: 1000 })
    log.add(batch, 0, batch.length, 0)
  }
  await log.write()
  await log.sync()
  const rest = { leaderEpoch: 0, logStart: 0, hasZstd: false, producers: [], damage: null }
  return { disk, state: { id: 1, segments: log.state(), ...rest } }
}

function inspect(disk: FaultyDisk, state: PartitionState): ReturnType<typeof inspectPartition> {
  const files = newSegmentFiles(disk).open(1, { segmentBytes: 20_000, segmentMs: Infinity })
  return inspectPartition(files, state)
}

test('a sound partition is sound, also if its indexes are not, and nothing is changed', async () => {
  const { disk, state } = await written()
  assert.equal(await inspect(disk, state), null)
  await disk.remove('streams/1/00000000000000000000.index')
  const { operations } = disk
  assert.equal(await inspect(disk, state), null)
  assert.equal(disk.operations, operations)
})

test('what is missing or was changed is found wherever it is', async () => {
  for (let index = 0; index < 3; index++) {
    const { disk, state } = await written()
    const { base = 0, bytes = 0 } = state.segments.segments[index] ?? {}
    const file = `streams/1/${String(base).padStart(20, '0')}.log`
    disk.flipBit(file, bytes - 3, 2)
    const broken = await inspect(disk, state)
    assert.equal(broken?.file, file)
    assert.match(broken?.reason ?? '', /checksum/)
    await disk.truncate(file, bytes - 1)
    assert.equal((await inspect(disk, state))?.at, bytes - 1)
    await disk.remove(file)
    assert.match((await inspect(disk, state))?.reason ?? '', /not there/)
  }
})
