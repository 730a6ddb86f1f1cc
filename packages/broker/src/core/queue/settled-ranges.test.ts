import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { SettledRanges } from './settled-ranges.ts'

function drained(ranges: SettledRanges): number[][] {
  const pairs = [...ranges.drain()]
  return Array.from({ length: pairs.length / 2 }, (_, i) => pairs.slice(2 * i, 2 * i + 2))
}

test('numbers settled in order are one range', () => {
  const ranges = new SettledRanges()
  for (let number = 100; number < 1100; number++) ranges.add(number)
  assert.equal(ranges.count, 1000)
  assert.deepEqual(drained(ranges), [[100, 1100]])
})

test('to drain empties it', () => {
  const ranges = new SettledRanges()
  assert.ok(ranges.isEmpty)
  ranges.add(3)
  assert.ok(!ranges.isEmpty)
  drained(ranges)
  assert.ok(ranges.isEmpty)
  assert.equal(ranges.count, 0)
  assert.deepEqual(drained(ranges), [])
  ranges.add(4)
  assert.deepEqual(drained(ranges), [[4, 5]])
})

test('numbers settled backwards, or by two consumers in turn, come out in order and joined', () => {
  const backwards = new SettledRanges()
  for (let number = 10; number > 0; number--) backwards.add(number)
  assert.deepEqual(drained(backwards), [[1, 11]])
  const turns = new SettledRanges()
  for (let i = 0; i < 50; i++) {
    turns.add(2 * i)
    turns.add(2 * i + 1001)
  }
  assert.deepEqual(drained(turns).length, 100)
})

test('what lies between is left out', () => {
  const ranges = new SettledRanges()
  for (const number of [5, 1, 2, 9, 8]) ranges.add(number)
  assert.deepEqual(drained(ranges), [
    [1, 3],
    [5, 6],
    [8, 10],
  ])
})

test('ranges join with what they touch, on either side, and an empty one is none', () => {
  const ranges = new SettledRanges()
  ranges.addRange(20, 30)
  ranges.addRange(30, 35)
  ranges.addRange(10, 20)
  ranges.addRange(50, 50)
  ranges.addRange(60, 55)
  assert.equal(ranges.count, 25)
  assert.deepEqual(drained(ranges), [[10, 35]])
})

test('numbers beyond 32 bits keep their value', () => {
  const ranges = new SettledRanges()
  ranges.addRange(2 ** 45, 2 ** 45 + 3)
  ranges.add(2 ** 33)
  assert.deepEqual(drained(ranges), [
    [2 ** 33, 2 ** 33 + 1],
    [2 ** 45, 2 ** 45 + 3],
  ])
})

test('whatever the order, what comes out is what was put in, in order and with gaps between', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = new SeededRandom(seed)
    const wanted = new Set<number>()
    const ranges = new SettledRanges()
    for (let i = 0; i < 3000; i++) {
      const number = random.chance(0.7) ? i : random.integer(0, 6000)
      if (wanted.has(number)) continue
      wanted.add(number)
      ranges.add(number)
    }
    assert.equal(ranges.count, wanted.size)
    let seen = 0
    let before = -1
    for (const [first = 0, end = 0] of drained(ranges)) {
      assert.ok(first > before, `seed ${seed}: ${first} touches what ends at ${before}`)
      for (let number = first; number < end; number++) assert.ok(wanted.has(number))
      seen += end - first
      before = end
    }
    assert.equal(seen, wanted.size, `seed ${seed}`)
  }
})
