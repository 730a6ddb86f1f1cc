/** What is to be kept and how safely: the same for the command and the embed API. */
import { resolve } from 'node:path'
import type { Durability } from '../core/commits.ts'
import { durabilities } from '../core/durability.ts'

export const standardDurability: Durability = 'sync'

/** Enough for what is on its way when publishers are stopped, and for whoever else writes to this disk. */
export const standardDiskFreeBytesMin: number = 512 * 1024 ** 2

export interface DataOptions {
  /**
   * Where everything is kept; made if it is not there. A relative path is resolved against the working
   * directory. It has one broker at a time.
   */
  readonly directory: string
  /**
   * When a message counts as safe, and is confirmed and shown to consumers: `sync` once it is on the disk, `os` once
   * the system has it (it survives the end of the process, not a power cut), `memory` at once. It holds
   * for queues and topics that do not say; `sync` unless set.
   */
  readonly durability?: Durability | undefined
  /** Publishers wait while less than this is free on the disk; 0 never lets them wait. 512 MiB unless set. */
  readonly diskFreeBytesMin?: number | undefined
}

export interface ResolvedData {
  /** Absolute. */
  readonly directory: string
  readonly durability: Durability
  readonly diskFreeBytesMin: number
}

/** Fills in the defaults. Throws a RangeError for what cannot be meant; the command has checked before. */
export function resolveData(data: DataOptions): ResolvedData {
  const { directory, durability = standardDurability } = data
  const { diskFreeBytesMin = standardDiskFreeBytesMin } = data
  // Resolved, an empty path would be the working directory, and fill with files that nobody expects there.
  if (directory === '') throw new RangeError('data.directory is empty: name a directory')
  if (!durabilities.includes(durability)) {
    throw new RangeError(`data.durability is one of ${durabilities.join(', ')}`)
  }
  if (!Number.isSafeInteger(diskFreeBytesMin) || diskFreeBytesMin < 0) {
    throw new RangeError('data.diskFreeBytesMin is a whole number of bytes, or 0')
  }
  return { directory: resolve(directory), durability, diskFreeBytesMin }
}
