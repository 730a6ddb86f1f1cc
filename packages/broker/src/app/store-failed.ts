import type { DiskError } from '../storage/disk.ts'

/**
 * The disk failed, and the broker has closed itself: what waited for the disk was not confirmed. It is
 * not tried again, because a system that has failed to write once forgets what it had to write and says
 * yes the next time. A broker started anew on the directory recovers whatever was confirmed.
 */
export class StoreFailedError extends Error {
  override readonly name = 'StoreFailedError'
  readonly directory: string
  /** Relative to the directory. */
  readonly file: string
  readonly operation: string
  /** As the system has it: EIO. */
  readonly code: string

  constructor(directory: string, cause: DiskError) {
    const { operation, file, code } = cause
    super(`the disk failed at ${operation} of ${file} in ${directory}: ${code}`, { cause })
    this.directory = directory
    this.file = file
    this.operation = operation
    this.code = code
  }
}
