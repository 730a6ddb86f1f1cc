import { DiskError } from '../disk.ts'

/**
 * What the system said, as storage knows it. Throws what is not the system's: a fault of ours, which must end the thread
 * and not pass for one of the disk.
 */
export function toDiskError(
  error: unknown,
  context: { readonly operation: string; readonly file: string },
): DiskError {
  if (error instanceof DiskError) return error
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  // Node's own complaints about arguments begin with ERR_.
  if (code === undefined || code.startsWith('ERR_')) throw error
  return Object.assign(new DiskError(code, context), { cause: error })
}

/** A DiskError as it crosses between threads, where its class would be lost. */
export interface PlainDiskError {
  readonly code: string
  readonly operation: string
  readonly file: string
}

export function toPlain({ code, operation, file }: DiskError): PlainDiskError {
  return { code, operation, file }
}

export function fromPlain(plain: PlainDiskError): DiskError {
  return new DiskError(plain.code, plain)
}

/** For those who wait for a thread that is no more. */
export function deadThreadError(thread: string, cause: unknown): DiskError {
  const error = new DiskError('EIO', {
    operation: 'wait for',
    file: `the ${thread}, which has ended`,
  })
  return Object.assign(error, { cause })
}
