import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { KeptRun, KeptRuns } from './kept-runs.ts'

function run(first: number, last: number, count: number = last - first + 1): KeptRun {
  return new KeptRun({ file: 1, at: 0, bytes: 100, sharedBytes: 0, first, last, count })
}

function runsOf(...some: readonly KeptRun[]): KeptRuns {
  const runs = new KeptRuns()
  for (const each of some) runs.add(each)
  return runs
}

test('a number is found in the run whose span holds it, and in no other', () => {
  const [one, two] = [run(10, 19), run(30, 39)]
  const runs = runsOf(one, two)
  assert.deepEqual(
    [10, 15, 19].map((number) => runs.find(number)),
    [one, one, one],
  )
  assert.deepEqual(
    [30, 39].map((number) => runs.find(number)),
    [two, two],
  )
  assert.deepEqual(
    [0, 9, 20, 29, 40].map((number) => runs.find(number)),
    Array(5).fill(undefined),
  )
})

test('the first run from a number on is the one that holds it, or the next', () => {
  const [one, two] = [run(10, 19), run(30, 39)]
  const runs = runsOf(one, two)
  assert.deepEqual(
    [0, 19, 20, 30, 39].map((number) => runs.findFrom(number)),
    [one, one, two, two, two],
  )
  assert.equal(runs.findFrom(40), undefined)
  assert.equal(new KeptRuns().findFrom(0), undefined)
})

test('runs are in the order of their numbers, whatever the order in which they came', () => {
  const some = [run(50, 59), run(10, 19), run(30, 39)]
  const runs = runsOf(...some)
  assert.deepEqual(
    runs.values().map(({ first }) => first),
    [10, 30, 50],
  )
  assert.equal(runs.live, 30)
})

test('a run whose last wanted message is settled is gone', () => {
  const few = run(10, 19, 2)
  const runs = runsOf(few, run(30, 39))
  assert.equal(runs.settle(few), false)
  assert.ok(runs.has(few))
  assert.equal(runs.settle(few), true)
  assert.ok(!runs.has(few))
  assert.equal(runs.find(15), undefined)
  assert.deepEqual([runs.size, runs.live], [1, 10])
})

test('only the very run is removed, not one that looks like it', () => {
  const one = run(10, 19)
  const runs = runsOf(one)
  runs.remove(run(10, 19))
  runs.remove(run(5, 30))
  assert.ok(runs.has(one))
  assert.equal(runs.live, 10)
  runs.remove(one)
  runs.remove(one)
  assert.deepEqual([runs.size, runs.live], [0, 0])
})

test('with thousands of runs each is found, as runs come and go at both ends', () => {
  const random = new SeededRandom(3)
  const runs = new KeptRuns()
  let some: KeptRun[] = []
  let next = 0
  for (let i = 0; i < 3000; i++) {
    const first = next + random.integer(0, 3)
    const each = run(first, first + random.integer(0, 20))
    next = each.last + 1
    runs.add(each)
    some.push(each)
    if (i % 3 !== 0) continue
    const gone = random.chance(0.7) ? (some[0] as KeptRun) : random.pick(some)
    runs.remove(gone)
    some = some.filter((other) => other !== gone)
  }
  assert.deepEqual(runs.values(), some)
  for (const each of some) {
    assert.equal(runs.find(each.first), each)
    assert.equal(runs.find(each.last), each)
  }
  assert.equal(
    runs.live,
    some.reduce((sum, { live }) => sum + live, 0),
  )
})
