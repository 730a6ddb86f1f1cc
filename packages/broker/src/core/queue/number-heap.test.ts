import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { NumberHeap } from './number-heap.ts'

test('the smallest comes first, whatever was pushed and popped before', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed)
    const heap = new NumberHeap()
    let model: number[] = []
    for (let step = 0; step < 1000; step++) {
      if (random.chance(0.55)) {
        const value = random.integer(0, 500)
        heap.push(value)
        model.push(value)
        model.sort((one, other) => one - other)
      } else if (random.chance(0.99)) {
        assert.equal(heap.pop(), model.shift() ?? NaN, `seed ${seed}`)
      } else {
        assert.deepEqual(
          heap.drain().sort((one, other) => one - other),
          model,
          `seed ${seed}`,
        )
        model = []
      }
      assert.equal(heap.size, model.length)
    }
  }
})

test('an empty heap gives NaN', () => {
  const heap = new NumberHeap()
  assert.ok(Number.isNaN(heap.pop()))
  heap.push(1)
  heap.pop()
  assert.ok(Number.isNaN(heap.pop()))
  assert.equal(heap.size, 0)
})
