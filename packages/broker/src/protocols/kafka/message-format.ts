import { Origin, type MessageFormat, type MessageView } from '../../core/message.ts'
import { decodeRecordHead, encodeRecordHead } from '../../core/stream/record-header-bytes.ts'
import { recordOfView, TOMBSTONE_HEADER, viewOfRecord } from '../../core/stream/record-view.ts'

/**
 * Header bytes of a message that came as a record: its time, key and headers, as core/stream/record-header-bytes.ts has them, since the core
 * makes them itself wherever it takes messages out of a stream.
 */
export const kafkaMessageFormat: MessageFormat = {
  origin: Origin.kafka,

  view(buffer: Buffer, start: number, end: number): MessageView {
    const head = decodeRecordHead(buffer, start, end)
    return viewOfRecord(head, head.timestamp)
  },

  /** No record was made at any time: what the view says of it is a header. A body is not at hand, and believed to be empty if it is said to be. */
  from(view: MessageView): Buffer {
    const isTombstone = view.headers.get(TOMBSTONE_HEADER) === true
    return encodeRecordHead({ ...recordOfView(view, isTombstone), timestamp: -1 })
  },
}
