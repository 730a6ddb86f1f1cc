import { BEFORE, type Moment } from './history.ts'
import type { Judgement } from './judgement.ts'
import type { PartitionHistory } from './stream-history.ts'
import type { ObservedPartition } from './stream-observation.ts'

/** All in which what was found of a partition is not what was promised. */
export function* judgePartition(
  history: PartitionHistory,
  found: ObservedPartition,
  options: Judgement,
): Iterable<string> {
  const { moment, mayStop = false } = options
  yield* strangers(history, found, moment)
  if (found.damage !== null) {
    if (!mayStop) yield `it has stopped: ${found.damage}`
    return
  }
  const { logStart, logEnd, highWatermark } = found
  if (highWatermark !== logEnd) yield `readers see up to ${highWatermark}, and it ends at ${logEnd}`
  const end = promisedEnd(history, options)
  if (logEnd < end) yield `it ends at ${logEnd}, and ${end} was promised`
  const gap = findGap(found)
  if (gap !== null) yield `there is nothing at ${gap}, between ${logStart} and ${logEnd}`
  yield* judgeStart(history, logStart, moment)
  yield* found.wrong
}

/** Whatever is there is what was put there, and nothing else ever has its offset. */
function* strangers(
  history: PartitionHistory,
  found: ObservedPartition,
  moment: Moment,
): Iterable<string> {
  const known = new Map(history.batches.map((entry) => [entry.baseOffset, entry]))
  for (const { bytes, baseOffset } of found.batches) {
    const entry = known.get(baseOffset)
    if (entry === undefined || entry.appendedAt > moment) yield `${baseOffset} came from nowhere`
    else if (!entry.bytes.equals(bytes)) yield `${baseOffset} is not what was put there`
  }
}

/** Behind all that was confirmed, and all that any reader could see. */
function promisedEnd(
  history: PartitionHistory,
  { moment, crash, isClean = false }: Judgement,
): number {
  const { batches, marks } = history
  if (isClean) return batches.at(-1)?.nextOffset ?? marks.at(-1)?.offset ?? 0
  const limit = history.promises(crash) ? moment : BEFORE
  const ends = batches.filter(({ confirmedAt }) => confirmedAt <= limit)
  const seen = marks.filter(({ at }) => at <= limit)
  return Math.max(
    0,
    ...ends.map(({ nextOffset }) => nextOffset),
    ...seen.map((each) => each.offset),
  )
}

/** The first offset that should be there and is not. */
function findGap({ logStart, logEnd, batches }: ObservedPartition): number | null {
  let next = logStart
  for (const { baseOffset, nextOffset } of batches) {
    if (baseOffset !== next) return next
    next = nextOffset
  }
  return next === logEnd ? null : next
}

/** It never goes back, and does not move further than it was about to. */
function* judgeStart(
  { starts, marks }: PartitionHistory,
  logStart: number,
  moment: Moment,
): Iterable<string> {
  const least = starts.findLast(({ at }) => at <= moment)?.offset ?? 0
  if (logStart < least) yield `it starts at ${logStart}, and started at ${least} before`
  const most = starts.find(({ at }) => at > moment)?.offset ?? marks.at(-1)?.offset ?? 0
  if (logStart > Math.max(least, most))
    yield `it starts at ${logStart}, and nothing before ${most} was to go`
}
