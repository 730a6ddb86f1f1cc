import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../../../base/reader.ts'
import { defaultOptions, parseConnectOptions } from './connect-options.ts'

test('what CONNECT does not say is as nats-server takes it: verbose, pedantic and echo are on', () => {
  assert.deepEqual(parseConnectOptions('{}'), defaultOptions)
  const { verbose, pedantic, echo, headers } = parseConnectOptions('{"verbose":null}')
  assert.deepEqual([verbose, pedantic, echo, headers], [true, true, true, false])
})

test('what it says counts, and what nobody knows is ignored', () => {
  const said = {
    verbose: false,
    pedantic: false,
    echo: false,
    headers: true,
    no_responders: true,
    protocol: 1,
    user: 'ann',
    pass: 'secret',
    name: 'shop',
    lang: 'go',
    version: '1.2',
    tls_required: true,
    __proto__x: 1,
  }
  const options = parseConnectOptions(JSON.stringify(said))
  const { user, pass, name, lang, version, protocol, noResponders, headers, echo } = options
  assert.deepEqual(
    [user, pass, name, lang, version, protocol, noResponders, headers, echo],
    ['ann', 'secret', 'shop', 'go', '1.2', 1, true, true, false],
  )
  assert.equal(options.hasOtherCredentials, false)
  assert.equal(parseConnectOptions('{"auth_token":"x"}').token, 'x')
  for (const field of ['jwt', 'nkey', 'sig']) {
    assert.ok(parseConnectOptions(JSON.stringify({ [field]: 'x' })).hasOtherCredentials, field)
  }
})

test('what is no object of such fields is an error that quotes nothing', () => {
  const bad = ['', '{', 'null', '[]', '1', '{"verbose":1}', '{"user":1}', '{"protocol":"1"}']
  for (const json of [...bad, '{"pass":"secret"']) {
    const isOurs = (error: unknown): boolean =>
      error instanceof DecodeError && !error.message.includes('secret')
    assert.throws(() => parseConnectOptions(json), isOurs, json)
  }
})
