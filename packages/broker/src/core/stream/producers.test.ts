import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits } from '../limits.ts'
import { Producers, SequenceVerdict, type ProducedBatch } from './producers.ts'

function batch(
  baseSequence: number,
  change: { epoch?: number; producerId?: number; recordCount?: number } = {},
): {
  producerId: number
  epoch: number
  baseSequence: number
  recordCount: number
} {
  return { producerId: 7, epoch: 0, recordCount: 10, baseSequence, ...change }
}

test('an unknown producer may begin anywhere, then each batch follows the one before', () => {
  const producers = new Producers()
  assert.equal(producers.check(batch(40)), SequenceVerdict.next)
  producers.note(batch(40), 0, 0)
  assert.equal(producers.check(batch(50)), SequenceVerdict.next)
  assert.equal(producers.check(batch(51)), SequenceVerdict.gap)
  assert.equal(producers.check(batch(60)), SequenceVerdict.gap)
})

test('the last five batches are known again, older ones only as repetitions', () => {
  const producers = new Producers()
  for (let index = 0; index < 7; index++) producers.note(batch(index * 10), index * 100, 0)
  for (let index = 2; index < 7; index++) {
    assert.equal(producers.check(batch(index * 10)), SequenceVerdict.duplicate)
    assert.equal(producers.duplicateOffset, index * 100)
  }
  assert.equal(producers.check(batch(10)), SequenceVerdict.oldDuplicate)
  assert.equal(producers.check(batch(60, { recordCount: 5 })), SequenceVerdict.oldDuplicate)
})

test('a newer epoch begins at 0 and shuts the older one out', () => {
  const producers = new Producers()
  producers.note(batch(0), 0, 0)
  assert.equal(producers.check(batch(10, { epoch: 1 })), SequenceVerdict.gap)
  assert.equal(producers.check(batch(0, { epoch: 1 })), SequenceVerdict.next)
  producers.note(batch(0, { epoch: 1 }), 10, 0)
  assert.equal(producers.check(batch(10)), SequenceVerdict.staleEpoch)
  assert.equal(producers.check(batch(10, { epoch: 1 })), SequenceVerdict.next)
})

test('sequences start over behind the greatest 32-bit number', () => {
  const producers = new Producers()
  const top = 2 ** 31 - 5
  producers.note(batch(top), 0, 0)
  assert.equal(producers.check(batch(5)), SequenceVerdict.next)
  producers.note(batch(5), 10, 0)
  assert.equal(producers.check(batch(top)), SequenceVerdict.duplicate)
  assert.equal(producers.check(batch(2 ** 31 - 15)), SequenceVerdict.oldDuplicate)
  assert.equal(producers.check(batch(16)), SequenceVerdict.gap)
})

test('idle producers are forgotten, and no more are kept than the limit', () => {
  const producers = new Producers()
  producers.note(batch(0), 0, 0)
  producers.expire(limits.producerIdleMs)
  assert.equal(producers.count, 1)
  producers.expire(limits.producerIdleMs + 1)
  assert.equal(producers.count, 0)
  for (let producerId = 0; producerId < limits.producersPerPartitionMax + 10; producerId++) {
    producers.note(batch(0, { producerId }), 0, 0)
  }
  assert.equal(producers.count, limits.producersPerPartitionMax)
})

test('a producer that goes on writing outlasts any number of those that came and went', () => {
  const producers = new Producers()
  let nowMs = 0
  for (let index = 0; index < limits.producersPerPartitionMax * 2; index++) {
    nowMs += 1000
    producers.note(batch(index * 10), index, nowMs)
    producers.note(batch(0, { producerId: 1000 + index }), 0, nowMs)
  }
  assert.equal(producers.check(batch(0)), SequenceVerdict.oldDuplicate)
  producers.expire(nowMs + limits.producerIdleMs - 3_600_000)
  assert.equal(producers.check(batch(0)), SequenceVerdict.oldDuplicate)
  assert.ok(producers.count < limits.producersPerPartitionMax)
  producers.expire(nowMs + limits.producerIdleMs + 1)
  assert.equal(producers.count, 0)
})

function rememberAll(producers: Producers, end: number): Producers {
  const restored = new Producers()
  for (const state of producers.state(end)) restored.restore(state, 0)
  return restored
}

function produced(baseSequence: number, epoch = 0): ProducedBatch {
  return { producerId: 1, epoch, baseSequence, recordCount: 1 }
}

test('what is remembered can be told and taken back', () => {
  const producers = new Producers()
  for (let sequence = 0; sequence < 9; sequence++) {
    producers.note(produced(sequence), 100 + sequence, 0)
  }
  const restored = rememberAll(producers, 109)
  assert.equal(restored.check(produced(9)), SequenceVerdict.next)
  assert.equal(restored.check(produced(4)), SequenceVerdict.duplicate)
  assert.equal(restored.duplicateOffset, 104)
  assert.equal(restored.check(produced(3)), SequenceVerdict.oldDuplicate)
  assert.equal(restored.check(produced(10)), SequenceVerdict.gap)
})

test('a batch behind the end that is told is not taken for a repetition, nor is who has only such', () => {
  const producers = new Producers()
  for (let sequence = 0; sequence < 9; sequence++) {
    producers.note(produced(sequence), 100 + sequence, 0)
  }
  const some = rememberAll(producers, 107)
  assert.equal(some.check(produced(6)), SequenceVerdict.duplicate)
  assert.equal(some.check(produced(7)), SequenceVerdict.next)
  const none = rememberAll(producers, 104)
  assert.equal(none.count, 0)
  assert.equal(none.check(produced(4)), SequenceVerdict.next)
})
