import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reread } from '../../testing/declaring-broker.ts'
import type { Declaration } from '../topology/declaration.ts'
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

test('each change of a row is told once, but for those of a user or a virtual host that is gone', () => {
  const told: Declaration[][] = []
  const permissions = new Permissions((declarations) => told.push(reread(declarations)))
  const row = { ...ann, configure: '', write: '^a', read: '.*' }
  permissions.set(row)
  permissions.set({ ...row, vhost: 'sales' })
  assert.throws(() => permissions.set({ ...row, read: '(' }))
  permissions.remove(ann)
  permissions.remove(ann)
  permissions.set(row)
  permissions.removeUser('ann')
  permissions.set({ ...row, vhost: 'sales' })
  permissions.removeVhost('sales')
  const kinds = told.map((list) => list.map((each) => [each.kind, 'vhost' in each && each.vhost]))
  assert.deepEqual(kinds, [
    [['permission', '/']],
    [['permission', 'sales']],
    [['permission-gone', '/']],
    [['permission', '/']],
    [['permission', 'sales']],
  ])
  assert.deepEqual(told[0], [{ kind: 'permission', ...row }])
  assert.deepEqual(permissions.list(), [])
})

test('rows come back as they were, and nobody is told', () => {
  const before = new Permissions()
  const all = { configure: '.*', write: '.*', read: '.*' }
  for (const user of ['ann', 'bob']) {
    for (const vhost of ['/', 'sales']) before.set({ user, vhost, ...all })
  }
  const permissions = new Permissions(() => assert.fail('told'))
  for (const declaration of before.declarations()) permissions.restore(declaration)
  assert.deepEqual(permissions.list(), before.list())
  assert.ok(permissions.allows({ ...ann, action: 'write', name: 'q' }))
  for (let times = 0; times < 2; times++) permissions.restore({ kind: 'permission-gone', ...ann })
  assert.ok(!permissions.allows({ ...ann, action: 'write', name: 'q' }))
  permissions.restore({ kind: 'permission', ...ann, configure: '', write: '^q', read: '' })
  assert.ok(permissions.allows({ ...ann, action: 'write', name: 'q' }))
})
