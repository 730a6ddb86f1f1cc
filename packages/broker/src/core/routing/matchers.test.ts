import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bindingOf, matched } from '../../testing/bindings.ts'
import { Double, Timestamp, type Arguments, type ArgumentValue } from '../arguments.ts'
import { DirectMatcher } from './direct.ts'
import { FanoutMatcher } from './fanout.ts'
import { HeadersMatcher } from './headers.ts'

test('direct: exactly the key, all bindings of it, nothing once they are removed', () => {
  const matcher = new DirectMatcher()
  const [one, two, other] = [
    bindingOf({ key: 'k' }),
    bindingOf({ key: 'k' }),
    bindingOf({ key: 'K' }),
  ]
  for (const binding of [one, two, other]) matcher.add(binding)
  assert.deepEqual(matched(matcher, 'k'), new Set([one, two]))
  assert.deepEqual(matched(matcher, 'K'), new Set([other]))
  assert.equal(matched(matcher, '').size, 0)
  matcher.remove(one)
  matcher.remove(one)
  assert.deepEqual(matched(matcher, 'k'), new Set([two]))
  matcher.remove(two)
  assert.equal(matched(matcher, 'k').size, 0)
})

test('direct: keys that are names of an object’s own things are keys like any other', () => {
  const matcher = new DirectMatcher()
  for (const key of ['__proto__', 'constructor', 'toString', '']) {
    assert.equal(matched(matcher, key).size, 0)
    const binding = bindingOf({ key })
    matcher.add(binding)
    assert.deepEqual(matched(matcher, key), new Set([binding]))
  }
})

test('fanout: everything, whatever the key', () => {
  const matcher = new FanoutMatcher()
  const [one, two] = [bindingOf({ key: 'k' }), bindingOf({})]
  matcher.add(one)
  matcher.add(two)
  assert.deepEqual(matched(matcher, 'x'), new Set([one, two]))
  matcher.remove(one)
  assert.deepEqual(matched(matcher, 'k'), new Set([two]))
})

type Table = Readonly<Record<string, ArgumentValue>>

function mapOf(table: Table): Arguments {
  return new Map(Object.entries(table))
}

function headersMatch(wanted: Table, headers: Table): boolean {
  const matcher = new HeadersMatcher()
  const binding = bindingOf({ arguments: mapOf(wanted) })
  matcher.add(binding)
  const isMatch = matched(matcher, 'ignored', mapOf(headers)).has(binding)
  matcher.remove(binding)
  assert.equal(matched(matcher, '', mapOf(headers)).size, 0)
  return isMatch
}

const cases: readonly (readonly [what: string, wanted: Table, headers: Table, matches: boolean])[] =
  [
    ['all is the default', { a: 1, b: 2 }, { a: 1, b: 2, c: 3 }, true],
    ['all wants each', { 'x-match': 'all', a: 1, b: 2 }, { a: 1 }, false],
    ['any wants one', { 'x-match': 'any', a: 1, b: 2 }, { b: 2 }, true],
    ['any of others is none', { 'x-match': 'any', a: 1, b: 2 }, { c: 2 }, false],
    ['all of nothing is everything', { 'x-match': 'all' }, { c: 2 }, true],
    ['any of nothing is nothing', { 'x-match': 'any' }, { c: 2 }, false],
    ['all leaves x- out', { 'x-match': 'all', a: 1, 'x-b': 2 }, { a: 1 }, true],
    ['any leaves x- out', { 'x-match': 'any', a: 1, 'x-b': 2 }, { 'x-b': 2 }, false],
    ['all-with-x does not', { 'x-match': 'all-with-x', a: 1, 'x-b': 2 }, { a: 1 }, false],
    ['all-with-x finds x-', { 'x-match': 'all-with-x', a: 1, 'x-b': 2 }, { a: 1, 'x-b': 2 }, true],
    ['any-with-x finds x-', { 'x-match': 'any-with-x', a: 1, 'x-b': 2 }, { 'x-b': 2 }, true],
    ['x-match itself is never compared', { 'x-match': 'all-with-x', a: 1 }, { a: 1 }, true],
    ['no value asks for presence', { a: null }, { a: 'anything' }, true],
    ['no value wants the header there', { a: null }, { b: 1 }, false],
    ['no value is satisfied by no value', { a: null }, { a: null }, true],
    ['a value is not satisfied by no value', { a: 1 }, { a: null }, false],
    ['integers of any width are equal', { a: 5 }, { a: 5n }, true],
    ['large integers keep their last digit', { a: 2n ** 60n }, { a: 2n ** 60n + 1n }, false],
    ['an integer is not its text', { a: 5 }, { a: '5' }, false],
    ['an integer is not a double', { a: 5 }, { a: new Double(5) }, false],
    ['doubles are compared by value', { a: new Double(0.5) }, { a: new Double(0.5) }, true],
    ['a timestamp is not an integer', { a: new Timestamp(5) }, { a: 5 }, false],
    ['timestamps are compared by value', { a: new Timestamp(5) }, { a: new Timestamp(5) }, true],
    ['true is not 1', { a: true }, { a: 1 }, false],
    ['text is not bytes', { a: 'x' }, { a: Buffer.from('x') }, false],
    ['bytes are compared by content', { a: Buffer.from('x') }, { a: new Uint8Array([120]) }, true],
    ['lists are compared by element', { a: [1, ['x']] }, { a: [1n, ['x']] }, true],
    ['lists have an order', { a: [1, 2] }, { a: [2, 1] }, false],
    ['tables have none', { a: mapOf({ x: 1, y: 2 }) }, { a: mapOf({ y: 2, x: 1 }) }, true],
    ['tables of one size differ by key', { a: mapOf({ x: 1 }) }, { a: mapOf({ y: 1 }) }, false],
    ['a table is not a list', { a: mapOf({}) }, { a: [] }, false],
  ]

for (const [what, wanted, headers, matches] of cases) {
  test(`headers: ${what}`, () => assert.equal(headersMatch(wanted, headers), matches))
}

test('headers: a message’s headers are not looked at where nothing is bound', () => {
  const matcher = new HeadersMatcher()
  const headers = (): Arguments => assert.fail('headers were read')
  matcher.match({ routingKey: '', headers }, [])
})
