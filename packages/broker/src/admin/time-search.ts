import type { Partition } from '../core/stream/partition.ts'
import { TimeSearch, type Decompress } from '../core/stream/time-lookup.ts'
import type { Turn } from '../base/turn.ts'
import { adminLimits } from './limits.ts'

/** The offset of the first record that is as young as a time; behind the newest if there is none. */
export async function findOffsetAt(
  partition: Partition,
  timestampMs: number,
  { turn, decompress }: { readonly turn: Turn; readonly decompress: Decompress },
): Promise<number> {
  const search = new TimeSearch(partition, timestampMs, {
    decompress,
    decompressedBytesMax: adminLimits.searchBytesMax,
  })
  while (search.result === undefined) {
    if (search.step()) await nextPiece(turn)
    else if (search.result === undefined) await woken(search)
  }
  return search.result?.offset ?? partition.highWatermark
}

function woken(search: TimeSearch): Promise<void> {
  return new Promise((resolve) => search.wait({ wake: resolve }))
}

/** Others have their piece of the turn first. */
function nextPiece(turn: Turn): Promise<void> {
  return new Promise((resolve) => {
    const run = (): boolean => {
      resolve()
      return false
    }
    turn.schedule({ queued: false, run })
  })
}
