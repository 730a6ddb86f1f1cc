import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../../../base/assert.ts'
import { parseLayout } from './layout.ts'

test('each part of a line ends up in its field', () => {
  const [topics, epoch] = parseLayout(`
    topics    []?2      1-7
      name    string?
      ids     []int32   3+
    epoch     int32     9   tag 2  = -1
  `)
  assert.deepEqual(
    topics?.fields.map((field) => field.name),
    ['name', 'ids'],
  )
  assert.equal(topics?.type, 'struct')
  assert.equal(topics.isArray, true)
  assert.equal(topics.nullableFrom, 2)
  assert.deepEqual([topics.versionMin, topics.versionMax], [1, 7])
  assert.equal(topics.fields[0]?.nullableFrom, 0)
  assert.equal(topics.fields[1]?.isArray, true)
  assert.equal(topics.fields[1].versionMax, Infinity)
  assert.deepEqual([epoch?.versionMin, epoch?.versionMax], [9, 9])
  assert.equal(epoch?.tag, 2)
  assert.equal(epoch.fallback, '-1')
})

test('a line that breaks the notation fails', () => {
  assert.throws(() => parseLayout('name'), AssertionError)
  assert.throws(() => parseLayout('name  int7'), AssertionError)
  assert.throws(() => parseLayout('name  string  from 3'), AssertionError)
})
