import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../../base/assert.ts'
import { folderPathOf, pathOf } from './file-name.ts'

test('a name is a path in the data directory', () => {
  assert.equal(pathOf('/data', 'snapshot.tmp'), '/data/snapshot.tmp')
  assert.equal(pathOf('/data', 'streams/12/00000.log'), '/data/streams/12/00000.log')
  assert.equal(folderPathOf('/data', ''), '/data')
})

for (const name of [
  ...['', '/etc/passwd', '..', '../a', 'a/../../b', 'a/..', 'a/.', '.', 'a//b', 'a/', '.hidden'],
  ...['C:\\a', 'a\\b', 'a\0b', 'a b', 'ä', 'a\nb'],
]) {
  test(`${JSON.stringify(name)} is not a name`, () => {
    assert.throws(() => pathOf('/data', name), AssertionError)
  })
}
