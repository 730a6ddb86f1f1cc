import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultyDisk } from '../faulty-disk.ts'
import { SeededRandom } from '../seeded-random.ts'
import { crashStates } from './crash-states.ts'
import { DiskOracle } from './disk-oracle.ts'
import type { CrashPolicy } from './power-cut.ts'

const policies: readonly CrashPolicy[] = ['none', 'all', 'prefix', 'subset']

test('what was synced survives every power cut, and what was removed does not come back', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed)
    let disk = new FaultyDisk()
    const oracle = new DiskOracle(random)
    for (let step = 0; step < 120; step++) {
      await oracle.step(disk)
      if (random.chance(0.02)) disk = disk.kill()
      for (const policy of policies) {
        const choice = { policy, seed: random.integer(0, 2 ** 31) }
        const after = disk.crashAt(disk.operations - 1, choice)
        oracle.check(after, `seed ${seed}, step ${step}, ${JSON.stringify(choice)}`)
      }
    }
  }
})

test('a sync that is ignored is noticed, be it of a file or of a folder', async () => {
  for (const kind of ['sync', 'syncFolder'] as const) {
    let noticed = 0
    for (let seed = 1; seed <= 10; seed++) {
      const disk = new FaultyDisk()
      disk.ignore((operation) => operation.kind === kind)
      const oracle = new DiskOracle(new SeededRandom(seed))
      for (let step = 0; step < 120; step++) {
        await oracle.step(disk)
        const after = disk.crashAt(disk.operations - 1, { policy: 'none', seed })
        if (finds(() => oracle.check(after, 'as expected'))) noticed++
      }
    }
    assert.ok(noticed > 100, `${kind}: noticed ${noticed} times`)
  }
})

function finds(check: () => void): boolean {
  try {
    check()
    return false
  } catch (error) {
    assert.ok(error instanceof assert.AssertionError)
    return true
  }
}

test('after a power cut that leaves all there is all', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const oracle = new DiskOracle(new SeededRandom(seed))
    const disk = new FaultyDisk()
    for (let step = 0; step < 60; step++) {
      await oracle.step(disk)
      const after = disk.crashAt(disk.operations - 1, { policy: 'all', seed })
      assert.equal(contents(after), contents(disk), `seed ${seed}, step ${step}`)
    }
  }
})

test('a disk after a power cut has only what is safe, and goes on from there', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed)
    let disk = new FaultyDisk()
    for (let round = 0; round < 4; round++) {
      const oracle = await DiskOracle.of(disk, random)
      for (let step = 0; step < 30; step++) await oracle.step(disk)
      const choice = { policy: 'subset', seed: random.integer(0, 2 ** 31) } as const
      disk = disk.crashAt(random.integer(-1, disk.operations - 1), choice)
      const again = disk.crashAt(-1, { policy: random.pick(policies), seed })
      assert.equal(contents(again), contents(disk), `seed ${seed}, round ${round}`)
    }
  }
})

test('what a disk does after a power cut is lost by the next one until it is synced', async () => {
  const run = await overwritten('a')
  const disk = run.crashAt(run.operations - 1, { policy: 'none', seed: 1 })
  assert.deepEqual(disk.files(), ['a'])
  const before = contents(disk)
  await disk.write('a', 10, [Buffer.alloc(5000, 'n')])
  await disk.write('b', 0, [Buffer.from('b')])
  const policy = 'none'
  assert.equal(contents(disk.crashAt(1, { policy, seed: 1 })), before)
  for (const file of ['a', 'b']) await disk.sync(file)
  await disk.syncFolder('')
  assert.equal(contents(disk.crashAt(4, { policy, seed: 1 })), contents(disk))
})

test('a power cut in a recorded run is the one that there was at the time, in whatever order they are asked for', async () => {
  const random = new SeededRandom(7)
  const oracle = new DiskOracle(random)
  const disk = new FaultyDisk()
  const seen: { index: number; seed: number; policy: CrashPolicy; found: string }[] = []
  for (let step = 0; step < 700; step++) {
    await oracle.step(disk)
    const choice = { policy: random.pick(policies), seed: step }
    const index = disk.operations - 1
    seen.push({ index, ...choice, found: contents(disk.crashAt(index, choice)) })
  }
  for (let i = 0; i < 1500; i++) {
    const { index, found, ...choice } = random.pick(seen)
    assert.equal(contents(disk.crashAt(index, choice)), found, `index ${index}`)
  }
  assert.throws(() => disk.crashAt(disk.operations, { policy: 'all', seed: 1 }), RangeError)
})

/**
 * A file of four synced pages `o`, with two writes into it that were not synced: `1` and `2` each in a part of page 1 and
 * all of page 2, and `3` appended.
 */
async function overwritten(file: string): Promise<FaultyDisk> {
  const disk = new FaultyDisk()
  disk.place(file, Buffer.alloc(4 * 4096, 'o'))
  await disk.write(file, 4096 + 1000, [Buffer.alloc(7192, '1')])
  await disk.write(file, 4096 + 1100, [Buffer.alloc(5000, '2')])
  await disk.write(file, 4 * 4096, [Buffer.alloc(5000, '3')])
  return disk
}

test('a power cut does each kind of legal harm, and never another one', async () => {
  const disk = await overwritten('a')
  const seen = new Set<string>()
  for (let seed = 0; seed < 1500; seed++) {
    const after = disk.crashAt(disk.operations - 1, { policy: 'subset', seed }).contentOf('a')
    for (const kind of harmOf(after)) seen.add(kind)
  }
  assert.deepEqual([...seen].sort(), [
    'all of it',
    'data without their size',
    'late without early',
    'nothing of it',
    'out of order',
    'size between',
    'size without data',
    'torn within a sector',
    'torn: garbage',
    'torn: zeros',
  ])
})

/** What has become of the file of `overwritten`; fails at harm that no disk does. */
function harmOf(after: Buffer): string[] {
  const old = 4 * 4096
  const kinds: string[] = []
  const has = (letter: string, start: number, end: number): boolean =>
    after.subarray(start, end).includes(letter)
  const isAll = (letter: string, start: number, end: number): boolean =>
    after.subarray(start, end).equals(Buffer.alloc(end - start, letter))
  assert.ok(after.length === old || (after.length > old && after.length <= old + 5000))
  // The first sector that a write touches is [4096 + 512, …); in front of the write nothing is harmed.
  assert.ok(
    isAll('o', 0, 4096 + 1000),
    'sectors in front of the writes and what is synced in the first',
  )
  const isFirst = has('1', 0, old)
  const isSecond = has('2', 0, old)
  const isThird = has('3', old, after.length)
  if (!isFirst && !isSecond && after.length === old) kinds.push('nothing of it')
  if (isSecond && !isAll('1', 4096 + 1000, 4096 + 1100)) kinds.push('late without early')
  if (isThird && !isFirst && !isSecond) kinds.push('out of order')
  if (after.length === old + 5000 && isAll('3', old, old + 5000)) {
    if (isAll('2', 4096 + 1100, 4096 + 6100) && isAll('1', 4096 + 6100, 3 * 4096)) {
      kinds.push('all of it')
    }
  }
  if (after.length === old + 5000 && isAll('\0', old, after.length)) kinds.push('size without data')
  if (after.length === old && isFirst && isSecond) kinds.push('data without their size')
  if (after.length > old && after.length < old + 5000) kinds.push('size between')
  const torn = after
    .subarray(0, old)
    .findIndex((byte) => !'o12'.includes(String.fromCharCode(byte)))
  if (torn >= 0)
    kinds.push(after[torn] === 0 && after[torn + 1] === 0 ? 'torn: zeros' : 'torn: garbage')
  for (let at = 4096 + 1024; at < old; at += 512) {
    if (has('1', at, at + 512) && has('o', at, at + 512)) kinds.push('torn within a sector')
  }
  return kinds
}

test('a torn sector of the journal may lose what was safe in it, one of another file only what is behind', async () => {
  for (const [file, isHarmed] of [
    ['journal/slot-00', true],
    ['keep', false],
  ] as const) {
    const disk = await overwritten(file)
    let harmed = 0
    for (let seed = 0; seed < 1000; seed++) {
      const choice = { policy: 'subset', seed, sectorBytes: 512 } as const
      const after = disk.crashAt(disk.operations - 1, choice).contentOf(file)
      const isSafe = (start: number, end: number): boolean =>
        after.subarray(start, end).equals(Buffer.alloc(end - start, 'o'))
      assert.ok(isSafe(0, 4096 + 512), 'sectors that no write has touched')
      assert.ok(isSafe(3 * 4096, 4 * 4096), 'sectors that no write has touched')
      if (!isSafe(4096 + 512, 4096 + 1000)) harmed++
    }
    assert.equal(harmed > 0, isHarmed, file)
  }
})

test('what is written in order is lost in order when the power cut says so', async () => {
  const disk = new FaultyDisk()
  const files = ['a', 'b', 'c']
  for (let i = 0; i < 30; i++) await disk.write(files[i % 3] as string, i, [Buffer.alloc(1, 'x')])
  const counts = new Set<number>()
  for (let seed = 0; seed < 300; seed++) {
    const after = disk.crashAt(disk.operations - 1, { policy: 'prefix', seed })
    const found = after.files().map((file) => count(after.contentOf(file), 'x'))
    const total = found.reduce((sum, each) => sum + each, 0)
    const expected = [total + 2, total + 1, total].map((each) => Math.floor(each / 3))
    assert.deepEqual([...found, 0, 0, 0].slice(0, 3), expected)
    assert.ok(after.files().length <= total + 1, 'a file is not there before what came before it')
    counts.add(total)
  }
  assert.ok(counts.size > 20, `${counts.size} different ends`)
})

test('names of files and folders are lost, in part or all, until their folder is synced', async () => {
  const disk = new FaultyDisk()
  disk.place('old', Buffer.from('old'))
  disk.place('gone', Buffer.from('gone'))
  await disk.makeFolder('folder')
  await disk.write('folder/a', 0, [Buffer.from('a')])
  await disk.sync('folder/a')
  await disk.syncFolder('folder')
  await disk.write('tmp', 0, [Buffer.from('new')])
  await disk.sync('tmp')
  await disk.rename('tmp', 'old')
  await disk.remove('gone')
  const seen = new Set<string>()
  for (let seed = 0; seed < 500; seed++) {
    const after = disk.crashAt(disk.operations - 1, { policy: 'subset', seed })
    const old = after.contentOf('old').toString()
    assert.ok(old === 'old' || old === 'new', 'a rename leaves one or the other')
    assert.ok(old === 'old' || !after.files().includes('tmp'), 'a file has one name')
    for (const file of after.files()) {
      assert.equal(after.contentOf(file).toString(), expectedOf(file, old), 'data were synced')
    }
    seen.add(`${after.files().join(' ')} ${old}`)
  }
  const expected = []
  for (const folder of ['', 'folder/a ']) {
    for (const gone of ['', 'gone ']) {
      for (const rest of ['old old', 'old tmp old', 'old new']) {
        expected.push(`${folder}${gone}${rest}`)
      }
    }
  }
  assert.deepEqual([...seen].sort(), expected.sort())
  await disk.syncFolder('')
  for (let seed = 0; seed < 50; seed++) {
    const after = disk.crashAt(disk.operations - 1, { policy: 'subset', seed })
    assert.equal(contents(after), contents(disk))
  }
})

function expectedOf(file: string, old: string): string {
  if (file === 'old') return old
  return file === 'tmp' ? 'new' : file.slice(-4).replace('er/a', 'a').replace('/a', 'a')
}

test('the data of a renamed file may be lost although its new name is not', async () => {
  const disk = new FaultyDisk()
  disk.place('snapshot', Buffer.from('old'))
  await disk.write('snapshot.tmp', 0, [Buffer.alloc(6000, 'n')])
  await disk.rename('snapshot.tmp', 'snapshot')
  await disk.syncFolder('')
  const sizes = new Set<number>()
  let zeros = 0
  for (let seed = 0; seed < 200; seed++) {
    const after = disk.crashAt(disk.operations - 1, { policy: 'subset', seed })
    assert.deepEqual(after.files(), ['snapshot'])
    const content = after.contentOf('snapshot')
    sizes.add(content.length)
    if (content.length === 6000 && content.every((byte) => byte === 0)) zeros++
  }
  assert.ok(sizes.has(0) && sizes.has(6000) && zeros > 0)
})

test('a name is lost for good if the folder that it is in has lost its own', async () => {
  const disk = new FaultyDisk()
  await disk.makeFolder('a')
  await disk.makeFolder('a/b')
  await disk.write('a/b/c', 0, [Buffer.from('c')])
  await disk.sync('a/b/c')
  await disk.syncFolder('a/b')
  await disk.syncFolder('a')
  assert.deepEqual(disk.crashAt(disk.operations - 1, { policy: 'none', seed: 1 }).files(), [])
  await disk.syncFolder('')
  const after = disk.crashAt(disk.operations - 1, { policy: 'none', seed: 1 })
  assert.deepEqual(after.files(), ['a/b/c'])
})

test('a rename to another folder is safe, and whole, once one of the two is synced', async () => {
  for (const folder of ['from', 'to']) {
    const disk = new FaultyDisk()
    disk.place('from/a', Buffer.from('new'))
    disk.place('to/a', Buffer.from('old'))
    await disk.rename('from/a', 'to/a')
    const found = new Set<string>()
    for (let seed = 0; seed < 100; seed++) {
      const after = disk.crashAt(disk.operations - 1, { policy: 'subset', seed })
      found.add(`${after.files().join(' ')} ${after.contentOf('to/a').toString()}`)
    }
    assert.deepEqual([...found].sort(), ['from/a to/a old', 'to/a new'])
    await disk.syncFolder(folder)
    const after = disk.crashAt(disk.operations - 1, { policy: 'none', seed: 1 })
    assert.deepEqual(after.files(), ['to/a'])
    assert.equal(after.contentOf('to/a').toString(), 'new')
  }
})

test('what was cut off comes back whole or not at all, and never behind what was written later', async () => {
  const disk = new FaultyDisk()
  disk.place('a', Buffer.alloc(3 * 4096, 'o'))
  await disk.truncate('a', 1000)
  await disk.write('a', 1000, [Buffer.alloc(2 * 4096, 'n')])
  const seen = new Set<string>()
  for (let seed = 0; seed < 500; seed++) {
    const after = disk.crashAt(disk.operations - 1, { policy: 'subset', seed }).contentOf('a')
    assert.ok(after.subarray(0, 1000).equals(Buffer.alloc(1000, 'o')))
    // Garbage has an `o` now and then, but not so many.
    if (after.includes('oooo', 1000)) {
      assert.ok(after.equals(Buffer.alloc(3 * 4096, 'o')))
      seen.add('not cut off')
    } else {
      seen.add(after.includes('n') ? 'new' : 'cut off')
    }
  }
  assert.deepEqual([...seen].sort(), ['cut off', 'new', 'not cut off'])
})

test('crash states cover the run, are the same for the same seed and can be had again', async () => {
  const disk = await recordedRun({ rounds: 40, bytes: 4096 })
  const options = { count: 400, seed: 3 }
  const first = [...crashStates(disk, options)]
  const second = [...crashStates(disk, options)]
  assert.equal(first.length, 400)
  const indexes = new Set<number>()
  for (const [i, state] of first.entries()) {
    assert.equal(state.label, second[i]?.label)
    assert.equal(contents(state.disk), contents((second[i] as typeof state).disk))
    assert.equal(contents(state.disk), contents(disk.crashAt(state.index, state.choice)))
    indexes.add(state.index)
  }
  assert.ok(indexes.size > 200 || indexes.size > disk.operations * 0.8, `${indexes.size} places`)
  assert.equal(first.at(-1)?.label.includes('power cut after operation'), true)
  const only = [...crashStates(disk, { count: 20, seed: 1, policies: ['none'] })]
  assert.ok(only.every(({ choice }) => choice.policy === 'none'))
})

test('crash states of a run of 4 MiB are cheap', async (t) => {
  for (const isSynced of [true, false]) {
    const disk = await recordedRun({ rounds: 256, bytes: 16_384, isSynced })
    const start = performance.now()
    let files = 0
    const count = 3000
    for (const state of crashStates(disk, { count, seed: 1 })) files += state.disk.files().length
    const perSecond = Math.round((count / (performance.now() - start)) * 1000)
    t.diagnostic(
      `${isSynced ? 'synced' : 'unsynced'} run of ${disk.operations} operations, ` +
        `${Math.round(files / count)} files: ${perSecond} states/s`,
    )
    // A bound for the shape, not the machine: replaying from the start each time would be far below.
    assert.ok(perSecond > 50, `${perSecond} states/s`)
  }
})

/** A journal of slots, files beside it, and a snapshot that is replaced every now and then. */
async function recordedRun(options: {
  readonly rounds: number
  readonly bytes: number
  readonly isSynced?: boolean
}): Promise<FaultyDisk> {
  const { rounds, bytes, isSynced = true } = options
  const random = new SeededRandom(1)
  const disk = new FaultyDisk()
  for (const folder of ['journal', 'keep']) await disk.makeFolder(folder)
  if (isSynced) await disk.syncFolder('')
  for (let round = 0; round < rounds; round++) {
    const slot = `journal/slot-0${Math.floor(round / 8) % 8}`
    await disk.write(slot, (round % 8) * bytes, [random.bytes(bytes)])
    if (isSynced) await disk.sync(slot)
    if (round % 16 !== 15) continue
    const keep = `keep/${round}`
    await disk.write(keep, 0, [random.bytes(bytes), random.bytes(1000)])
    if (isSynced) await disk.sync(keep)
    if (isSynced) await disk.syncFolder('keep')
    await disk.write('snapshot.tmp', 0, [random.bytes(2000)])
    if (isSynced) await disk.sync('snapshot.tmp')
    await disk.rename('snapshot.tmp', 'snapshot')
    if (isSynced) await disk.syncFolder('')
    if (round > 32) await disk.remove(`keep/${round - 32}`)
  }
  return disk
}

function count(bytes: Buffer, letter: string): number {
  return bytes.filter((byte) => byte === letter.charCodeAt(0)).length
}

function contents(disk: FaultyDisk): string {
  return disk
    .files()
    .map((file) => `${file}: ${disk.contentOf(file).toString('latin1')}`)
    .join('\n')
}
