import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../testing/seeded-random.ts'
import { Ring } from './ring.ts'

test('a ring does what an array does', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed)
    const ring = new Ring<number>(random.integer(0, 9))
    const model: number[] = []
    for (let step = 0; step < 2000; step++) {
      const choice = random.next()
      if (choice < 0.52) {
        ring.push(step)
        model.push(step)
      } else if (choice < 0.995) {
        assert.equal(ring.shift(), model.shift(), `seed ${seed}`)
      } else {
        ring.clear()
        model.length = 0
      }
      assert.equal(ring.size, model.length, `seed ${seed}`)
      assert.equal(ring.peek(), model[0], `seed ${seed}`)
      const index = random.integer(0, model.length + 2)
      assert.equal(ring.at(index), model[index], `seed ${seed}`)
    }
  }
})

test('an empty ring gives nothing', () => {
  const ring = new Ring<string>()
  assert.equal(ring.shift(), undefined)
  assert.equal(ring.peek(), undefined)
  assert.equal(ring.at(0), undefined)
  assert.equal(ring.size, 0)
})
