/** What `polymq repair --dry-run` looks at: everything that a start would read, and all that a start leaves for later. Loaded for it alone. */
import { resolve } from 'node:path'
import { checksum, openDisk } from '../storage/disk/open-disk.ts'
import { DryDisk } from '../storage/inspection/dry-disk.ts'
import { storageLimits } from '../storage/limits.ts'
import type { RepairReport } from '../storage/repair-report.ts'
import { Inspection } from './inspection/inspection.ts'

/**
 * Reads a data directory that no broker has, and changes nothing in it. Rejects with a DirectoryInUseError if a broker has
 * it, with a StoreVersionError or StoreShapeError if it is another PolyMQ's, with a DiskError if the system refuses.
 */
export async function inspectStore(directory: string): Promise<RepairReport> {
  const path = resolve(directory)
  const { slotBytes, slots } = storageLimits
  const disk = await openDisk(path)
  try {
    const shape = { slotBytes, slots }
    return await new Inspection({ disk: new DryDisk(disk), shape, checksum }).run(path)
  } finally {
    await disk.close()
  }
}
