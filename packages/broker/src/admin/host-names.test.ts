import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HostNames } from './host-names.ts'

const names = new HostNames(['Broker.example.org', '192.0.2.7'])

test('names of this machine, configured ones and the address that was reached are answered to', () => {
  for (const header of [
    'localhost',
    'LOCALHOST:15672',
    'localhost.',
    '127.0.0.1:1',
    '[::1]:15672',
    'broker.example.org',
    '192.0.2.7:15672',
  ]) {
    assert.equal(names.allows(header, '127.0.0.1'), true, header)
  }
  assert.equal(names.allows('192.0.2.9:15672', '::ffff:192.0.2.9'), true)
  assert.equal(names.allows('[fd00::1]:15672', 'fd00::1'), true)
})

test('all else is not: it may be a stranger’s name that leads here', () => {
  for (const header of [
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '192.0.2.9',
    'localhost:x',
    'localhost:1:2',
    'a b',
    '[::1',
    'user@localhost',
  ]) {
    assert.equal(names.allows(header, '127.0.0.1'), false, String(header))
  }
})
