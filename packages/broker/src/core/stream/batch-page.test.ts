import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newStoredBatch } from '../../testing/batches.ts'
import { BatchCursor } from './batch-index.ts'
import { BatchPage, checkPage } from './batch-page.ts'

const batches = [0, 2, 4].map((offset) => newStoredBatch(7 + offset, { records: 2, bytes: 5 }))
const whole = Buffer.concat(batches)

function check(bytes: Buffer): ReturnType<typeof checkPage> {
  const place = { base: 0, at: 1000 }
  const endOffset = bytes.length === whole.length ? 13 : null
  const raw = { memory: bytes, bytes, file: 'streams/1/x.log', place, endOffset }
  return checkPage(raw, { isSequential: false, leaderEpoch: 0 })
}

test('a page knows its batches, and where the one behind them begins', () => {
  const page = check(whole)
  assert.ok(page instanceof BatchPage)
  assert.deepEqual([page.from, page.to, page.next], [7, 13, { base: 0, at: 1000 + whole.length }])
  const cursor = new BatchCursor()
  page.seek(cursor, 10)
  assert.deepEqual([cursor.baseOffset, cursor.bytes], [9, batches[1]?.length])
  assert.deepEqual(
    page.buffer.subarray(cursor.position, cursor.position + cursor.bytes),
    batches[1],
  )
  assert.ok(cursor.next() && !cursor.next())
})

test('a last batch that is cut off is not of the page', () => {
  for (let end = (batches[0]?.length ?? 0) + 1; end < whole.length; end += 7) {
    const page = check(whole.subarray(0, end))
    assert.ok(page instanceof BatchPage)
    const isTwo = end >= (batches[0]?.length ?? 0) + (batches[1]?.length ?? 0)
    assert.equal(page.to, isTwo ? 11 : 9)
  }
})

test('no bit can be turned over unseen', () => {
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const bytes = Buffer.from(whole)
    bytes.writeUInt8((bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7)), bit >> 3)
    const page = check(bytes)
    // A length that is too great looks like a batch that is cut off: its reader comes to it next, and finds out.
    const isShorter = page instanceof BatchPage && page.to < 13 && isLength(bit >> 3)
    assert.ok(!(page instanceof BatchPage) || isShorter, `bit ${bit}`)
  }
})

test('a batch alone is told by what follows it', () => {
  const [first] = batches
  assert.ok(first)
  const bytes = Buffer.concat([first, (batches[1] ?? first).subarray(0, 20)])
  assert.ok(check(bytes) instanceof BatchPage)
  bytes.writeUInt8(6, 7)
  assert.ok(!(check(bytes) instanceof BatchPage))
})

function isLength(at: number): boolean {
  const starts = batches.map((_, index) => Buffer.concat(batches.slice(0, index)).length)
  return starts.some((start) => at >= start + 8 && at < start + 12)
}
