import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Page, PageMemory } from '../../storage/keep/page.ts'
import { PageCache, type PageLoad } from './page-cache.ts'

const BUDGET = 10_000

function page(bytes: number): Page {
  const entries = {
    sequences: new Float64Array(1),
    offsets: new Int32Array(1),
    lengths: new Int32Array(1),
  }
  // The memory has 8 octets more.
  return new Page(new PageMemory(bytes - 8), { ...entries, first: 0, last: 0 })
}

/** A cache, and what it has told of each page. */
class Rig {
  readonly recycled: Page[] = []
  readonly dropped: Page[] = []
  readonly cache: PageCache = new PageCache((each) => this.recycled.push(each), BUDGET)

  add(each: Page): Page {
    this.cache.add(each, this)
    return each
  }

  dropPage(each: Page): void {
    this.dropped.push(each)
  }
}

class Load implements PageLoad {
  readonly bytes: number
  started: number = 0

  constructor(bytes: number) {
    this.bytes = bytes
  }

  start(): void {
    this.started++
  }
}

test('pages are kept as long as they fit the budget', () => {
  const rig = new Rig()
  for (let i = 0; i < 10; i++) rig.add(page(1000))
  assert.equal(rig.cache.bytes, BUDGET)
  assert.deepEqual(rig.dropped, [])
})

test('the page that was used longest ago goes first, and its memory is given back', () => {
  const rig = new Rig()
  const [one, two, three] = [rig.add(page(4000)), rig.add(page(4000)), page(4000)]
  rig.cache.touch(one)
  rig.add(three)
  assert.deepEqual(rig.dropped, [two])
  assert.deepEqual(rig.recycled, [two])
  assert.equal(rig.cache.bytes, 8000)
  rig.add(page(4000))
  assert.deepEqual(rig.dropped, [two, one])
})

test('as many go as it takes', () => {
  const rig = new Rig()
  const small = Array.from({ length: 8 }, () => rig.add(page(1000)))
  rig.add(page(7000))
  assert.deepEqual(rig.dropped, small.slice(0, 5))
  assert.equal(rig.cache.bytes, BUDGET)
})

test('a page larger than the budget is kept alone until the next one comes', () => {
  const rig = new Rig()
  const before = rig.add(page(1000))
  const large = rig.add(page(50_000))
  assert.deepEqual(rig.dropped, [before])
  assert.equal(rig.cache.bytes, 50_000)
  rig.add(page(1000))
  assert.deepEqual(rig.dropped, [before, large])
  assert.equal(rig.cache.bytes, 1000)
})

test('a page that its owner is done with is not dropped later, nor given back twice', () => {
  const rig = new Rig()
  const one = rig.add(page(9000))
  rig.cache.remove(one)
  rig.cache.remove(one)
  rig.cache.touch(one)
  assert.deepEqual(rig.recycled, [one])
  assert.equal(rig.cache.bytes, 0)
  rig.add(page(9000))
  assert.deepEqual(rig.dropped, [])
})

test('reads under way take at most half of the budget, the others wait in line', () => {
  const { cache } = new Rig()
  const loads = Array.from({ length: 5 }, () => new Load(2000))
  for (const load of loads) cache.load(load)
  const started = (): number[] => loads.map((load) => load.started)
  assert.deepEqual(started(), [1, 1, 0, 0, 0])
  cache.loaded(loads[0] as Load)
  assert.deepEqual(started(), [1, 1, 1, 0, 0])
  cache.loaded(loads[2] as Load)
  cache.loaded(loads[1] as Load)
  assert.deepEqual(started(), [1, 1, 1, 1, 1])
})

test('a request larger than the whole budget is read alone, and is not passed by others', () => {
  const { cache } = new Rig()
  const [small, large, later] = [new Load(100), new Load(90_000), new Load(100)]
  for (const load of [small, large, later]) cache.load(load)
  assert.deepEqual([small.started, large.started, later.started], [1, 0, 0])
  cache.loaded(small)
  assert.deepEqual([large.started, later.started], [1, 0])
  cache.loaded(large)
  assert.equal(later.started, 1)
})

test('very many waiting requests are each started once', () => {
  const { cache } = new Rig()
  const loads = Array.from({ length: 2000 }, () => new Load(1500))
  for (const load of loads) cache.load(load)
  for (const load of loads) {
    assert.equal(load.started, 1)
    cache.loaded(load)
  }
})
