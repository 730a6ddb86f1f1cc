import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccessControl, describeRefusal, type Action } from './access-control.ts'
import type { Principal } from './principal.ts'
import { systemRandom } from './random.ts'
import { guestCredential } from './users.ts'

function newControl(removed: string[] = []): AccessControl {
  return new AccessControl({
    random: systemRandom,
    derive: (input, done) => done(Buffer.alloc(32, input.password)),
    onUserRemoved: (user) => removed.push(user.name),
  })
}

/** Creates a user and logs it in. */
function enter(control: AccessControl, name: string, tags: readonly string[] = []): Principal {
  control.users.add({ name, password: 'pw', tags }, (refusal) => assert.equal(refusal, null))
  let principal: Principal | null = null
  control.users.verify({ name, password: 'pw', loopback: false }, (outcome) => {
    principal = outcome.principal
  })
  assert.ok(principal !== null)
  return principal
}

test('one pattern decides for every kind of named thing alike', () => {
  const control = newControl()
  const ann = enter(control, 'ann')
  control.permissions.set({ user: 'ann', vhost: '/', configure: '', write: '^o', read: '^r' })
  for (const kind of ['exchange', 'queue', 'stream', 'group', 'transaction'] as const) {
    const may = (action: Action, name: string): boolean =>
      control.authorize(ann, action, { kind, vhost: '/', name })
    assert.ok(may('write', 'orders') && !may('write', 'r'), kind)
    assert.ok(may('read', 'r') && !may('read', 'orders'), kind)
    assert.ok(!may('configure', 'orders') && !may('administer', 'orders'), kind)
    assert.ok(!control.authorize(ann, 'write', { kind, vhost: 'other', name: 'orders' }), kind)
  }
})

test('describing needs any one of the three permissions', () => {
  const control = newControl()
  const ann = enter(control, 'ann')
  control.permissions.set({ user: 'ann', vhost: '/', configure: '^c', write: '^w', read: '^r' })
  const decisions = ['c', 'w', 'r', 'x'].map((name) =>
    control.authorize(ann, 'describe', { kind: 'queue', vhost: '/', name }),
  )
  assert.deepEqual(decisions, [true, true, true, false])
})

test('the default exchange is asked about as amq.default', () => {
  const control = newControl()
  const ann = enter(control, 'ann')
  const exchange = { kind: 'exchange', vhost: '/', name: '' } as const
  control.permissions.set({ user: 'ann', vhost: '/', configure: '', write: '', read: '' })
  assert.ok(!control.authorize(ann, 'write', exchange))
  const write = '^amq\\.default$'
  control.permissions.set({ user: 'ann', vhost: '/', configure: '', write, read: '' })
  assert.ok(control.authorize(ann, 'write', exchange))
  assert.ok(!control.authorize(ann, 'write', { ...exchange, kind: 'queue' }))
})

test('a virtual host is entered with a permission row, even one that permits nothing', () => {
  const control = newControl()
  const ann = enter(control, 'ann', ['administrator'])
  assert.ok(!control.authorize(ann, 'access', { kind: 'vhost', vhost: '/' }))
  control.permissions.set({ user: 'ann', vhost: '/', configure: '', write: '', read: '' })
  assert.ok(control.authorize(ann, 'access', { kind: 'vhost', vhost: '/' }))
})

test('the broker is a matter of tags, and tags open no queue', () => {
  const control = newControl()
  const matrix = {
    administrator: [1, 1, 0],
    monitoring: [0, 1, 0],
    impersonator: [0, 0, 1],
    management: [0, 0, 0],
  }
  for (const [tag, expected] of Object.entries(matrix)) {
    const user = enter(control, tag, [tag])
    const decisions = (['administer', 'monitor', 'impersonate'] as const).map((action) =>
      Number(control.authorize(user, action, { kind: 'broker' })),
    )
    assert.deepEqual(decisions, expected, tag)
    assert.ok(!control.authorize(user, 'read', { kind: 'queue', vhost: '/', name: 'q' }))
  }
})

test('taking a tag away takes effect on whoever is already in', () => {
  const control = newControl()
  const ann = enter(control, 'ann', ['administrator'])
  const version = control.version
  assert.ok(control.users.setTags('ann', []))
  assert.ok(control.version > version)
  assert.ok(!control.authorize(ann, 'administer', { kind: 'broker' }))
})

test('a removed user loses its permissions, and a later one of that name does not get them', () => {
  const removed: string[] = []
  const control = newControl(removed)
  const queue = { kind: 'queue', vhost: '/', name: 'q' } as const
  const row = { user: 'ann', vhost: '/', configure: '.*', write: '.*', read: '.*' }
  const before = enter(control, 'ann')
  control.permissions.set(row)
  assert.ok(control.authorize(before, 'read', queue))
  const version = control.version
  control.users.remove('ann')
  assert.deepEqual(removed, ['ann'])
  assert.ok(control.version > version)
  assert.ok(!control.authorize(before, 'read', queue))
  const after = enter(control, 'ann')
  assert.ok(!control.authorize(after, 'read', queue))
  control.permissions.set(row)
  assert.ok(control.authorize(after, 'read', queue))
  assert.ok(!control.authorize(before, 'read', queue), 'an old connection is not the new user')
})

test('guest has every right in / and none elsewhere', () => {
  const control = newControl()
  control.addDefaultGuest()
  const { principal } = control.users.verifyUnauthenticated({ loopback: true })
  assert.ok(principal !== null)
  const queue = { kind: 'queue', vhost: '/', name: 'q' } as const
  for (const action of ['configure', 'write', 'read'] as const) {
    assert.ok(control.authorize(principal, action, queue))
    assert.ok(!control.authorize(principal, action, { ...queue, vhost: 'other' }))
  }
  assert.ok(control.authorize(principal, 'administer', { kind: 'broker' }))
})

test('a refusal reads as in RabbitMQ 4', () => {
  const ann: Principal = { name: 'ann', userId: 1, vhost: '/', tags: [] }
  const exchange = { kind: 'exchange', vhost: '/', name: '' } as const
  assert.equal(
    describeRefusal(ann, 'write', exchange),
    "write access to exchange 'amq.default' in vhost '/' refused for user 'ann'",
  )
  assert.equal(
    describeRefusal(ann, 'access', { kind: 'vhost', vhost: 'v' }),
    "access to vhost 'v' refused for user 'ann'",
  )
})

test('a user that is restored as gone takes its permissions along, without a word', () => {
  const control = new AccessControl({
    random: systemRandom,
    declared: () => assert.fail('told'),
    onUserRemoved: () => assert.fail('there are no connections to close'),
  })
  const user = { kind: 'user', name: 'ann', tags: [], vhost: '/', loopbackOnly: false } as const
  const row = { user: 'ann', vhost: '/', configure: '.*', write: '.*', read: '.*' }
  control.restore({ ...user, credential: guestCredential })
  control.restore({ kind: 'permission', ...row })
  assert.deepEqual(
    [...control.declarations()].map(({ kind }) => kind),
    ['user', 'permission'],
  )
  control.restore({ kind: 'user-gone', name: 'ann' })
  assert.deepEqual([...control.declarations()], [])
})
