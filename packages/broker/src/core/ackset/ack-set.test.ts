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
        states[index] = 'ready'
        returns[index] = (returns[index] as number) + 1
        assert.equal(acks.putBack(base + index), returns[index], `seed ${seed}`)
      } else {
        states[index] = 'settled'
        acks.settle(base + index)
      }
      assert.equal(acks.isOut(base + index), states[index] === 'out', `seed ${seed}`)
      if (step % 100 === 0) {
        assert.equal(acks.out, states.filter((each) => each === 'out').length, `seed ${seed}`)
      }
      if (states[index] !== 'settled') assert.equal(acks.returns(base + index), returns[index])
    }
    const open: number[] = []
    acks.forEachOpen((sequence) => open.push(sequence - base))
    const isOpen = (index: number): boolean =>
      states[index] === 'out' || (states[index] === 'ready' && (returns[index] as number) > 0)
    const expected = [...states.keys()].filter(isOpen)
    assert.deepEqual(
      open.sort((one, other) => one - other),
      expected,
      `seed ${seed}`,
    )
    for (const [index, state] of states.entries())
      if (state !== 'settled') acks.settle(base + index)
    assert.equal(acks.out, 0)
    assert.ok(acks.bytes <= BLOCK_SIZE, 'only the block taken from last is kept')
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

test('what is read from the disk is back, as often as it was', () => {
  const acks = new AckSet()
  acks.restore(7, 3)
  assert.ok(acks.isOpen(7))
  assert.ok(!acks.isOut(7))
  assert.equal(acks.returns(7), 3)
  acks.take(7)
  assert.equal(acks.putBack(7), 4)
})
