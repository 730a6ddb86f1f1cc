import type { FileEntry } from '../disk.ts'
import { StoreDamage } from '../store-damage.ts'
import { INDEX_ENTRY_BYTES, TIME_ENTRY_BYTES } from './index-entries.ts'
import {
  parseSegmentFile,
  segmentFile,
  SegmentPart,
  STREAMS_FOLDER,
  type SegmentFileName,
} from './segment-file.ts'
import type { SegmentLog } from './segment-log.ts'
import type { Segment } from './segment.ts'

/** Names of files that nobody knows, in one log line. */
const NAMES_LOGGED_MAX = 5

/**
 * Brings the files of a partition in line with what a snapshot and the journal say, after the broker was stopped in any way.
 *
 * First look(), which changes nothing; then the batches of the journal are added again, over the same bytes if they had reached
 * the file; finish() cuts off what lies beyond, which was promised to nobody. If anything that was safe is missing it is damage: then
 * nothing is cut off or removed, and what is added goes into a file of its own.
 */
export class SegmentRecovery {
  readonly #log: SegmentLog
  /** By name; null before look(). */
  #files: Map<string, number> | null = null
  readonly #broken = new Map<Segment, StoreDamage>()
  /** Files of what was gone before. */
  readonly #past = new Set<string>()
  /** The last segment that the snapshot knew. */
  #lastBase: number = -1

  constructor(log: SegmentLog) {
    this.#log = log
  }

  /** Looks what files there are, and returns where something safe is missing. To be done before anything is added. */
  async look(): Promise<StoreDamage[]> {
    const { segments } = this.#log
    const files = await this.#list()
    for (const segment of segments) {
      this.#lastBase = segment.base
      const problem = this.#problemOf(segment, files)
      if (problem === null) continue
      this.#broken.set(segment, problem)
      segment.isClosed = true
    }
    return [...this.#broken.values()]
  }

  async #list(): Promise<Map<string, number>> {
    if (this.#files !== null) return this.#files
    const { disk } = this.#log.context
    const entries = await disk.list(this.#log.folder)
    this.#files = new Map(entries.map(({ name, bytes }) => [name, bytes]))
    this.#nameUnknown(entries)
    return this.#files
  }

  #nameUnknown(entries: readonly FileEntry[]): void {
    const unknown = entries.filter(isUnknown)
    if (unknown.length === 0) return
    const names = unknown.slice(0, NAMES_LOGGED_MAX).map(({ name }) => name)
    const { folder, context } = this.#log
    context.logger.warn(
      'files that are not ours lie among those of a stream; they are left alone',
      {
        folder,
        files: names.join(' '),
        count: unknown.length,
      },
    )
  }

  #problemOf(segment: Segment, files: ReadonlyMap<string, number>): StoreDamage | null {
    const bytesOf = (part: SegmentPart): number => files.get(this.#nameOf(segment, part)) ?? 0
    const hasIndexes =
      bytesOf(SegmentPart.index) >= segment.indexEntries * INDEX_ENTRY_BYTES &&
      bytesOf(SegmentPart.timeIndex) >= segment.timeEntries * TIME_ENTRY_BYTES
    if (!hasIndexes) segment.hasBadIndex = true
    const at = bytesOf(SegmentPart.log)
    if (at >= segment.bytes) return null
    const file = segmentFile(this.#log.folder, segment.base, SegmentPart.log)
    const isThere = files.has(this.#nameOf(segment, SegmentPart.log))
    const has = isThere ? 'it ends here' : 'it is not there'
    return new StoreDamage({ file, at, reason: `${has}, and should have ${segment.bytes} bytes` })
  }

  #nameOf(segment: Segment, part: SegmentPart): string {
    return segmentFile(this.#log.folder, segment.base, part).slice(this.#log.folder.length + 1)
  }

  /**
   * All that the journal has is added and written. `logStart`: records before it are gone for good, so nobody misses them.
   * Returns what is damaged, or null.
   */
  async finish(logStart: number): Promise<StoreDamage | null> {
    const log = this.#log
    const files = await this.#list()
    // Where records are gone that the snapshot still had the end of.
    for (const name of log.dropBefore(logStart)) this.#past.add(name)
    for (const [segment, damage] of this.#broken) if (!segment.isRemoved) return damage
    const operations: Promise<void>[] = []
    const bases = new Map(log.segments.map((segment) => [segment.base, segment]))
    for (const [name, bytes] of files) {
      const parsed = parseSegmentFile(name)
      if (parsed === null) continue
      const segment = bases.get(parsed.base)
      if (segment === undefined) this.#removeStray(name, parsed, operations)
      else this.#cutOff(segment, { name, bytes, part: parsed.part }, operations)
    }
    await Promise.all(operations)
    return null
  }

  /**
   * Files of records that are gone go when a snapshot says so. The record of the journal that says it may itself be one that the system had and
   * the disk did not: if a power cut took it now, the last snapshot would miss them.
   */
  async removePast(): Promise<void> {
    const names = [...this.#past]
    this.#past.clear()
    await this.#log.removeFiles(names)
  }

  #removeStray(name: string, { base }: SegmentFileName, operations: Promise<void>[]): void {
    const log = this.#log
    const isPast = base < (log.segments[0]?.base ?? log.nextOffset)
    const isBeyond = base > this.#lastBase
    const file = `${log.folder}/${name}`
    if (isPast) this.#past.add(file)
    else if (isBeyond) operations.push(log.context.disk.remove(file))
    else log.context.logger.warn('a segment that nobody knows is left alone', { file: name })
  }

  #cutOff(
    segment: Segment,
    { name, bytes, part }: { name: string; bytes: number; part: SegmentPart },
    operations: Promise<void>[],
  ): void {
    const end = endOf(segment, part)
    if (bytes <= end) return
    operations.push(this.#log.context.disk.truncate(`${this.#log.folder}/${name}`, end))
  }
}

/** Removes all files of a partition that is gone. What is not ours stays, and its folder with it. */
export async function removeSegments(log: SegmentLog): Promise<void> {
  const { disk, logger } = log.context
  log.discard()
  const entries = await disk.list(log.folder)
  const known = entries.filter((entry) => !isUnknown(entry))
  await Promise.all(known.map(({ name }) => disk.remove(`${log.folder}/${name}`)))
  if (known.length < entries.length) {
    logger.warn('the folder of a deleted stream is left: files that are not ours are in it', {
      folder: log.folder,
    })
    return
  }
  await disk.removeFolder(log.folder)
  await disk.syncFolder(STREAMS_FOLDER)
}

function isUnknown({ name, isFolder }: FileEntry): boolean {
  return isFolder || parseSegmentFile(name) === null
}

function endOf(segment: Segment, part: SegmentPart): number {
  switch (part) {
    case SegmentPart.log:
      return segment.bytes
    case SegmentPart.index:
      return segment.indexEntries * INDEX_ENTRY_BYTES
    case SegmentPart.timeIndex:
      return segment.timeEntries * TIME_ENTRY_BYTES
  }
}
