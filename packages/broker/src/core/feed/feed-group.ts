import { assert } from '../../base/assert.ts'
import type { Journal } from '../../storage/journal/journal.ts'
import { limits } from '../limits.ts'
import { storedBytes, type MessageFormats, type Publication } from '../message.ts'
import { RecordKind } from '../record-kind.ts'
import type { Route } from '../routing/route.ts'
import { batchHeaderBytes } from '../stream/record-batch.ts'
import { recordBytesMax } from '../stream/record-batch-writer.ts'
import { recordOf } from '../stream/record-message.ts'
import type { StreamAppender } from '../stream/stream-appender.ts'
import type { FeedCursor } from './feed-cursors.ts'

export interface FeedGroupContext {
  /** Null in a broker that keeps nothing. */
  readonly journal: Journal | null
  /** Of the feed's own: what it publishes into streams is to be in the group's batch. */
  readonly appender: StreamAppender
}

/** Whether a group takes one more record. */
export const Room = {
  made: 'made',
  /** The next group does. */
  full: 'full',
  /** None can, before the disk has caught up. */
  later: 'later',
} as const
export type Room = (typeof Room)[keyof typeof Room]

/** Records whose messages and cursor go into one batch of the journal. */
export class FeedGroup {
  readonly #context: FeedGroupContext
  #bytesLeft: number = -1
  #batch: number = -1

  constructor(context: FeedGroupContext) {
    this.#context = context
  }

  /** Makes room for what one record becomes, at most `bytes`. Throws RecordTooLarge if no batch can hold it. */
  makeRoom(bytes: number): Room {
    if (this.#bytesLeft === -1) {
      const room = this.#open(bytes)
      if (room !== Room.made) return room
    }
    if (bytes > this.#bytesLeft) return Room.full
    this.#bytesLeft -= bytes
    return Room.made
  }

  #open(bytes: number): Room {
    const { journal } = this.#context
    if (journal === null) {
      this.#bytesLeft = Math.max(bytes, limits.feedBytesPerRun)
      return Room.made
    }
    const wanted = Math.max(bytes, Math.min(limits.feedBytesPerRun, journal.shape.slotBytes / 4))
    const when = journal.roomTogether(wanted)
    if (when === 'never') {
      const most = journal.shape.slotBytes / 2
      throw new RecordTooLarge(`in all that it goes to it takes ${bytes} bytes, of at most ${most}`)
    }
    if (when === 'later') return Room.later
    this.#bytesLeft = wanted
    this.#batch = journal.together(wanted)
    return Room.made
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
  publication: Publication,
  route: Route,
  formats: MessageFormats,
): number {
  const queues = route.durable.length
  const message = queues === 0 ? 0 : storedBytes(publication) + queues * TARGET_BYTES
  const streams = route.streams.length
  if (streams === 0) return RECORD_BYTES + message
  const record = recordBytesMax(recordOf(publication, formats, 0)) + batchHeaderBytes
  return RECORD_BYTES + message + streams * (record + RECORD_BYTES)
}
