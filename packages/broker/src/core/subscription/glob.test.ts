import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { Glob } from './glob.ts'

const MATCH = [
  ['news', 'news'],
  ['*', 'a.b:c/d'],
  ['news.*', 'news.'],
  ['news.*', 'news.a.b'],
  ['*news', 'old.news'],
  ['h?llo', 'hello'],
  ['h*llo', 'heeeello'],
  ['h[ae]llo', 'hallo'],
  ['h[^e]llo', 'hallo'],
  ['h[a-c]llo', 'hbllo'],
  ['h[c-a]llo', 'hbllo'],
  ['h[a\\-c]llo', 'h-llo'],
  ['h[\\]]llo', 'h]llo'],
  ['h\\*llo', 'h*llo'],
  ['a\\', 'a\\'],
  ['a**b***', 'ab'],
  ['*a*b*c', 'xxaxxbxxcxxc'],
  ['a*b[cd]*e?f*gh', 'axxbdxxexfgh'],
  ['*aab*', 'aaab'],
  ['*[ab]c*', 'aac'],
  ['[abc', 'c'],
  ['[^', 'x'],
  ['[^]', 'x'],
  ['a]', 'a]'],
  ['-[a-]', '-_'],
  ['', ''],
  ['ä??', 'äö'],
  ['[ä]?', 'ä'],
] as const

const NO_MATCH = [
  ['news', 'new'],
  ['news', 'newsy'],
  ['news.*', 'news'],
  ['h?llo', 'hllo'],
  ['h[ae]llo', 'hillo'],
  ['h[^e]llo', 'hello'],
  ['h[a-c]llo', 'hdllo'],
  ['h[a\\-c]llo', 'hbllo'],
  ['h\\*llo', 'hello'],
  ['*a*b*c', 'xxaxxcxxb'],
  ['[]', 'x'],
  ['[', '['],
  ['?', 'ä'],
  ['*', ''],
  ['', 'a'],
  ['News', 'news'],
] as const

test('a pattern matches what it matches in Redis', () => {
  for (const [pattern, key] of MATCH) {
    assert.equal(new Glob(pattern).matches(key), true, `'${pattern}' and '${key}'`)
  }
})

test('a pattern does not match what it does not in Redis', () => {
  for (const [pattern, key] of NO_MATCH) {
    assert.equal(new Glob(pattern).matches(key), false, `'${pattern}' and '${key}'`)
  }
})

test('a bomb of a pattern costs less than a millisecond', () => {
  const bombs = [
    new Glob(`${'a*'.repeat(127)}b`),
    new Glob(`*${'a'.repeat(127)}b`),
    new Glob(`*${'?'.repeat(127)}b`),
    new Glob(`*${'[^b]'.repeat(63)}b`),
    new Glob('[a-z]*'.repeat(42)),
  ]
  const key = 'a'.repeat(255)
  for (const bomb of bombs) {
    for (let i = 0; i < 200; i++) bomb.matches(key)
    // The best of several: the machine may be at something else.
    let best = Infinity
    for (let i = 0; i < 50; i++) {
      const start = performance.now()
      bomb.matches(key)
      best = Math.min(best, performance.now() - start)
    }
    assert.ok(best < 1, `${best} ms`)
  }
})

test('whatever the pattern, a name fits where the same as a regular expression says so', () => {
  const seed = Date.now() % 2 ** 31
  const random = new SeededRandom(seed)
  for (let round = 0; round < 20_000; round++) {
    const pattern = textOf(random, ['a', 'b', '*', '*', '?', '[ab]', '[^a]'])
    const name = textOf(random, ['a', 'b', 'c'])
    if (name === '') continue
    const wanted = asRegExp(pattern).test(name)
    assert.equal(new Glob(pattern).matches(name), wanted, `'${pattern}', '${name}', seed ${seed}`)
  }
})

function textOf(random: SeededRandom, parts: readonly string[]): string {
  return Array.from({ length: random.integer(0, 9) }, () => random.pick(parts)).join('')
}

function asRegExp(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`)
}
