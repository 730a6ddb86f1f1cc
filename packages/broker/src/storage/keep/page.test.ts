import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Page, PageMemory } from './page.ts'

function page(sequences: readonly number[], first?: number, last?: number): Page {
  const count = sequences.length
  return new Page(new PageMemory(1000), {
    sequences: Float64Array.from(sequences),
    offsets: new Int32Array(count),
    lengths: new Int32Array(count),
    first: first ?? (sequences[0] as number),
    last: last ?? (sequences[count - 1] as number),
  })
}

test('a page covers all between its first and its last number, there or not', () => {
  const some = page([10, 12, 20], 9, 22)
  assert.deepEqual(
    [8, 9, 11, 22, 23].map((sequence) => some.covers(sequence)),
    [false, true, true, true, false],
  )
})

test('numbers are found in whatever order they are asked for', () => {
  const numbers = Array.from({ length: 500 }, (_, i) => 3 * i + (i > 250 ? 2 ** 40 : 0))
  const some = page(numbers)
  for (const [index, sequence] of numbers.entries()) assert.equal(some.indexOf(sequence), index)
  for (const index of [499, 0, 250, 251, 3, 2, 1]) {
    assert.equal(some.indexOf(numbers[index] as number), index)
  }
})

test('a number that is not there is not found, and does not confuse what comes next', () => {
  const some = page([10, 12, 14])
  for (const missing of [11, 13, 9, 15, 0, 2 ** 50]) {
    assert.equal(some.indexOf(missing), -1)
    assert.equal(some.indexOf(12), 1)
    assert.equal(some.indexOf(14), 2)
  }
})

test('a page of one number, and one of none', () => {
  assert.equal(page([5]).indexOf(5), 0)
  assert.equal(page([5]).indexOf(6), -1)
  assert.equal(page([], 5, 9).indexOf(7), -1)
})

test('memory of a page has room for a copy in words past its last octet', () => {
  for (const bytes of [0, 1, 8, 1001]) {
    const { buffer, words, view } = new PageMemory(bytes)
    assert.ok(buffer.length >= bytes + 8)
    assert.equal(buffer.length % 8, 0)
    assert.equal(buffer.buffer, words.buffer)
    assert.equal(buffer.buffer, view.buffer)
  }
})
