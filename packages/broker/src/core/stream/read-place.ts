import type { RecordLog } from '../../storage/message-log.ts'
import { BatchCursor } from './batch-index.ts'
import type { BatchPage } from './batch-page.ts'

/** What shows batches that are in memory. */
export type BatchSource = Pick<RecordLog, 'buffer' | 'offset' | 'length' | 'locate'>

/** What came of looking for a batch. */
export const Seek = {
  found: 'found',
  /** It has to be read from the disk first: see Partition.load(). */
  onDisk: 'on-disk',
  /** There is no such batch, now or any more. */
  none: 'none',
} as const
export type Seek = (typeof Seek)[keyof typeof Seek]

/**
 * A batch that a reader has come to, and the way to those behind it, in memory or in a page read back. Filled by
 * Partition.seek(), and valid until others have their turn: by then the bytes may be elsewhere.
 */
export class ReadPlace {
  readonly cursor: BatchCursor = new BatchCursor()
  /** Null: the batch is in the log. */
  page: BatchPage | null = null
  /** Where the batch lies, after locate(). */
  buffer: Buffer
  offset: number = 0
  #log: BatchSource | null = null

  constructor() {
    this.buffer = nothing
  }

  inLog(log: BatchSource): typeof Seek.found {
    this.#log = log
    this.page = null
    return Seek.found
  }

  inPage(page: BatchPage): typeof Seek.found {
    this.page = page
    return Seek.found
  }

  /** Points `buffer` and `offset` at the cursor's batch. */
  locate(): void {
    const { position } = this.cursor
    if (this.page !== null) {
      this.buffer = this.page.buffer
      this.offset = position
      return
    }
    const log = this.#log as BatchSource
    log.locate(position)
    this.buffer = log.buffer
    this.offset = log.offset
  }

  /** Holds on to nothing any more. */
  clear(): void {
    this.page = null
    this.buffer = nothing
  }
}

const nothing = Buffer.alloc(0)
