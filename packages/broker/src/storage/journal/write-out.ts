import { assert } from '../../base/assert.ts'
import type { Checksum, JournalShape } from '../disk.ts'
import { alignUp, BATCH_ALIGNMENT, readBatchHeader, sealBatch } from './batch.ts'

/** A run of bytes of the journal's memory, and where in which slot's file it goes. */
export interface SlotWrite {
  readonly slot: number
  /** In the slot's file, and the same in memory: both are as large as a slot. */
  readonly at: number
  readonly bytes: number
}

/** Writes further behind the batch's end, so that no page is read before it is written: up to a boundary. */
const PAGE_BYTES = 4096

/**
 * What the journal's thread does with the batches in [from, head): puts the CRC into each and says what is to be
 * written where. `from` is where the last such call ended, `head` the end of a batch. No list is longer than two: batches of a slot
 * that lie side by side are one run.
 */
export function writeOut(options: {
  readonly memory: Uint8Array
  readonly view: DataView
  readonly shape: JournalShape
  readonly from: number
  readonly head: number
  readonly checksum: Checksum
}): SlotWrite[] {
  const { memory, view, shape, head, checksum } = options
  const { slotBytes, slots } = shape
  const writes: SlotWrite[] = []
  let position = options.from
  let runStart = -1
  const endRun = (end: number): void => {
    if (runStart === -1) return
    const at = runStart % slotBytes
    // To the page's end: what lies behind the batch there is nobody's, and a whole page need not be read first.
    const bytes = Math.min(alignUp(end, PAGE_BYTES), nextSlot(runStart, slotBytes)) - runStart
    writes.push({ slot: Math.floor(runStart / slotBytes) % slots, at, bytes })
    runStart = -1
  }
  while (position < head) {
    const next = findBatch(view, position, slotBytes)
    // Of the run, not of the last batch's end: that may be the slot's end, and so where the next one begins.
    if (next >= nextSlot(Math.max(runStart, 0), slotBytes)) endRun(position)
    const at = next % slotBytes
    const header = readBatchHeader(view, at, next)
    assert(header !== null, 'a batch begins where the one before it ends, or in the next slot')
    sealBatch(memory, view, at, checksum)
    if (runStart === -1) runStart = next
    position = next + header.bytes
  }
  endRun(position)
  return writes
}

/** Where the batch begins that follows the one that ends at `end`. */
function findBatch(view: DataView, end: number, slotBytes: number): number {
  const aligned = alignUp(end, BATCH_ALIGNMENT)
  if (readBatchHeader(view, aligned % slotBytes, aligned) !== null) return aligned
  return nextSlot(end, slotBytes)
}

function nextSlot(position: number, slotBytes: number): number {
  return (Math.floor(position / slotBytes) + 1) * slotBytes
}
