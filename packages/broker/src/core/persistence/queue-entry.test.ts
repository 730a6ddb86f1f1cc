import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../../base/reader.ts'
import { DurableRig } from '../../testing/durable-rig.ts'
import { KeptRun } from '../queue/kept-runs.ts'
import type { Queue } from '../queue/queue.ts'
import { decodeQueueEntry, encodeQueueEntry } from './queue-entry.ts'

const run = new KeptRun({
  file: 3,
  at: 4096,
  bytes: 200,
  sharedBytes: 64,
  first: 2 ** 33,
  last: 2 ** 33 + 5,
  count: 6,
})

/** A queue without messages, as far as its numbers go. */
async function newQueue(): Promise<Queue> {
  const rig = await DurableRig.open()
  await rig.declare('q')
  return rig.queue()
}

test('an entry has the bytes that FORMAT.md says', async () => {
  const queue = await newQueue()
  queue.tail = 2 ** 33 + 6
  queue.durable?.runs.add(run)
  queue.finishRestore(7, new Map([[5, 2]]))
  run.live = 4
  assert.equal(
    encodeQueueEntry(queue, { isClean: false }).toString('hex'),
    '00000001' + // object id
      '0000000200000006' + // tail
      '0000000000000007' + // head
      '0000000000000007' + // mark
      '00000001' + // open
      '000000000000000500000002' + // number, times that it came back
      '00000001' + // runs
      '00000000000000030000000000001000' + // file, at
      '000000c800000040' + // bytes, shared bytes
      '00000002000000000000000200000005' + // first, last
      '0000000600000004' + // entries, wanted
      '00000000', // why it has stopped
  )
})

test('an entry is read as it was written', async () => {
  const queue = await newQueue()
  queue.tail = 2 ** 33 + 6
  queue.durable?.runs.add(run)
  queue.finishRestore(
    40,
    new Map([
      [5, 2],
      [39, 0],
    ]),
  )
  run.live = 4
  const entry = decodeQueueEntry(encodeQueueEntry(queue, { isClean: false }))
  assert.deepEqual(
    { ...entry, open: [...entry.open] },
    {
      objectId: 1,
      tail: 2 ** 33 + 6,
      head: 40,
      mark: 40,
      open: [5, 2, 39, 0],
      runs: [run],
      stopped: '',
    },
  )
})

test('why a queue has stopped is in its entry', async () => {
  const queue = await newQueue()
  queue.durable?.stop(new Error('keep/… is damaged'))
  const entry = decodeQueueEntry(encodeQueueEntry(queue, { isClean: false }))
  assert.equal(entry.stopped, 'keep/… is damaged')
})

test('after a clean stop nothing beyond the head may have been delivered, else all below the mark', async () => {
  const rig = await DurableRig.open()
  await rig.declare('q')
  await rig.publishAll(['a', 'b', 'c'])
  await rig.consume('q', { credit: 1 })
  const { mark } = decodeQueueEntry(encodeQueueEntry(rig.queue(), { isClean: false }))
  assert.equal(mark, rig.queue().durable?.mark)
  assert.ok(mark > 3)
  const clean = decodeQueueEntry(encodeQueueEntry(rig.queue(), { isClean: true }))
  assert.deepEqual([clean.mark, clean.head, clean.tail], [1, 1, 3])
  assert.deepEqual([...clean.open], [0, 0])
})

test('an entry that is cut off anywhere is refused', async () => {
  const queue = await newQueue()
  queue.durable?.runs.add(run)
  queue.finishRestore(7, new Map([[5, 2]]))
  queue.durable?.stop(new Error('why'))
  const bytes = encodeQueueEntry(queue, { isClean: false })
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => decodeQueueEntry(bytes.subarray(0, length)), DecodeError)
  }
})
