import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '../storage/disk.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { words } from './faulty-disk/operation.ts'
import type { DiskOperation, Fault, OperationKind } from './faulty-disk/operation.ts'
import type { CrashPolicy } from './faulty-disk/power-cut.ts'

const policies: readonly CrashPolicy[] = ['none', 'all', 'prefix', 'subset']

test('what is written is read, in pieces, up to where the file ends', async () => {
  const disk = new FaultyDisk()
  await disk.write('a', 3, [text('one'), text(''), text('two')])
  assert.deepEqual(disk.contentOf('a'), Buffer.from('\0\0\0onetwo'))
  const target = Buffer.alloc(12, '.')
  const pieces = [
    { at: 3, bytes: 2 },
    { at: 0, bytes: 4 },
    { at: 7, bytes: 6 },
  ]
  assert.equal(await disk.read('a', pieces, target), 8)
  assert.equal(target.toString(), 'on\0\0\0owo....')
})

test('a file that is cut off and grows again shows zeros', async () => {
  const disk = new FaultyDisk()
  await disk.write('a', 0, [text('abcdef')])
  await disk.truncate('a', 2)
  await disk.truncate('a', 4)
  assert.deepEqual(disk.contentOf('a'), Buffer.from('ab\0\0'))
})

test('folders are listed by name, with what is in them and not below', async () => {
  const disk = new FaultyDisk()
  await disk.makeFolder('b')
  await disk.makeFolder('b')
  await disk.makeFolder('b/c')
  await disk.write('b/x', 0, [text('12')])
  await disk.write('a', 0, [])
  assert.deepEqual(await disk.list(''), [
    { name: 'a', bytes: 0, isFolder: false },
    { name: 'b', bytes: 0, isFolder: true },
  ])
  assert.deepEqual(await disk.list('b'), [
    { name: 'c', bytes: 0, isFolder: true },
    { name: 'x', bytes: 2, isFolder: false },
  ])
  assert.deepEqual(await disk.list('nowhere'), [])
  assert.deepEqual(disk.files(), ['a', 'b/x'])
})

test('a rename replaces, across folders too, and takes a folder with what is in it', async () => {
  const disk = new FaultyDisk()
  await disk.makeFolder('f')
  await disk.write('f/a', 0, [text('new')])
  await disk.write('b', 0, [text('old')])
  await disk.rename('f/a', 'b')
  assert.deepEqual(disk.files(), ['b'])
  assert.equal(disk.contentOf('b').toString(), 'new')
  await disk.rename('b', 'f/b')
  await disk.rename('f', 'g')
  assert.deepEqual(disk.files(), ['g/b'])
})

test('what is not there is an error where the interface does not say otherwise', async () => {
  const disk = new FaultyDisk()
  await disk.write('file', 0, [])
  await disk.makeFolder('folder')
  await disk.write('folder/file', 0, [])
  await disk.remove('nothing')
  await disk.removeFolder('nothing')
  await fails(disk.sync('nothing'), 'ENOENT', 'sync')
  await fails(disk.read('nothing', [], new Uint8Array(0)), 'ENOENT', 'read')
  await fails(disk.truncate('nothing', 0), 'ENOENT', 'truncate')
  await fails(disk.rename('nothing', 'a'), 'ENOENT', 'rename')
  await fails(disk.rename('file', 'nothing/a'), 'ENOENT', 'rename')
  await fails(disk.write('nothing/a', 0, []), 'ENOENT', 'write')
  await fails(disk.makeFolder('nothing/a'), 'ENOENT', 'make folder')
  await fails(disk.syncFolder('nothing'), 'ENOENT', 'sync folder')
  await fails(disk.removeFolder('folder'), 'ENOTEMPTY', 'remove folder')
  await fails(disk.makeFolder('file'), 'EEXIST', 'make folder')
  await fails(disk.remove('folder'), 'EISDIR', 'remove')
  await fails(disk.write('folder', 0, []), 'EISDIR', 'write')
  await fails(disk.rename('file', 'folder'), 'EISDIR', 'rename')
  await assert.rejects(disk.write('../a', 0, []), /is not a name/)
})

test('nothing is carried out within the call, and everything in the order of the calls', async () => {
  const disk = new FaultyDisk()
  const done: string[] = []
  const all = [
    disk.write('a', 0, [text('1')]).then(() => done.push('write')),
    disk.sync('a').then(() => done.push('sync')),
    disk.remove('a').then(() => done.push('remove')),
  ]
  assert.equal(disk.operations, 0)
  await Promise.all(all)
  assert.deepEqual(done, ['write', 'sync', 'remove'])
  assert.equal(disk.operations, 3)
})

test('a paused disk does one operation a step, and says which is next', async () => {
  const disk = new FaultyDisk()
  disk.pause()
  const written = disk.write('a', 0, [text('1')])
  const synced = disk.sync('a')
  await turnOfTheLoop()
  assert.equal(disk.operations, 0)
  const next = { kind: 'write', lane: 'files', file: 'a', to: null, at: 0, bytes: 1 }
  assert.deepEqual(disk.next('files'), { ...next, isCreating: true, index: 0 })
  assert.equal(disk.step(), true)
  await written
  assert.equal(disk.next('files')?.kind, 'sync')
  assert.equal(disk.stepAll(), 1)
  assert.equal(disk.step(), false)
  await synced
  const later = disk.write('a', 0, [text('2')])
  disk.resume()
  await later
})

test('settle carries out what is asked for in answer to what was carried out', async () => {
  const disk = new FaultyDisk()
  disk.pause()
  let isDone = false
  const run = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await disk.write('a', i, [text('x')])
    isDone = true
  }
  const running = run()
  await disk.settle()
  assert.equal(isDone, true)
  await running
})

test('a slow operation holds what comes after it until it is released', async () => {
  const disk = new FaultyDisk()
  disk.inject(({ kind }) => (kind === 'sync' ? 'hold' : null))
  await disk.write('a', 0, [text('1')])
  let isSynced = false
  const synced = disk.sync('a').then(() => (isSynced = true))
  const later = disk.write('a', 1, [text('2')])
  await turnOfTheLoop()
  assert.equal(isSynced, false)
  assert.equal(disk.operations, 1)
  assert.deepEqual(disk.crashAt(0, { policy: 'none', seed: 1 }).files(), [])
  disk.release()
  await synced
  await later
  assert.equal(disk.operations, 3)
})

test('a disk that is closed has done what it was asked for, and takes no more', async () => {
  const disk = new FaultyDisk()
  let isSynced = false
  const written = disk.write('a', 0, [text('1')])
  const synced = disk.sync('a').then(() => (isSynced = true))
  await disk.close()
  await Promise.all([written, synced])
  assert.equal(isSynced, true)
  await assert.rejects(disk.sync('a'), /is closed/)
  await disk.close()
  assert.deepEqual(disk.kill().files(), ['a'])
})

test('a disk that is halted carries nothing out any more', async () => {
  const disk = new FaultyDisk()
  const unanswered = disk.write('a', 0, [text('1')]).then(() => assert.fail('it was answered'))
  disk.halt()
  void unanswered
  void disk.sync('a').then(() => assert.fail('it was answered'))
  await turnOfTheLoop()
  assert.equal(disk.operations, 0)
})

test('each operation fails as the hook says, and has then done nothing', async () => {
  const calls: { readonly [kind in OperationKind]: (disk: FaultyDisk) => Promise<unknown> } = {
    write: (disk) => disk.write('a', 0, [text('new')]),
    sync: (disk) => disk.sync('a'),
    read: (disk) => disk.read('a', [{ at: 0, bytes: 1 }], new Uint8Array(1)),
    truncate: (disk) => disk.truncate('a', 1),
    rename: (disk) => disk.rename('a', 'b'),
    remove: (disk) => disk.remove('a'),
    makeFolder: (disk) => disk.makeFolder('folder'),
    removeFolder: (disk) => disk.removeFolder('empty'),
    syncFolder: (disk) => disk.syncFolder(''),
    list: (disk) => disk.list(''),
    freeBytes: (disk) => disk.freeBytes(),
  }
  for (const [kind, call] of Object.entries(calls)) {
    for (const code of ['EIO', 'ENOSPC', 'EMFILE', 'EROFS', 'EBUSY', 'EACCES'] as const) {
      const disk = new FaultyDisk()
      disk.place('a', text('old'))
      await disk.makeFolder('empty')
      const asked: DiskOperation[] = []
      disk.inject((operation) => {
        asked.push(operation)
        return code
      })
      await fails(call(disk), code, words[kind as OperationKind])
      assert.deepEqual(
        asked.map((each) => each.kind),
        [kind],
      )
      assert.equal(disk.contentOf('a').toString(), 'old')
      assert.deepEqual(disk.files(), ['a'])
      disk.inject(null)
      await call(disk)
      assert.equal(await names(disk), await names(disk.crashAt(disk.operations - 1, all)))
    }
  }
})

test('of a short write some bytes arrive before the error', async () => {
  const disk = new FaultyDisk()
  disk.inject(() => ({ short: 2, then: 'ENOSPC' }))
  await fails(disk.write('a', 1, [text('abc'), text('def')]), 'ENOSPC', 'write')
  assert.equal(disk.contentOf('a').toString(), '\0ab')
})

test('a write that is refused leaves an empty new file, unless the file could not be opened', async () => {
  for (const [code, files] of [
    ['ENOSPC', ['a']],
    ['EIO', ['a']],
    ['EMFILE', []],
    ['EROFS', []],
  ] as const) {
    const disk = new FaultyDisk()
    disk.inject(() => code)
    await fails(disk.write('a', 0, [text('abc')]), code, 'write')
    assert.deepEqual(disk.files(), files)
  }
})

test('beyond its capacity the disk is full, and what is written over takes no room', async () => {
  const disk = new FaultyDisk()
  disk.capacity = 10
  await disk.write('a', 0, [text('12345')])
  await fails(disk.write('b', 0, [text('123456')]), 'ENOSPC', 'write')
  assert.equal(disk.contentOf('b').toString(), '12345')
  assert.equal(await disk.freeBytes(), 0)
  await disk.write('b', 0, [text('54321')])
  await disk.remove('a')
  assert.equal(await disk.freeBytes(), 5)
  disk.free = 3
  assert.equal(await disk.freeBytes(), 3)
  disk.capacity = Infinity
  await disk.write('b', 5, [text('1234567890')])
})

/** A file of two synced pages of which something is written over, and a sync that fails once. */
async function failedSync(pages: 'stale' | 'dropped' | 'kept'): Promise<FaultyDisk> {
  const disk = new FaultyDisk()
  disk.place('a', Buffer.alloc(8192, 'o'))
  await disk.write('a', 4000, [Buffer.alloc(200, 'n')])
  await disk.write('a', 8192, [Buffer.alloc(100, 'n')])
  const fault: Fault = { code: 'EIO', pages }
  disk.inject(({ kind }) => (kind === 'sync' ? fault : null))
  await fails(disk.sync('a'), 'EIO', 'sync')
  disk.inject(null)
  return disk
}

test('after a failed sync stale pages are seen, and no later sync writes them', async () => {
  const disk = await failedSync('stale')
  assert.equal(disk.contentOf('a').subarray(4000, 4200).toString(), 'n'.repeat(200))
  await disk.sync('a')
  const after = disk.crashAt(disk.operations - 1, all).contentOf('a')
  assert.equal(after.length, 8292, 'the size is on the disk')
  assert.ok(after.subarray(0, 8192).equals(Buffer.alloc(8192, 'o')), 'the data are not')
  assert.ok(after.subarray(8192).equals(Buffer.alloc(100)), 'nor are these')
  assert.equal(disk.kill().contentOf('a').subarray(4000, 4200).toString(), 'n'.repeat(200))
})

test('after a failed sync a write into a stale page brings all of the page back', async () => {
  const disk = await failedSync('stale')
  await disk.write('a', 4095, [text('x')])
  await disk.sync('a')
  const after = disk.crashAt(disk.operations - 1, none).contentOf('a')
  assert.equal(after.subarray(3999, 4097).toString(), `o${'n'.repeat(95)}xo`)
})

test('a stale page is one for the next process, too', async () => {
  const disk = (await failedSync('stale')).kill()
  await disk.write('a', 4095, [text('x')])
  await disk.sync('a')
  const after = disk.crashAt(disk.operations - 1, none).contentOf('a')
  assert.equal(after.subarray(3999, 4097).toString(), `o${'n'.repeat(95)}xo`)
})

test('after a failed sync dropped pages are as they are on the disk', async () => {
  const disk = await failedSync('dropped')
  assert.ok(disk.contentOf('a').equals(Buffer.alloc(8192, 'o')))
  await disk.sync('a')
  assert.ok(
    disk
      .crashAt(disk.operations - 1, all)
      .contentOf('a')
      .equals(Buffer.alloc(8192, 'o')),
  )
})

test('after a failed sync kept pages are written by the next one', async () => {
  const disk = await failedSync('kept')
  await disk.sync('a')
  assert.ok(
    disk
      .crashAt(disk.operations - 1, none)
      .contentOf('a')
      .equals(disk.contentOf('a')),
    'all of it is safe',
  )
  assert.equal(disk.contentOf('a').length, 8292)
})

test('an ignored sync reports success, does nothing and is counted', async () => {
  const disk = new FaultyDisk()
  disk.ignore(({ kind, file }) => kind === 'sync' && file === 'b')
  for (const file of ['a', 'b']) {
    await disk.write(file, 0, [text('1')])
    await disk.sync(file)
  }
  await disk.syncFolder('')
  assert.equal(disk.ignored, 1)
  const after = disk.crashAt(disk.operations - 1, none)
  assert.equal(after.contentOf('a').toString(), '1')
  assert.equal(after.contentOf('b').toString(), '')
  assert.equal(disk.operations, 5)
})

test('kill leaves all that was carried out, but what was not synced is still not safe', async () => {
  const disk = new FaultyDisk()
  await disk.makeFolder('folder')
  await disk.write('folder/a', 0, [text('1')])
  await disk.write('b', 0, [text('2')])
  await disk.sync('b')
  disk.pause()
  void disk.write('c', 0, [text('3')])
  const next = disk.kill()
  assert.deepEqual(next.files(), ['b', 'folder/a'])
  assert.equal(next.contentOf('folder/a').toString(), '1')
  assert.equal(next.operations, 0)
  assert.deepEqual(next.crashAt(-1, none).files(), [])
  await next.syncFolder('')
  assert.deepEqual(next.crashAt(0, none).files(), ['b'])
  assert.equal(next.crashAt(0, none).contentOf('b').toString(), '2', 'synced before the kill')
  assert.deepEqual(disk.kill(1).files(), ['folder/a'], 'at any moment of the run')
  await disk.settle()
  assert.deepEqual(next.files(), ['b', 'folder/a'], 'the two have nothing in common')
})

test('damage is seen by readers and stays after every crash', async () => {
  const disk = new FaultyDisk()
  disk.place('folder/a', Buffer.alloc(2000, 1))
  const clean = disk.kill()
  disk.flipBit('folder/a', 5, 7)
  disk.zeroSector('folder/a', 600)
  disk.corrupt('folder/a', 1998, Uint8Array.of(8, 9))
  const expected = Buffer.alloc(2000, 1)
  expected[5] = 129
  expected.fill(0, 512, 1024)
  expected.set([8, 9], 1998)
  assert.deepEqual(disk.contentOf('folder/a'), expected)
  for (const policy of policies) {
    const after = disk.crashAt(disk.operations - 1, { policy, seed: 1 })
    assert.deepEqual(after.contentOf('folder/a'), expected)
  }
  assert.deepEqual(clean.contentOf('folder/a'), Buffer.alloc(2000, 1))
  assert.throws(() => disk.corrupt('folder/a', 1999, Uint8Array.of(1, 2)), RangeError)
})

test('what is placed is safe', () => {
  const disk = new FaultyDisk()
  disk.place('a/b/c', text('1234'))
  disk.place('a/b/c', text('12'))
  const after = disk.crashAt(disk.operations - 1, none)
  assert.equal(after.contentOf('a/b/c').toString(), '12')
})

const none = { policy: 'none', seed: 1 } as const
const all = { policy: 'all', seed: 1 } as const

function text(value: string): Buffer {
  return Buffer.from(value)
}

async function fails(promise: Promise<unknown>, code: string, operation: string): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof DiskError, String(error))
    assert.deepEqual({ code: error.code, operation: error.operation }, { code, operation })
    return true
  })
}

async function names(disk: FaultyDisk): Promise<string> {
  return JSON.stringify([disk.files(), await disk.list('')])
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
