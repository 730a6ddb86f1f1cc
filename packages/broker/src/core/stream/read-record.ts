import type { RecordHeader } from './record-cursor.ts'

/** One record of a partition, out of its batch. Key, value and headers are views: valid as long as the buffer that they are of. */
export interface ReadRecord {
  readonly offset: number
  /** Milliseconds; -1 for none. */
  readonly timestamp: number
  readonly key: Buffer | null
  /** Null is a tombstone. */
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}
