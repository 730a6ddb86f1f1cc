import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { bindingOf, matched } from '../../testing/bindings.ts'
import type { Binding } from '../topology/exchange.ts'
import { TopicMatcher } from './topic.ts'

function wordsOf(key: string): string[] {
  return key === '' ? [] : key.split('.')
}

/** The definition of a topic pattern, as it stands in the specification. [AMQP 3.1.3.3] */
function naiveMatch(pattern: readonly string[], key: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return key.length === 0
  if (first === '#') {
    return naiveMatch(rest, key) || (key.length > 0 && naiveMatch(pattern, key.slice(1)))
  }
  if (key.length === 0) return false
  return (first === '*' || first === key[0]) && naiveMatch(rest, key.slice(1))
}

function randomWords(random: SeededRandom, words: readonly string[]): string {
  return Array.from({ length: random.integer(0, 6) }, () => random.pick(words)).join('.')
}

test('patterns match as the specification defines them', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new SeededRandom(seed)
    const matcher = new TopicMatcher()
    const bindings: Binding[] = []
    for (let step = 0; step < 300; step++) {
      if (random.chance(0.4)) {
        const binding = bindingOf({ key: randomWords(random, ['a', 'b', '*', '#', '#', '']) })
        bindings.push(binding)
        matcher.add(binding)
      } else if (random.chance(0.3) && bindings.length > 0) {
        const [binding] = bindings.splice(random.integer(0, bindings.length - 1), 1)
        matcher.remove(binding as Binding)
      } else {
        const key = randomWords(random, ['a', 'b', 'c', '', '*', '#'])
        const expected = bindings.filter(({ routingKey }) =>
          naiveMatch(wordsOf(routingKey), wordsOf(key)),
        )
        assert.deepEqual(matched(matcher, key), new Set(expected), `seed ${seed}, key '${key}'`)
      }
    }
    for (const binding of bindings) matcher.remove(binding)
    assert.equal(matcher.size, 1, 'places are left in the trie')
  }
})

const examples: readonly (readonly [pattern: string, key: string, matches: boolean])[] = [
  ['#', '', true],
  ['#', 'a.b.c', true],
  ['*', '', false],
  ['', '', true],
  ['', 'a', false],
  ['*', 'a', true],
  ['*.*', '.', true],
  ['*', 'a.b', false],
  ['a.#', 'a', true],
  ['a.#', 'a.b.c', true],
  ['a.#', 'b', false],
  ['#.a', 'a', true],
  ['#.a', 'x.y.a', true],
  ['a.#.b', 'a.b', true],
  ['a.#.b', 'a.x.b.y.b', true],
  ['*.#', '', false],
  ['#.*', 'a', true],
  ['a*', 'ab', false],
  ['a.b', 'a.b', true],
  ['a.b', 'a.b.', false],
  ['*', '#', true],
]

for (const [pattern, key, matches] of examples) {
  test(`'${pattern}' ${matches ? 'matches' : 'does not match'} '${key}'`, () => {
    const matcher = new TopicMatcher()
    const binding = bindingOf({ key: pattern })
    matcher.add(binding)
    assert.equal(matched(matcher, key).has(binding), matches)
  })
}

test('patterns of many # cost a visit per place and word, not one per combination', () => {
  const matcher = new TopicMatcher()
  for (const end of ['a', 'b', 'c', 'd']) {
    matcher.add(bindingOf({ key: `${'#.'.repeat(20)}${end}` }))
    matcher.add(bindingOf({ key: `${'#.*.'.repeat(10)}${end}` }))
  }
  const key = new Array(127).fill('x').join('.')
  const startMs = performance.now()
  for (let i = 0; i < 20; i++) assert.equal(matched(matcher, key).size, 0)
  // One per combination would be more than the age of the universe.
  assert.ok(performance.now() - startMs < 1000)
})

test('two bindings of one pattern are both found, and one survives the other', () => {
  const matcher = new TopicMatcher()
  const [one, two] = [bindingOf({ key: 'a.*' }), bindingOf({ key: 'a.*' })]
  matcher.add(one)
  matcher.add(two)
  assert.deepEqual(matched(matcher, 'a.b'), new Set([one, two]))
  matcher.remove(one)
  matcher.remove(one)
  assert.deepEqual(matched(matcher, 'a.b'), new Set([two]))
  matcher.remove(bindingOf({ key: 'never.added' }))
  assert.deepEqual(matched(matcher, 'a.b'), new Set([two]))
})

test('a binding on the way to another is removed alone', () => {
  const matcher = new TopicMatcher()
  const [short, long] = [bindingOf({ key: 'a' }), bindingOf({ key: 'a.b' })]
  matcher.add(short)
  matcher.add(long)
  matcher.remove(long)
  assert.equal(matcher.size, 2)
  assert.deepEqual(matched(matcher, 'a'), new Set([short]))
  matcher.add(long)
  matcher.remove(short)
  assert.deepEqual(matched(matcher, 'a.b'), new Set([long]))
})
