import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopback, sourceOf } from './source-address.ts'

test('loopback is 127.0.0.0/8 and ::1, also as a mapped address, and nothing else', () => {
  const here = ['127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1']
  const elsewhere = ['10.0.0.1', '172.17.0.1', '::', '::ffff:10.0.0.1', '2001:db8::127.0.0.1']
  elsewhere.push('127.0.0.1.example.org', '1127.0.0.1', '', 'localhost', '0.0.0.0')
  for (const address of here) assert.ok(isLoopback(address), address)
  for (const address of [...elsewhere, undefined]) assert.ok(!isLoopback(address), address)
})

test('an IPv6 source is its first 64 bits, an IPv4 one all of it', () => {
  assert.equal(sourceOf('192.0.2.1'), '192.0.2.1')
  assert.equal(sourceOf('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(sourceOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2')
  assert.equal(sourceOf('2001:DB8:1:2::9'), '2001:db8:1:2')
  assert.equal(sourceOf('2001:db8::9'), '2001:db8:0:0')
  assert.equal(sourceOf('fe80::1%eth0'), 'fe80:0:0:0')
  assert.equal(sourceOf('::1'), '0:0:0:0')
})
