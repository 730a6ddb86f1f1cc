import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../../base/assert.ts'
import { checksum } from '../disk/checksum.ts'
import {
  alignUp,
  BATCH_ALIGNMENT,
  BATCH_HEADER_BYTES,
  isBatchSound,
  readBatchHeader,
  writeBatchHeader,
} from './batch.ts'
import { writeOut, type SlotWrite } from './write-out.ts'

const SHAPE = { slotBytes: 65_536, slots: 4 }

/** The journal's memory, filled batch by batch as the journal does, and written out when the test says so. */
class Memory {
  readonly memory: Uint8Array = new Uint8Array(SHAPE.slotBytes + 8)
  readonly view: DataView = new DataView(this.memory.buffer)
  readonly starts: number[] = []
  head: number
  #written: number

  constructor(start: number = 0) {
    this.head = start
    this.#written = start
  }

  add(bytes: number): void {
    const { slotBytes } = SHAPE
    let position = alignUp(this.head, BATCH_ALIGNMENT)
    const next = (Math.floor(position / slotBytes) + 1) * slotBytes
    if (position + bytes > next) position = next
    const at = position % slotBytes
    const previous = this.starts.at(-1) ?? position
    this.memory.fill(position >> 12, at + BATCH_HEADER_BYTES, at + bytes)
    writeBatchHeader(this.view, at, { position, bytes, previous, syncedUpTo: 0, store: 1 })
    this.starts.push(position)
    this.head = position + bytes
  }

  out(): SlotWrite[] {
    const { memory, view, head } = this
    const writes = writeOut({ memory, view, shape: SHAPE, from: this.#written, head, checksum })
    this.#written = head
    return writes
  }

  isSound(position: number): boolean {
    const { memory, view } = this
    const at = position % SHAPE.slotBytes
    const header = readBatchHeader(view, at, position)
    return header !== null && isBatchSound(memory, { view, at, length: header.bytes }, checksum)
  }
}

test('a batch is sealed, and written up to the end of its page', () => {
  const memory = new Memory()
  memory.add(104)
  assert.ok(!memory.isSound(0))
  assert.deepEqual(memory.out(), [{ slot: 0, at: 0, bytes: 4096 }])
  assert.ok(memory.isSound(0))
})

test('batches that lie side by side are one write', () => {
  const memory = new Memory()
  for (const bytes of [104, 5000, 4096]) memory.add(bytes)
  assert.deepEqual(memory.out(), [{ slot: 0, at: 0, bytes: 4096 + 8192 + 4096 }])
  assert.deepEqual(
    memory.starts.map((start) => memory.isSound(start)),
    [true, true, true],
  )
})

test('what was written is not written again', () => {
  const memory = new Memory()
  memory.add(104)
  memory.out()
  memory.add(4200)
  assert.deepEqual(memory.out(), [{ slot: 0, at: 4096, bytes: 8192 }])
  assert.deepEqual(memory.out(), [])
})

test('batches at the end of a slot and in the next one are a write each', () => {
  const memory = new Memory()
  memory.add(60_000)
  memory.out()
  memory.add(2000)
  memory.add(8000)
  assert.deepEqual(memory.starts, [0, 61_440, 65_536])
  assert.deepEqual(memory.out(), [
    { slot: 0, at: 61_440, bytes: 4096 },
    { slot: 1, at: 0, bytes: 8192 },
  ])
})

test('a slot whose end was left unused is passed over', () => {
  const memory = new Memory()
  memory.add(40_000)
  memory.out()
  memory.add(30_000)
  assert.deepEqual(memory.out(), [{ slot: 1, at: 0, bytes: 32_768 }])
})

test('a batch that fills its slot is written to the slot’s end and not beyond', () => {
  const memory = new Memory()
  memory.add(65_536 - 4096)
  memory.out()
  memory.add(4096)
  assert.equal(memory.head, SHAPE.slotBytes)
  assert.deepEqual(memory.out(), [{ slot: 0, at: 61_440, bytes: 4096 }])
  memory.add(104)
  assert.deepEqual(memory.out(), [{ slot: 1, at: 0, bytes: 4096 }])
})

test('slots come again after the last one, in whatever lap', () => {
  const memory = new Memory(65_536 * 4 * 1000 + 65_536 * 3)
  memory.add(50_000)
  assert.equal(memory.out()[0]?.slot, 3)
  memory.add(50_000)
  assert.deepEqual(memory.out(), [{ slot: 0, at: 0, bytes: 53_248 }])
})

test('a batch of the lap before, where the next one could be, is not taken for it', () => {
  const memory = new Memory()
  memory.add(4000)
  memory.add(4000)
  memory.add(50_000)
  memory.out()
  memory.add(5000)
  memory.out()
  // In memory the third batch stands still where the next one would be if it had room there.
  assert.equal(alignUp(memory.head, BATCH_ALIGNMENT) % SHAPE.slotBytes, memory.starts[2])
  memory.add(60_000)
  assert.deepEqual(memory.out(), [{ slot: 2, at: 0, bytes: 61_440 }])
})

test('a head that is no batch’s end is a fault of ours', () => {
  const memory = new Memory()
  memory.add(104)
  memory.head += 8192
  assert.throws(() => memory.out(), AssertionError)
})
