import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { resolveData } from './data-options.ts'
import type { DataOptions } from './data-options.ts'

test('a directory alone is kept in sync, with half a gibibyte left free', () => {
  assert.deepEqual(resolveData({ directory: '/var/lib/polymq' }), {
    directory: '/var/lib/polymq',
    durability: 'sync',
    diskFreeBytesMin: 512 * 1024 ** 2,
  })
})

test('a relative directory is resolved against the working directory, once', () => {
  assert.equal(resolveData({ directory: 'data' }).directory, resolve('data'))
})

test('what cannot be meant is refused', () => {
  const directory = '/data'
  const wrong: readonly [DataOptions, RegExp][] = [
    [{ directory: '' }, /data\.directory is empty/],
    [{ directory, durability: 'disk' as 'sync' }, /one of sync, os, memory/],
    [{ directory, diskFreeBytesMin: -1 }, /whole number of bytes/],
    [{ directory, diskFreeBytesMin: 0.5 }, /whole number of bytes/],
  ]
  for (const [data, message] of wrong) {
    assert.throws(() => resolveData(data), { name: 'RangeError', message })
  }
})
