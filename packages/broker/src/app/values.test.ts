import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatBytes,
  parseDirectory,
  parseDiskLimit,
  parseHost,
  parseHostPort,
  parseMemory,
  parsePort,
  parseToken,
  parseUser,
} from './values.ts'

const GIB = 1024 ** 3

test('a port is a number up to 65535, 0 or off', () => {
  assert.equal(parsePort('5672'), 5672)
  assert.equal(parsePort('0'), 0)
  assert.equal(parsePort('off'), 'off')
  for (const text of ['', 'OFF', '-1', '65536', '56 72', '5672x', '1e3', '0x10']) {
    assert.throws(() => parsePort(text), /1 to 65535, 0 \(any free port\) or off/, text)
  }
})

test('memory is bytes, KiB, MiB, GiB or a share of the machine', () => {
  assert.equal(parseMemory('512MiB', GIB), GIB / 2)
  assert.equal(parseMemory('0.5 gib', GIB), GIB / 2)
  assert.equal(parseMemory('50%', GIB), GIB / 2)
  assert.equal(parseMemory('16777216', GIB), 16 * 1024 ** 2)
})

test('memory beyond the machine, or too little to be meant, is refused', () => {
  for (const text of ['2GiB', '101%', '512', '1MiB', '0', 'many', '1TiB', '-1GiB', '1MB']) {
    assert.throws(() => parseMemory(text, GIB), /16MiB to 1GiB \(this machine\)/, text)
  }
})

test('a limit of free disk is bytes, KiB, MiB, GiB, or 0 for none', () => {
  assert.equal(parseDiskLimit('512MiB'), GIB / 2)
  assert.equal(parseDiskLimit('1048576'), 1024 ** 2)
  assert.equal(parseDiskLimit('2 gib'), 2 * GIB)
  assert.equal(parseDiskLimit('0'), 0)
  for (const text of ['', '512', 'off', '10%', '-1GiB', '0.5MiB', '2000GiB', '1e9', '00']) {
    assert.throws(() => parseDiskLimit(text), /1MiB to 1024GiB, as in 512MiB, or 0/, text)
  }
})

test('a directory is any path but that of a shell', () => {
  assert.equal(parseDirectory('/var/lib/poly mq'), '/var/lib/poly mq')
  assert.equal(parseDirectory('./data'), './data')
  for (const text of ['', '~', '~/data', '~root/data']) {
    assert.throws(() => parseDirectory(text), /a directory, as in/, text)
  }
})

test('bytes are printed rounded down, so that the printed limit is itself allowed', () => {
  assert.equal(formatBytes(1.99 * GIB), '1.9GiB')
  assert.equal(formatBytes(16 * 1024 ** 2), '16MiB')
  assert.equal(formatBytes(1023), '0.9KiB')
})

test('an advertised address has a host and a port, IPv6 in brackets', () => {
  assert.deepEqual(parseHostPort('broker.example:9092'), { host: 'broker.example', port: 9092 })
  assert.deepEqual(parseHostPort('[::1]:1'), { host: '::1', port: 1 })
  for (const text of [
    'broker',
    ':9092',
    'broker:',
    'broker:0',
    'broker:70000',
    '::1:9092',
    'a b:1',
  ]) {
    assert.throws(() => parseHostPort(text), /HOST:PORT/, text)
  }
})

test('a password may contain colons, a refusal does not repeat it', () => {
  assert.deepEqual(parseUser('app:a:b'), { name: 'app', password: 'a:b' })
  for (const text of ['secret', ':secret', 'app:']) {
    assert.throws(() => parseUser(text), { message: 'NAME:PASSWORD' }, text)
  }
})

test('a token follows the name of its user, whatever is in it', () => {
  assert.deepEqual(parseToken('app:a:b'), { user: 'app', token: 'a:b' })
  for (const text of ['secret', ':secret', 'app:']) {
    assert.throws(() => parseToken(text), { message: 'NAME:TOKEN' }, text)
  }
})

test('a host is a name or an address', () => {
  assert.equal(parseHost('0.0.0.0'), '0.0.0.0')
  assert.equal(parseHost('[::1]'), '::1')
  assert.throws(() => parseHost('http://a'), /address or name/)
})
