import { assert } from '../../base/assert.ts'
import type { Journal } from '../../storage/journal/journal.ts'
import { limits } from '../limits.ts'
import { storedBytes, type Publication } from '../message.ts'
import { RecordKind } from '../record-kind.ts'
import type { ReadRecord } from '../stream/read-record.ts'
import { recordBytesMax } from '../stream/record-batch-writer.ts'
import type { StreamAppender } from '../stream/stream-appender.ts'
import type { FeedCursor } from './feed-cursors.ts'

export interface FeedGroupContext {
  /** Null in a broker that keeps nothing. */
  readonly journal: Journal | null
  /** Of the feed's own: what it publishes into streams is to be in the group's batch. */
  readonly appender: StreamAppender
}

/** Records whose messages and cursor go into one batch of the journal. */
export class FeedGroup {
  readonly #context: FeedGroupContext
  #bytesLeft: number = -1
  #batch: number = -1

  constructor(context: FeedGroupContext) {
    this.#context = context
  }

  /** Makes room for what one record becomes, at most `bytes`. Throws RecordTooLarge if no batch can hold it. */
  hasRoom(bytes: number): boolean {
    const { journal } = this.#context
    if (this.#bytesLeft === -1) {
      const most = journal === null ? Infinity : journal.shape.slotBytes / 4
      if (bytes > most)
        throw new RecordTooLarge('with all its targets it is larger than the journal takes at once')
      this.#bytesLeft = Math.min(Math.max(bytes, limits.feedBytesPerRun), most)
      this.#batch = journal?.together(this.#bytesLeft) ?? -1
    }
    if (bytes > this.#bytesLeft) return false
    this.#bytesLeft -= bytes
    return true
  }

  /** All of the group is published: what streams have of it is appended, and the cursor written. */
  end({ id, offset }: FeedCursor): void {
    const { journal, appender } = this.#context
    appender.flush()
    if (journal === null || id === 0) return
    // Of records that were gone there is nothing but the cursor.
    if (this.#bytesLeft === -1) this.#batch = journal.together(RECORD_BYTES)
    journal.reserve(RecordKind.feedCursor, 1, 0)
    journal.setTarget(0, id, offset)
    journal.finish()
    assert(
      journal.openBatch === this.#batch,
      'what a feed has carried is in one batch with its cursor',
    )
  }
}

/** Of a record that cannot be carried, whatever the room. */
export class RecordTooLarge extends Error {}

/** Header, target and mark of a record of the journal, and its alignment; the cursor of a group besides. */
const RECORD_BYTES = 128
const TARGET_BYTES = 96

/** The most that the journal takes for a record: one message for all queues, in each stream a batch of its own. */
export function groupBytesMax(
  record: ReadRecord,
  publication: Publication,
  { queues, streams }: { readonly queues: number; readonly streams: number },
): number {
  const message = queues === 0 ? 0 : storedBytes(publication) + queues * TARGET_BYTES
  // Its header bytes once more, for readers of the protocol by which it came, and its address.
  const inStream = 2 * recordBytesMax(record) + 2 * storedBytes(publication) + RECORD_BYTES * 2
  return RECORD_BYTES + message + streams * inStream
}
