import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeSystemFiles } from '../../testing/fake-system-files.ts'
import { DiskError } from '../disk.ts'
import { FileOperations } from './file-operations.ts'

function operationsOn(files: FakeSystemFiles): FileOperations {
  return new FileOperations({ files, directory: '/data', openMax: 4 })
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text)
}

test('pieces are read one behind the other', () => {
  const files = new FakeSystemFiles()
  const operations = operationsOn(files)
  operations.run({ kind: 'write', file: 'a', at: 0, pieces: [bytesOf('abcdefghij')] })
  const target = Buffer.alloc(6, '-')
  const pieces = [
    { at: 7, bytes: 2 },
    { at: 1, bytes: 3 },
  ]
  assert.equal(operations.run({ kind: 'read', file: 'a', pieces, target }), 5)
  assert.equal(target.toString(), 'hibcd-')
  const own = operations.run({ kind: 'read', file: 'a', pieces, target: null })
  assert.equal(Buffer.from(own as Uint8Array).toString(), 'hibcd')
})

test('what is read ends at the first piece that the file does not have', () => {
  const files = new FakeSystemFiles()
  const operations = operationsOn(files)
  operations.run({ kind: 'write', file: 'a', at: 0, pieces: [bytesOf('abc')] })
  const pieces = [
    { at: 2, bytes: 5 },
    { at: 0, bytes: 3 },
  ]
  const own = operations.run({ kind: 'read', file: 'a', pieces, target: null })
  assert.equal(Buffer.from(own as Uint8Array).toString(), 'c')
})

test('a write creates the file, but not its folder', () => {
  const files = new FakeSystemFiles()
  const operations = operationsOn(files)
  operations.run({ kind: 'write', file: 'a', at: 3, pieces: [] })
  assert.ok(files.contents.has('/data/a'))
  assert.throws(
    () => operations.run({ kind: 'write', file: 'f/a', at: 0, pieces: [bytesOf('x')] }),
    (error) => {
      assert.ok(error instanceof DiskError)
      assert.deepEqual([error.code, error.operation, error.file], ['ENOENT', 'write', 'f/a'])
      return true
    },
  )
})

test('truncating and syncing a file that is not there, and reading it, are errors', () => {
  const operations = operationsOn(new FakeSystemFiles())
  const file = 'a'
  for (const operation of [
    { kind: 'truncate', file, bytes: 5 },
    { kind: 'sync', file },
    { kind: 'read', file, pieces: [], target: null },
    { kind: 'rename', file, to: 'b' },
    { kind: 'syncFolder', file: 'f' },
  ] as const) {
    assert.throws(() => operations.run(operation), {
      name: 'DiskError',
      code: 'ENOENT',
      file: operation.file,
    })
  }
})

test('removing what is not there and making what is are no errors', () => {
  const files = new FakeSystemFiles()
  const operations = operationsOn(files)
  operations.run({ kind: 'remove', file: 'a' })
  operations.run({ kind: 'removeFolder', file: 'f' })
  operations.run({ kind: 'makeFolder', file: 'f' })
  operations.run({ kind: 'makeFolder', file: 'f' })
  assert.deepEqual(operations.run({ kind: 'list', file: 'f' }), [])
  assert.deepEqual(operations.run({ kind: 'list', file: 'g' }), [])
})

test('a folder lists its files and folders by name', () => {
  const files = new FakeSystemFiles()
  const operations = operationsOn(files)
  operations.run({ kind: 'write', file: 'b', at: 0, pieces: [bytesOf('xyz')] })
  operations.run({ kind: 'write', file: 'a', at: 0, pieces: [] })
  operations.run({ kind: 'makeFolder', file: 'c' })
  assert.deepEqual(operations.run({ kind: 'list', file: '' }), [
    { name: 'a', bytes: 0, isFolder: false },
    { name: 'b', bytes: 3, isFolder: false },
    { name: 'c', bytes: 0, isFolder: true },
    { name: 'journal', bytes: 0, isFolder: true },
  ])
})

test('a removed file that is written again is another file', () => {
  const files = new FakeSystemFiles()
  const operations = operationsOn(files)
  operations.run({ kind: 'write', file: 'a', at: 0, pieces: [bytesOf('old')] })
  operations.run({ kind: 'remove', file: 'a' })
  operations.run({ kind: 'write', file: 'a', at: 0, pieces: [bytesOf('new')] })
  assert.equal(files.openPaths.length, 1)
  assert.equal(files.calls.filter((call) => call === 'open /data/a to create').length, 2)
})

test('an error of the system says what was done to which file', () => {
  const files = new FakeSystemFiles()
  const operations = operationsOn(files)
  files.refuse = (call) => (call.startsWith('write') ? 'ENOSPC' : null)
  assert.throws(() => operations.run({ kind: 'write', file: 'a', at: 0, pieces: [bytesOf('x')] }), {
    name: 'DiskError',
    message: 'write a: ENOSPC',
    code: 'ENOSPC',
    operation: 'write',
  })
})

test('a fault of ours does not pass for one of the disk', () => {
  const files = new FakeSystemFiles()
  const operations = operationsOn(files)
  for (const broken of [new TypeError('ours'), Object.assign(new Error(), { code: 'ERR_X' })]) {
    files.freeBytes = () => {
      throw broken
    }
    assert.throws(
      () => operations.run({ kind: 'freeBytes', file: '' }),
      (error) => error === broken,
    )
  }
})
