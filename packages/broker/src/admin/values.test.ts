import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Double, Timestamp } from '../core/arguments.ts'
import { argumentsOf, bytesOf, jsonOfArguments, type JsonObject } from './values.ts'

test('what JSON has no word for goes there and back by its mark', () => {
  const given: JsonObject = {
    text: 'x',
    list: [1, null, { inner: true }],
    fraction: 1.5,
    whole: { $double: 1 },
    endless: { $double: 'Infinity' },
    bytes: { $base64: 'AP8=' },
    time: { $timestamp: 1_700_000_000 },
    large: { $integer: '9223372036854775807' },
  }
  const values = argumentsOf(given, 'headers')
  assert.deepEqual(values.get('whole'), new Double(1))
  assert.deepEqual(values.get('time'), new Timestamp(1_700_000_000))
  assert.deepEqual(values.get('bytes'), Buffer.from([0, 255]))
  assert.equal(values.get('large'), 9_223_372_036_854_775_807n)
  assert.deepEqual(JSON.parse(JSON.stringify(jsonOfArguments(values))), given)
})

test('a name like a prototype’s is a name', () => {
  const given = JSON.parse('{"constructor": 1, "toString": {"a": 2}}') as JsonObject
  assert.equal(
    JSON.stringify(jsonOfArguments(argumentsOf(given, 'headers'))),
    '{"constructor":1,"toString":{"a":2}}',
  )
})

function nested(depth: number): JsonObject {
  let value: JsonObject = {}
  for (let i = 0; i < depth; i++) value = { a: value }
  return value
}

for (const [what, given] of [
  ['a mark that is none', { a: { $bytes: 'x' } }],
  ['bytes that are no base64', { a: { $base64: '*' } }],
  ['an integer of 65 bits', { a: { $integer: '9223372036854775808' } }],
  ['a time before 1970', { a: { $timestamp: -1 } }],
  ['a name of 256 bytes', { ['x'.repeat(256)]: 1 }],
  ['17 levels', nested(18)],
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(() => argumentsOf(given as JsonObject, 'headers'), {
      name: 'ApiError',
      status: 400,
    })
  })
}

test('base64 is read with and without padding, and what is none is refused', () => {
  assert.deepEqual(bytesOf('aGk=', 'base64', 'body'), Buffer.from('hi'))
  assert.deepEqual(bytesOf('aGk', 'base64', 'body'), Buffer.from('hi'))
  assert.throws(() => bytesOf('a*k=', 'base64', 'body'), { status: 400 })
})
