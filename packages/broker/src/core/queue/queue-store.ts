import type { Journal } from '../../storage/journal/journal.ts'
import type { PageReader } from '../../storage/keep/page-reader.ts'
import type { Committer, Safety } from '../commits.ts'
import type { DurableOwner, DurableState } from './durable-state.ts'
import type { PageCache } from './page-cache.ts'

/** What queues need of the store; there is none in a broker that keeps everything in memory. */
export interface QueueStore {
  readonly journal: Journal
  readonly reader: PageReader
  readonly pages: PageCache
  /** Number of the turn whose promises are being made. */
  readonly openTurn: number
  /** Broker.whenSafe */
  whenSafe(committer: Committer, safety: Safety): void
  /** Has `flush` called once, before the journal's next batch is sealed, at the latest after `limits.ackDelayMs`. */
  flushSoon(state: DurableState): void
  /** Has `wake` called once when the journal has room again. */
  whenRoom(owner: DurableOwner): void
  /** `count` messages of a keep file are wanted no more. */
  keptSettled(file: number, count: number): void
  /** A queue has stopped because of what its files are; told once. */
  stopped(queue: string, error: Error): void
}

/**
 * Positions in the memory log begin here, where there is a journal beside it, so that one number says where a record is.
 * No journal ever comes so far: at a gigabyte a second that takes a hundred years.
 */
export const MEMORY_BASE: number = 2 ** 52
