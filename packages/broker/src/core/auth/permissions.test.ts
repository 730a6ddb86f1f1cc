import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authLimits } from './limits.ts'
import { PatternError } from './name-pattern-parser.ts'
import { Permissions } from './permissions.ts'

const ann = { user: 'ann', vhost: '/' }

test('each action has a pattern of its own, and no row permits nothing', () => {
  const permissions = new Permissions()
  assert.ok(!permissions.allows({ ...ann, action: 'read', name: 'orders' }))
  permissions.set({ ...ann, configure: '', write: '^orders$', read: '.*' })
  assert.ok(permissions.allows({ ...ann, action: 'write', name: 'orders' }))
  assert.ok(!permissions.allows({ ...ann, action: 'write', name: 'orders2' }))
  assert.ok(!permissions.allows({ ...ann, action: 'configure', name: 'orders' }))
  assert.ok(permissions.allows({ ...ann, action: 'read', name: 'anything' }))
  assert.ok(!permissions.allows({ ...ann, vhost: 'other', action: 'read', name: 'anything' }))
  assert.ok(!permissions.allows({ ...ann, user: 'bob', action: 'read', name: 'anything' }))
})

test('a change takes effect at once, cached decision or not, and raises the version', () => {
  const permissions = new Permissions()
  permissions.set({ ...ann, configure: '', write: '^a', read: '' })
  const asked = { ...ann, action: 'write', name: 'abc' } as const
  assert.ok(permissions.allows(asked))
  assert.ok(permissions.allows(asked))
  const version = permissions.version
  permissions.set({ ...ann, configure: '', write: '^b', read: '' })
  assert.ok(permissions.version > version)
  assert.ok(!permissions.allows(asked))
  assert.ok(permissions.remove(ann))
  assert.ok(!permissions.remove(ann))
  assert.ok(permissions.version > version + 1)
  assert.equal(permissions.find(ann), null)
})

test('a pattern that is none changes nothing', () => {
  const permissions = new Permissions()
  const row = { ...ann, configure: '', write: '^a', read: '' }
  permissions.set(row)
  const version = permissions.version
  assert.throws(() => permissions.set({ ...row, read: '(' }), PatternError)
  assert.deepEqual(permissions.find(ann), row)
  assert.equal(permissions.version, version)
})

test('a user or a virtual host takes its rows along', () => {
  const permissions = new Permissions()
  const all = { configure: '.*', write: '.*', read: '.*' }
  for (const user of ['ann', 'bob']) {
    for (const vhost of ['/', 'sales']) permissions.set({ user, vhost, ...all })
  }
  permissions.removeUser('ann')
  const places = (): string[] => permissions.list().map((row) => `${row.user}@${row.vhost}`)
  assert.deepEqual(places(), ['bob@/', 'bob@sales'])
  const version = permissions.version
  permissions.removeVhost('sales')
  assert.deepEqual(places(), ['bob@/'])
  assert.ok(permissions.version > version)
})

test('more names than are remembered are still decided rightly', () => {
  const permissions = new Permissions()
  permissions.set({ ...ann, configure: '', write: '7$', read: '' })
  for (let n = 0; n < authLimits.decisionsCachedMax + 10; n++) {
    const allowed = permissions.allows({ ...ann, action: 'write', name: `${n}` })
    assert.equal(allowed, n % 10 === 7)
  }
})
