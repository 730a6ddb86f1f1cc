import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeSystemFiles, systemError } from '../../testing/fake-system-files.ts'
import { OpenFiles } from './open-files.ts'

function openFiles(openMax: number): { files: FakeSystemFiles; open: OpenFiles } {
  const files = new FakeSystemFiles()
  for (const name of ['a', 'b', 'c', 'd']) files.contents.set(`/data/${name}`, new Uint8Array(1))
  return { files, open: new OpenFiles({ files, directory: '/data', openMax }) }
}

test('a file stays open', () => {
  const { files, open } = openFiles(2)
  const descriptor = open.forReading('a')
  assert.equal(open.forReading('a'), descriptor)
  assert.deepEqual(files.calls, ['open /data/a to read'])
})

test('the file that was used longest ago is closed when there are too many', () => {
  const { files, open } = openFiles(2)
  open.forReading('a')
  open.forReading('b')
  open.forReading('a')
  open.forReading('c')
  assert.deepEqual(files.openPaths, ['/data/a', '/data/c'])
  assert.equal(open.size, 2)
})

test('a file that was read is opened anew for writing', () => {
  const { files, open } = openFiles(2)
  open.forReading('a')
  const descriptor = open.forWriting('a', 'create')
  assert.equal(open.forReading('a'), descriptor)
  assert.deepEqual(files.openPaths, ['/data/a'])
})

test('a file with unsynced writes is synced before it is closed', () => {
  const { files, open } = openFiles(1)
  open.forWriting('a', 'create')
  open.forReading('b')
  assert.deepEqual(files.calls, [
    'open /data/a to create',
    'sync /data/a',
    'close /data/a',
    'open /data/b to read',
  ])
})

test('a file that need not be synced is closed before one that has to be', () => {
  const { files, open } = openFiles(2)
  open.forWriting('a', 'create')
  open.forReading('b')
  open.forReading('c')
  assert.deepEqual(files.openPaths, ['/data/a', '/data/c'])
  open.sync('a')
  open.forReading('d')
  assert.equal(files.calls.filter((call) => call.startsWith('sync')).length, 1)
})

test('a sync that failed when a file had to be closed is told to the next who asks for one', () => {
  const { files, open } = openFiles(1)
  open.forWriting('a', 'create')
  files.refuse = (call) => (call === 'sync /data/a' ? 'EIO' : null)
  open.forReading('b')
  files.refuse = () => null
  assert.throws(() => open.sync('a'), { code: 'EIO' })
  // And to all after that: what was lost does not come back.
  assert.throws(() => open.sync('a'), { code: 'EIO' })
  open.sync('b')
})

test('a sync that failed is not made good by another one', () => {
  const { files, open } = openFiles(2)
  open.forWriting('a', 'create')
  files.refuse = (call) => (call === 'sync /data/a' ? 'EIO' : null)
  assert.throws(() => open.sync('a'), { code: 'EIO' })
  files.refuse = () => null
  assert.throws(() => open.sync('a'), { code: 'EIO' })
})

test('a failed sync is forgotten with its file, and follows it to another name', () => {
  const { files, open } = openFiles(4)
  for (const name of ['a', 'b']) open.forWriting(name, 'create')
  files.refuse = (call) => (call.startsWith('sync') ? 'EIO' : null)
  for (const name of ['a', 'b']) assert.throws(() => open.sync(name), { code: 'EIO' })
  files.refuse = () => null
  open.removed('a')
  open.forWriting('a', 'create')
  open.sync('a')
  files.rename('/data/b', '/data/c')
  open.renamed('b', 'c')
  assert.throws(() => open.sync('c'), { code: 'EIO' })
  files.rename('/data/a', '/data/c')
  open.renamed('a', 'c')
  open.sync('c')
})

test('a renamed file stays open, and what was at its new name is closed', () => {
  const { files, open } = openFiles(4)
  const descriptor = open.forWriting('a', 'create')
  open.forWriting('b', 'create')
  files.rename('/data/a', '/data/b')
  open.renamed('a', 'b')
  assert.equal(open.forWriting('b', 'write'), descriptor)
  assert.equal(open.size, 1)
  assert.deepEqual(files.openPaths, ['/data/b'])
})

test('files of a renamed folder are found under their new names', () => {
  const { files, open } = openFiles(4)
  files.folders.add('/data/f')
  const descriptor = open.forWriting('f/x', 'create')
  const other = open.forWriting('fg', 'create')
  open.renamed('f', 'g')
  assert.equal(open.forWriting('g/x', 'write'), descriptor)
  assert.equal(open.forWriting('fg', 'write'), other)
})

test('when the process has no descriptors left, files are closed until it has', () => {
  const { files, open } = openFiles(4)
  for (const name of ['a', 'b', 'c']) open.forReading(name)
  files.refuse = (call) => (call.startsWith('open') && files.openPaths.length > 1 ? 'EMFILE' : null)
  open.forReading('d')
  assert.deepEqual(files.openPaths, ['/data/c', '/data/d'])
})

test('with no file to close, the lack of descriptors is an error', () => {
  const { files, open } = openFiles(4)
  files.refuse = () => 'EMFILE'
  assert.throws(() => open.forReading('a'), { code: 'EMFILE' })
})

test('at the end all is synced and closed, and the first failure told', () => {
  const { files, open } = openFiles(4)
  for (const name of ['a', 'b', 'c']) open.forWriting(name, 'create')
  files.refuse = (call) => (call === 'sync /data/b' ? 'EIO' : null)
  assert.throws(() => open.close(), systemError('EIO'))
  assert.ok(files.calls.includes('sync /data/c'))
  assert.deepEqual(files.openPaths, [])
})
