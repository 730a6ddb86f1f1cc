import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PatternError } from './name-pattern-parser.ts'
import { NamePattern } from './name-pattern.ts'

function check(source: string, names: { yes: readonly string[]; no: readonly string[] }): void {
  const pattern = new NamePattern(source)
  for (const name of names.yes) assert.ok(pattern.matches(name), `/${source}/ takes '${name}'`)
  for (const name of names.no) assert.ok(!pattern.matches(name), `/${source}/ refuses '${name}'`)
}

test('a pattern is unanchored unless it says otherwise, as in RabbitMQ', () => {
  check('orders', { yes: ['orders', 'old-orders-2'], no: ['order', ''] })
  check('^orders$', { yes: ['orders'], no: ['orders-2', 'my-orders'] })
  check('^amq\\.gen', { yes: ['amq.gen-x'], no: ['amq-gen', 'my.amq.gen'] })
})

test('the empty pattern takes the empty name alone', () => {
  check('', { yes: [''], no: ['a'] })
  check('.*', { yes: ['', 'a', 'x'.repeat(300)], no: [] })
})

test('the patterns that people write', () => {
  check('^(amq\\.gen.*|amq\\.default)$', {
    yes: ['amq.gen-1', 'amq.default'],
    no: ['amq.direct', 'amq.default2'],
  })
  check('^(?!amq\\.).+', { yes: ['orders', 'amq'], no: ['amq.topic', ''] })
  check('^(?=.*prod)team-', { yes: ['team-a-prod'], no: ['team-a-test', 'a-prod'] })
  check('^[\\w\\-]{2,4}\\.[^.]+$', { yes: ['a-_9.x'], no: ['a.x', 'abcde.x', 'ab.x.y'] })
  check('\\Aa+b?\\z', { yes: ['a', 'aab'], no: ['ba', 'abb'] })
  check('^[[:alpha:]][[:digit:]_]*$', { yes: ['a', 'a1_2'], no: ['1', 'ab'] })
  check('(?i)^Orders[A-F]$', { yes: ['oRDERSc'], no: ['ordersx'] })
  check('^(a|b)(?:cd){2}$|^$', { yes: ['acdcd', 'bcdcd', ''], no: ['acd', 'abcdcd'] })
  check('^\\x41{,2}[]x-]$', { yes: ['A{,2}]', 'A{,2}-'], no: ['AA]'] })
  check('^.\\$$', { yes: ['é$', '🐇$'], no: ['$', 'ab$'] })
})

test('what is not supported is refused, never taken for something else', () => {
  const wrong = ['(', ')', 'a)', '[a', 'a**', 'a*+', '*', '{2}', 'a{3,2}', '(?<=a)b', '(?>a)']
  wrong.push('(?<n>a)', '\\bword', '(a)\\1', '\\Qa\\E', '\\', '[z-a]', '[[:nope:]]', '\\x4')
  wrong.push('(?!a(?=b))', '(*UTF)a', 'a(?i)b')
  for (const source of wrong) assert.throws(() => new NamePattern(source), PatternError, source)
})

test('a pattern too long, or too long once written out, is refused', () => {
  for (const source of ['a'.repeat(513), 'a{9999}', '((a{9}){9}){9}', '(ab|cd){100}']) {
    assert.throws(() => new NamePattern(source), PatternError)
  }
})

test('patterns that would keep RegExp busy for ever are answered within a step count', () => {
  const name = `${'a'.repeat(254)}!`
  for (const source of ['^(a+)+$', '^(a|a)*$', '^(a*)*b', '(.*a){12}b', '^(a?){100}a{100}b']) {
    check(source, { yes: [], no: [name] })
  }
  check('(?=(a|aa)+b)a', { yes: [], no: [name] })
})

test('a name beyond the bound is refused by all but the pattern for everything', () => {
  check('^a', { yes: ['a'.repeat(255)], no: ['a'.repeat(256)] })
})

test('random patterns decide as RegExp does', () => {
  let seed = Date.now() % 2 ** 31
  const message = `seed ${seed}`
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  const pick = (list: readonly string[]): string => list[random(list.length)] as string
  const write = (depth: number): string => {
    if (depth === 0) return pick(['a', 'b', '.', '[ab]', '[^a]', '\\.', '^', '$', '\\w'])
    const [one, two] = [write(depth - 1), write(depth - 1)]
    const quantifier = pick(['*', '+', '?', '{2}', '{1,}', '{0,2}', '*?'])
    const forms = [one + two, `${one}|${two}`, `(${one})${quantifier}`, `(?:${one})`]
    return pick([...forms, `${one}(?!${pick(['a', 'b.', '$'])})`, `${one}${two}`])
  }
  for (let round = 0; round < 3_000; round++) {
    const source = write(random(4))
    const [pattern, expected] = [new NamePattern(source), new RegExp(source, 'u')]
    for (let n = 0; n < 8; n++) {
      const name = Array.from({ length: random(7) }, () => pick(['a', 'b', '.', 'c'])).join('')
      const decision = pattern.matches(name)
      assert.equal(decision, expected.test(name), `/${source}/ on '${name}', ${message}`)
    }
  }
})
