import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { AckSet, BLOCK_SIZE } from './ack-set.ts'

test('the set does what a table of states does', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = new SeededRandom(seed)
    // Numbers of four gigabytes and more too: they are no 32-bit integers any more.
    const base = random.pick([0, 5 * BLOCK_SIZE, 2 ** 31 - BLOCK_SIZE, 2 ** 40])
    const count = 3 * BLOCK_SIZE
    const acks = new AckSet()
    const states = new Array<'ready' | 'out' | 'settled'>(count).fill('ready')
    const returns = new Array<number>(count).fill(0)
    for (let step = 0; step < 20_000; step++) {
      const index = random.integer(0, count - 1)
      const state = states[index]
      if (state === 'settled') continue
      if (state === 'ready' && random.chance(0.8)) {
        acks.take(base + index)
        states[index] = 'out'
      } else if (state === 'out' && random.chance(0.4)) {
        acks.putBack(base + index)
        states[index] = 'ready'
        returns[index] = (returns[index] as number) + 1
      } else {
        const start = index - (index % BLOCK_SIZE)
        states[index] = 'settled'
        const isLast = states.slice(start, start + BLOCK_SIZE).every((each) => each === 'settled')
        assert.equal(acks.settle(base + index), isLast, `seed ${seed}`)
      }
      assert.equal(acks.isOut(base + index), states[index] === 'out', `seed ${seed}`)
      if (step % 100 === 0) {
        assert.equal(acks.out, states.filter((each) => each === 'out').length, `seed ${seed}`)
      }
      if (states[index] !== 'settled') assert.equal(acks.returns(base + index), returns[index])
    }
    for (const [index, state] of states.entries())
      if (state !== 'settled') acks.settle(base + index)
    assert.equal(acks.out, 0)
    assert.equal(acks.bytes, 0)
  }
})

test('a block that is used again remembers nothing of its former numbers', () => {
  const acks = new AckSet()
  for (let i = 0; i < BLOCK_SIZE; i++) {
    acks.take(i)
    acks.putBack(i)
    acks.settle(i)
  }
  acks.take(BLOCK_SIZE)
  for (let i = BLOCK_SIZE; i < 2 * BLOCK_SIZE; i++) {
    assert.equal(acks.isOut(i), i === BLOCK_SIZE)
    assert.equal(acks.returns(i), 0)
  }
  assert.ok(!acks.isOut(0))
  assert.equal(acks.returns(0), 0)
})

test('a stuck number costs its block and no more', () => {
  const acks = new AckSet()
  for (let i = 0; i < 1_000_000; i++) {
    acks.take(i)
    if (i !== 5) acks.settle(i)
  }
  assert.ok(acks.isOut(5))
  assert.ok(acks.bytes <= 2 * BLOCK_SIZE, `${acks.bytes} bytes`)
})

test('asking about a number that was never touched makes no block', () => {
  const acks = new AckSet()
  for (let i = 0; i < 100; i++) {
    assert.ok(!acks.isOut(i * BLOCK_SIZE))
    assert.equal(acks.returns(i * BLOCK_SIZE), 0)
  }
  assert.equal(acks.bytes, 0)
})
