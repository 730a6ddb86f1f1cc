import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultyDisk } from '../testing/faulty-disk.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { checksum } from './disk/checksum.ts'
import {
  FORMAT_VERSION,
  readSnapshot,
  SNAPSHOT_FILE,
  SnapshotWriter,
  StoreVersionError,
  type SnapshotEntry,
  type SnapshotHead,
} from './snapshot.ts'
import { StoreDamage } from './store-damage.ts'

const head: SnapshotHead = {
  store: 0x1122_3344_5566,
  replayFrom: 3 * 65_536,
  nextKeepFile: 5,
  isClean: false,
  shape: { slotBytes: 65_536, slots: 8 },
}

const entries: readonly SnapshotEntry[] = [
  { kind: 1, payload: Buffer.from('a list of declarations') },
  { kind: 2, payload: Buffer.alloc(0) },
  { kind: 2, payload: Buffer.from('12345678') },
]

async function write(
  disk: FaultyDisk,
  what: { readonly head?: SnapshotHead; readonly entries?: readonly SnapshotEntry[] } = {},
): Promise<void> {
  const writer = new SnapshotWriter(disk, checksum, what.head ?? head)
  for (const entry of what.entries ?? entries) await writer.add(entry)
  await writer.finish()
}

interface Read extends SnapshotHead {
  readonly entries: readonly { readonly kind: number; readonly payload: Buffer }[]
}

async function read(disk: FaultyDisk): Promise<Read | null> {
  const snapshot = await readSnapshot(disk, checksum)
  if (snapshot === null) return null
  const { store, replayFrom, nextKeepFile, isClean, shape } = snapshot
  const list = [...snapshot.entries()].map(({ kind, payload }) => ({
    kind,
    payload: Buffer.from(payload),
  }))
  return { store, replayFrom, nextKeepFile, isClean, shape, entries: list }
}

test('where no snapshot was ever written there is none', async () => {
  assert.equal(await read(new FaultyDisk()), null)
})

test('a snapshot is read back as it was written, entry by entry', async () => {
  const disk = new FaultyDisk()
  await write(disk)
  assert.deepEqual(await read(disk), { ...head, entries })
})

test('whether the broker was stopped in peace is part of it', async () => {
  const disk = new FaultyDisk()
  await write(disk, { head: { ...head, isClean: true } })
  assert.equal((await read(disk))?.isClean, true)
})

test('a snapshot without entries is one, too', async () => {
  const disk = new FaultyDisk()
  await write(disk, { entries: [] })
  assert.deepEqual((await read(disk))?.entries, [])
})

test('entries of every length, and more than one write takes, keep their bytes', async () => {
  const disk = new FaultyDisk()
  const random = new SeededRandom(5)
  const sizes = [0, 1, 7, 8, 9, 1_048_576 - 56, 1_048_576, 3_000_001, 5, 65_535, 2_097_152]
  const many = sizes.map((size, i) => ({ kind: i + 1, payload: random.bytes(size) }))
  await write(disk, { entries: many })
  assert.deepEqual((await read(disk))?.entries, many)
})

test('until a snapshot is finished the former one holds, through a power cut at any moment', async () => {
  const disk = new FaultyDisk()
  await write(disk, { head: { ...head, nextKeepFile: 1 } })
  const first = disk.operations
  await write(disk, { head: { ...head, nextKeepFile: 2 } })
  for (let index = first - 1; index < disk.operations; index++) {
    for (const policy of ['none', 'all', 'prefix', 'subset'] as const) {
      for (let seed = 0; seed < 8; seed++) {
        const found = await read(disk.crashAt(index, { policy, seed }))
        const isLast = index === disk.operations - 1
        assert.ok(found?.nextKeepFile === 2 || (!isLast && found?.nextKeepFile === 1))
        assert.deepEqual(found.entries, entries)
      }
    }
  }
})

test('an older and larger file that a stop has left unfinished does not show through', async () => {
  const disk = new FaultyDisk()
  disk.place('snapshot.tmp', new SeededRandom(1).bytes(100_000))
  await write(disk)
  assert.deepEqual(await read(disk), { ...head, entries })
  assert.ok(disk.contentOf(SNAPSHOT_FILE).length < 1000)
})

test('a snapshot that is cut off anywhere is damaged', async () => {
  const disk = new FaultyDisk()
  await write(disk)
  const bytes = disk.contentOf(SNAPSHOT_FILE)
  for (let length = 0; length < bytes.length; length++) {
    const cut = new FaultyDisk()
    cut.place(SNAPSHOT_FILE, bytes.subarray(0, length))
    await assert.rejects(read(cut), StoreDamage, `${length} of ${bytes.length} bytes`)
  }
})

test('a snapshot in which any bit has turned over is refused', async () => {
  const disk = new FaultyDisk()
  await write(disk)
  const { length } = disk.contentOf(SNAPSHOT_FILE)
  for (let byte = 0; byte < length; byte++) {
    for (let bit = 0; bit < 8; bit++) {
      disk.flipBit(SNAPSHOT_FILE, byte, bit)
      const outcome = await read(disk).then(
        () => 'read',
        (error: unknown) => error,
      )
      // A format with one more bit is a newer one, for all that can be told.
      const isRefused =
        outcome instanceof StoreDamage ||
        (outcome instanceof StoreVersionError && byte >= 4 && byte < 8)
      assert.ok(isRefused, `bit ${bit} of byte ${byte}: ${String(outcome)}`)
      disk.flipBit(SNAPSHOT_FILE, byte, bit)
    }
  }
  assert.deepEqual(await read(disk), { ...head, entries })
})

test('an entry whose length leads anywhere is damage, and nothing is looked for there', async () => {
  const disk = new FaultyDisk()
  await write(disk)
  const at = disk.contentOf(SNAPSHOT_FILE).indexOf('a list of declarations') - 8
  for (const length of [2 ** 32 - 1, 2 ** 32 - 8, 2 ** 32 - 16, 2 ** 31, 2 ** 31 - 8, 1_000_000]) {
    const word = Buffer.alloc(4)
    word.writeUInt32LE(length)
    disk.corrupt(SNAPSHOT_FILE, at, word)
    await assert.rejects(read(disk), StoreDamage, `length ${length}`)
  }
})

test('a snapshot that is not one is damaged, and says where', async () => {
  const disk = new FaultyDisk()
  disk.place(SNAPSHOT_FILE, Buffer.from('#!/bin/sh\n'.repeat(20)))
  await assert.rejects(read(disk), { name: 'StoreDamage', file: 'snapshot', at: 0 })
})

test('a newer format is refused by its number, whatever its bytes are', async () => {
  const disk = new FaultyDisk()
  await write(disk)
  const word = Buffer.alloc(4)
  word.writeUInt32LE(FORMAT_VERSION + 1)
  disk.corrupt(SNAPSHOT_FILE, 4, word)
  await assert.rejects(read(disk), (error) => {
    assert.ok(error instanceof StoreVersionError)
    assert.equal(error.version, FORMAT_VERSION + 1)
    assert.match(error.message, /format 2, this PolyMQ knows 1/)
    return true
  })
})

test('a disk that is full while a snapshot is written leaves the former one', async () => {
  const disk = new FaultyDisk()
  await write(disk)
  disk.capacity = disk.contentOf(SNAPSHOT_FILE).length + 100
  const large = [{ kind: 1, payload: Buffer.alloc(5000) }]
  await assert.rejects(write(disk, { entries: large }), { name: 'DiskError', code: 'ENOSPC' })
  assert.deepEqual((await read(disk))?.entries, entries)
})
