/** A data directory that a broker has open, as far as starting and stopping go: how it is left, in peace and otherwise. */
import type { Logger } from '../base/log.ts'
import { DiskError } from '../storage/disk.ts'
import { StoreFailedError } from './store-failed.ts'

export interface Store {
  /** Absolute. */
  readonly directory: string
  /** Resolves once the disk has failed for good and everything that waited for it has been failed; else never. */
  readonly failed: Promise<DiskError>
  /**
   * Waits until all that was promised is on the disk, writes a snapshot, and gives the directory free. Rejects
   * with a DiskError if it could not. After a failure there is nothing left to be written.
   */
  close(): Promise<void>
}

/** How long a person may wonder before being told what is waited for. */
const TELL_EVERY_MS = 3000

/** How long a broker whose disk has failed may take over its goodbyes: the disk may answer nothing at all any more. */
const FAILED_CLOSE_MS = 2000

/**
 * Takes as long as it takes: whoever does not want to wait ends the process, and recovery makes up for it. Rejects
 * with a StoreFailedError if the disk has failed, now or before: nobody may take that for an orderly end.
 */
export async function closeStore(store: Store, log: Logger): Promise<void> {
  const telling = setInterval(() => {
    log.info('still writing to the data directory; ended now, the next start recovers it', {
      data: store.directory,
    })
  }, TELL_EVERY_MS)
  try {
    await store.close()
    const failure = await Promise.race([store.failed, Promise.resolve(null)])
    if (failure !== null) throw failure
  } catch (error) {
    throw error instanceof DiskError ? new StoreFailedError(store.directory, error) : error
  } finally {
    clearInterval(telling)
  }
}

/** Closes the broker when its disk fails, then rejects with a StoreFailedError; else it is never settled. */
export function closeWhenFailed(
  store: Store,
  { close, log }: { readonly close: () => Promise<void>; readonly log: Logger },
): Promise<never> {
  const failed = store.failed.then(async (cause): Promise<never> => {
    const { directory } = store
    const { operation, file, code } = cause
    log.error('the disk failed; closing', { data: directory, operation, file, code })
    await untilClosed(close)
    throw new StoreFailedError(directory, cause)
  })
  // Whoever does not ask for it must not be ended by a rejection that nobody handles.
  failed.catch(() => {})
  return failed
}

async function untilClosed(close: () => Promise<void>): Promise<void> {
  const patience = Promise.withResolvers<void>()
  const timer = setTimeout(patience.resolve, FAILED_CLOSE_MS)
  // That it does not close well after its disk has failed is no news.
  await Promise.race([close().catch(() => {}), patience.promise])
  clearTimeout(timer)
}
