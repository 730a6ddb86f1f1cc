import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exposureOf, hostsToBind } from './reach.ts'

const ann = { name: 'ann', password: 'secret' }
const guest = { name: 'guest', password: 'guest' }

test('nobody is exposed on the addresses of this machine alone', () => {
  for (const host of [undefined, 'localhost', '127.0.0.1', '127.8.9.10', '::1']) {
    assert.equal(exposureOf({ host }), null, host)
  }
})

test('every other interface needs a user', () => {
  for (const host of ['0.0.0.0', '::', '203.0.113.1', 'broker', '127.example.org', '127.1']) {
    assert.match(exposureOf({ host }) ?? '', /no user/, host)
    assert.equal(exposureOf({ host, users: [ann] }), null, host)
  }
})

test('a guest with the password that everybody knows is no such user, another password makes one', () => {
  const host = '0.0.0.0'
  assert.match(exposureOf({ host, users: [guest] }) ?? '', /everybody knows/)
  assert.equal(exposureOf({ host, users: [guest, ann] }), null)
  assert.equal(exposureOf({ host, users: [{ ...guest, password: 'else' }] }), null)
})

test('without a host, and as localhost, both loopback addresses are bound', () => {
  assert.deepEqual(hostsToBind(undefined), ['127.0.0.1', '::1'])
  assert.deepEqual(hostsToBind('localhost'), ['127.0.0.1', '::1'])
  assert.deepEqual(hostsToBind('0.0.0.0'), ['0.0.0.0'])
})
