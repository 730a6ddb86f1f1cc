import fs from 'node:fs'
import type { Disk } from '../disk.ts'
import { DirectoryInUseError } from './directory-in-use-error.ts'
import { lockDirectory } from './directory-lock.ts'
import { toDiskError } from './disk-errors.ts'
import { limits } from './limits.ts'
import { RealDisk } from './real-disk.ts'
import { systemFiles } from './system-files.ts'

export { checksum } from './checksum.ts'

export interface OpenDiskOptions {
  /** Descriptors that the file thread keeps open. */
  readonly openFilesMax?: number
}

/**
 * Opens the data directory, which is made if it is not there, and locks it until the disk is closed or the process ends. Rejects
 * with a DirectoryInUseError if it has another owner, with a DiskError if the system refuses.
 */
export async function openDisk(directory: string, options: OpenDiskOptions = {}): Promise<Disk> {
  let disk: RealDisk | null = null
  try {
    const path = makeFolders(directory)
    const lock = await lockDirectory(path, { lost: () => disk?.lockLost() })
    disk = new RealDisk(path, { lock, openFilesMax: options.openFilesMax ?? limits.openFilesMax })
    return disk
  } catch (error) {
    if (error instanceof DirectoryInUseError) throw error
    throw toDiskError(error, { operation: 'open', file: directory })
  }
}

/** Returns the directory's own path: which one is meant must not change with a link to it. */
function makeFolders(directory: string): string {
  const firstMade = fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = fs.realpathSync(directory)
  if (firstMade !== undefined) syncAbove(path, fs.realpathSync(firstMade))
  for (const name of ['journal', 'lock']) {
    fs.mkdirSync(`${path}/${name}`, { recursive: true, mode: 0o700 })
  }
  systemFiles.syncFolder(path)
  return path
}

/** A new folder's name is safe once the folder above it is: of all from `path` up to the first that was made. */
function syncAbove(path: string, firstMade: string): void {
  for (let folder = path; folder.length >= firstMade.length;) {
    const above = folder.replace(/[/\\][^/\\]*$/, '')
    systemFiles.syncFolder(above === '' ? '/' : above)
    folder = above
  }
}
