import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admission } from './admission.ts'
import type { Endpoint } from './connection.ts'

function from(remoteAddress: string, options: { loopback?: boolean } = {}): Endpoint {
  const loopback = options.loopback ?? false
  return { remoteAddress, remotePort: 1, localAddress: 'here', localPort: 2, loopback }
}

test('one address has its share, this machine has all', () => {
  const admission = new Admission({ connectionsMax: 10, connectionsPerAddressMax: 2 })
  const far = from('2001:db8::1')
  assert.equal(admission.enter(far), null)
  assert.equal(admission.enter(far), null)
  assert.equal(admission.enter(far), '2 connections of 2001:db8::1 are open, no more are taken')
  assert.equal(admission.enter(from('2001:db8::2')), null)
  for (let i = 0; i < 5; i++) assert.equal(admission.enter(from('::1', { loopback: true })), null)
  admission.leave(far)
  assert.equal(admission.enter(far), null)
})

test('when all places are taken it is said once, until there is room again', () => {
  const admission = new Admission({ connectionsMax: 2, connectionsPerAddressMax: 2 })
  const one = from('::1', { loopback: true })
  admission.enter(one)
  admission.enter(one)
  assert.equal(admission.enter(one), '2 connections are open, no more are taken')
  assert.equal(admission.enter(one), '')
  admission.leave(one)
  assert.equal(admission.enter(one), null)
  assert.equal(admission.enter(one), '2 connections are open, no more are taken')
})
