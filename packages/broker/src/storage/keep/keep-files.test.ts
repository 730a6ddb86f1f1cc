import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeepFiles, type KeepFile } from './keep-files.ts'

/** A file on the disk of which `live` of `count` messages are wanted. */
function written(files: KeepFiles, count: number, live: number): KeepFile {
  const file = files.create()
  file.count = count
  file.live = live
  file.isSynced = true
  return file
}

test('numbers only grow, and one that was given is never given again', () => {
  const files = new KeepFiles(7)
  const first = files.create()
  const second = files.create()
  files.forget(second)
  assert.deepEqual([first.id, second.id, files.create().id], [7, 8, 9])
})

test('the number of a file that a snapshot names is never given again, whatever the snapshot says comes next', () => {
  const files = new KeepFiles(2)
  files.restore(40, { count: 1, live: 1, end: 100 })
  assert.equal(files.create().id, 41)
})

test('runs of one file add up, and the file reaches as far as the last of them', () => {
  const files = new KeepFiles(1)
  files.restore(3, { count: 10, live: 4, end: 900 })
  files.restore(3, { count: 5, live: 5, end: 500 })
  const file = files.find(3)
  assert.deepEqual([file?.count, file?.live, file?.bytes, file?.isSynced], [15, 9, 900, true])
  assert.equal(files.size, 1)
})

test('a file is dead when nothing of it is wanted, and stays known until it is forgotten', () => {
  const files = new KeepFiles(1)
  const file = written(files, 3, 3)
  files.settled(file.id, 2)
  assert.deepEqual(files.dead(), [])
  files.settled(file.id, 1)
  assert.deepEqual(files.dead(), [file])
  files.forget(file)
  assert.equal(files.find(file.id), undefined)
  assert.deepEqual(files.dead(), [])
})

test('what is settled of a file that is gone is of no interest', () => {
  const files = new KeepFiles(1)
  files.settled(99, 1)
  assert.equal(files.size, 0)
})

test('a file is sparse under a quarter, not at it, and not when nothing is left', () => {
  const files = new KeepFiles(1)
  assert.ok(!files.isSparse(written(files, 8, 2)))
  assert.ok(files.isSparse(written(files, 8, 1)))
  assert.ok(!files.isSparse(written(files, 8, 0)))
})

test('what is not on the disk for certain is not read back to be moved', () => {
  const files = new KeepFiles(1)
  const file = written(files, 100, 1)
  file.isSynced = false
  assert.ok(!files.isSparse(file))
})
