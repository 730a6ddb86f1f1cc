import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Memory } from '../memory.ts'
import { BatchCursor, BatchIndex } from './batch-index.ts'

const count = 1000

/** Batches of 1 to 3 records; the timestamps go up and down. */
function filled(): { index: BatchIndex; memory: Memory; bases: number[]; times: number[] } {
  const memory = new Memory(2 ** 30, 0.9)
  const index = new BatchIndex(memory)
  const bases: number[] = []
  const times: number[] = []
  for (let number = 0, baseOffset = 0; number < count; number++) {
    const timestamp = 1000 + ((number * 37) % 500) + number
    index.append({ baseOffset, position: number * 1000, timestamp, bytes: number })
    bases.push(baseOffset)
    times.push(timestamp)
    baseOffset += 1 + (number % 3)
  }
  return { index, memory, bases, times }
}

test('every offset is found in the batch that holds it, before and after removals', () => {
  const { index, bases } = filled()
  const cursor = new BatchCursor()
  for (let removed = 0; removed <= 900; removed += 300) {
    const first = bases[removed] as number
    for (let offset = first; offset < (bases[count - 1] as number); offset += 7) {
      assert.ok(index.seek(cursor, offset))
      const expected = bases.findLast((base) => base <= offset)
      assert.equal(cursor.baseOffset, expected)
      assert.equal(cursor.position, bases.indexOf(expected as number) * 1000)
    }
    assert.equal(index.seek(cursor, first - 1), false)
    for (let left = 300; left > 0 && index.count > 0; left--) index.shift()
  }
})

test('a cursor walks from the first batch to the last', () => {
  const { index, bases } = filled()
  const cursor = new BatchCursor()
  const seen: number[] = []
  for (let more = index.first(cursor); more; more = cursor.next()) seen.push(cursor.baseOffset)
  assert.deepEqual(seen, bases)
  assert.ok(index.last(cursor))
  assert.equal(cursor.bytes, count - 1)
})

test('a search by time finds the first batch that is young enough', () => {
  const { index, bases, times } = filled()
  const cursor = new BatchCursor()
  for (let time = 900; time < 2600; time += 13) {
    const expected = times.findIndex((each) => each >= time)
    assert.equal(index.seekTime(cursor, time), expected !== -1)
    if (expected !== -1) assert.equal(cursor.baseOffset, bases[expected])
  }
  assert.equal(index.timestampMax, Math.max(...times))
})

test('the memory of the index is counted, and given back with the batches', () => {
  const { index, memory } = filled()
  assert.ok(memory.indexBytes >= count * 28)
  while (index.count > 0) index.shift()
  assert.equal(memory.indexBytes, 0)
  assert.equal(index.first(new BatchCursor()), false)
  index.append({ baseOffset: 5, position: 1, timestamp: 1, bytes: 1 })
  assert.ok(index.first(new BatchCursor()))
})
