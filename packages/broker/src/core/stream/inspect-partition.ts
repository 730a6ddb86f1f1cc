import type { PartitionFiles } from '../../storage/segments/segment-files.ts'
import type { BatchPlace } from '../../storage/segments/batch-reader.ts'
import { checkPage, type BrokenBatch } from './batch-page.ts'
import { isDamage } from './batch-pages.ts'
import type { PartitionState } from './partition-state.ts'

/**
 * Reads all that a partition has in its files from its log start on, for whoever wants to know whether it is sound: every byte, and nothing is changed.
 * Returns where the first thing is that is not what was written, or null. Rejects with a DiskError if it cannot be read.
 */
export async function inspectPartition(
  files: PartitionFiles,
  state: PartitionState,
): Promise<BrokenBatch | null> {
  if (state.damage !== null) return state.damage
  const { segments, nextOffset } = state.segments
  const kept = segments.filter((segment) => segment.nextOffset > state.logStart)
  files.log.restore({ segments: kept, nextOffset })
  const [missing] = await files.recovery.look()
  if (missing !== undefined) return missing
  for (const segment of files.log.segments) {
    const broken = await inspectSegment(files, state, segment)
    if (broken !== null) return broken
  }
  return null
}

/** From its beginning and from page to page, so that no index is needed: a bad one would be made again. */
async function inspectSegment(
  { reader }: PartitionFiles,
  { leaderEpoch }: PartitionState,
  { base, nextOffset }: { readonly base: number; readonly nextOffset: number },
): Promise<BrokenBatch | null> {
  let place: BatchPlace = { base, at: 0 }
  for (let offset = base; offset < nextOffset;) {
    try {
      const raw = await reader.readPage(offset, place)
      const page = checkPage(raw, { isSequential: true, leaderEpoch })
      reader.release(raw)
      if ('reason' in page) return page
      offset = page.to
      place = page.next
    } catch (error) {
      if (isDamage(error)) return error
      throw error
    }
  }
  return null
}
