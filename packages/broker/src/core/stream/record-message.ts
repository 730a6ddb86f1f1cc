import { isUtf8 } from 'node:buffer'
import { DecodeError } from '../../base/reader.ts'
import { limits } from '../limits.ts'
import {
  MessageFlag,
  nameAt,
  Origin,
  routingKeyOf,
  type MessageFormats,
  type Publication,
} from '../message.ts'
import type { ReadRecord } from './read-record.ts'
import type { BatchRecord } from './record-batch-writer.ts'
import type { RecordHeader } from './record-cursor.ts'
import { encodeRecordHead } from './record-header-bytes.ts'
import { EXCHANGE_HEADER, ORIGIN_HEADER, recordOfView, ROUTING_KEY_HEADER } from './record-view.ts'

/**
 * A message as a record of a stream, and a record as a message.
 *
 * What a record says of its message is its view (record-view.ts), for readers that know nothing of PolyMQ. Beside it one header,
 * `polymq.origin`, has the message's header bytes as they came, after an octet for the protocol by which they came: who reads the
 * record by that protocol gets them back exactly.
 */

/** What becomes a record. */
export type RecordSource = Publication

/** The record of a message, at the time of the broker's own clock. What it holds of the source's bytes it has copied, but for the value. */
export function recordOf(
  source: RecordSource,
  formats: MessageFormats,
  timestampMs: number,
): BatchRecord {
  const body = source.body.subarray(source.bodyStart, source.bodyEnd)
  const parts = recordOfView(formats.viewOf(source), body.length === 0)
  const { address, addressStart } = source
  const headers: RecordHeader[] = [
    ...parts.headers,
    { key: EXCHANGE_HEADER, value: Buffer.from(nameAt(address, addressStart)) },
    { key: ROUTING_KEY_HEADER, value: Buffer.from(routingKeyOf(address, addressStart)) },
    { key: ORIGIN_HEADER, value: originBytes(source) },
  ]
  const value = parts.isTombstone ? null : body
  return { key: parts.key, value, timestamp: timestampMs, headers }
}

function originBytes({ origin, header, headerStart, headerEnd }: RecordSource): Buffer {
  const bytes = Buffer.allocUnsafe(1 + headerEnd - headerStart)
  bytes[0] = origin
  header.copy(bytes, 1, headerStart, headerEnd)
  return bytes
}

/**
 * Fills all of `publication` but its address with a record: it is of the protocol that the record's `polymq.origin` names, with the header
 * bytes that are there, if they are sound; else it came as a record. Header and body are views of the record's bytes.
 *
 * A record may be larger than a message can be: see fitsMessage().
 */
export function fillFromRecord(
  publication: Publication,
  record: ReadRecord,
  formats: MessageFormats,
): void {
  const { value } = record
  publication.flags = MessageFlag.persistent
  publication.priority = 0
  publication.view = null
  publication.body = value ?? nothing
  publication.bodyStart = 0
  publication.bodyEnd = publication.body.length
  const origin = soundOrigin(record, formats)
  if (origin === null) {
    publication.origin = Origin.kafka
    publication.header = encodeRecordHead({ ...record, isTombstone: value === null })
    publication.headerStart = 0
  } else {
    publication.origin = origin[0] as Origin
    publication.header = origin
    publication.headerStart = 1
  }
  publication.headerEnd = publication.header.length
}

/** Anybody may write such a header: null unless it is what recordOf() could have written. */
function soundOrigin(record: ReadRecord, formats: MessageFormats): Buffer | null {
  const bytes = lastHeader(record, ORIGIN_HEADER)
  if (bytes === null || bytes.length === 0) return null
  const format = formats.find(bytes[0] as number)
  if (format === undefined || bytes.length - 1 > limits.headerBytesMax) return null
  try {
    format.view(bytes, 1, bytes.length)
    return bytes
  } catch (error) {
    if (error instanceof DecodeError) return null
    throw error
  }
}

/** Whether a publication that was filled from a record can be stored as a message. */
export function fitsMessage({ headerStart, headerEnd, bodyStart, bodyEnd }: Publication): boolean {
  return (
    headerEnd - headerStart <= limits.headerBytesMax &&
    bodyEnd - bodyStart <= limits.messageBytesMax
  )
}

/** Where a record says that it was published to; null for what it does not say, or what could be no such name. */
export interface RecordAddress {
  readonly exchange: string | null
  readonly routingKey: string | null
}

export function addressOfRecord(record: ReadRecord): RecordAddress {
  return {
    exchange: nameOf(lastHeader(record, EXCHANGE_HEADER)),
    routingKey: nameOf(lastHeader(record, ROUTING_KEY_HEADER)),
  }
}

const NAME_BYTES_MAX = 255

function nameOf(bytes: Buffer | null): string | null {
  if (bytes === null || bytes.length > NAME_BYTES_MAX || !isUtf8(bytes)) return null
  return bytes.toString('utf8')
}

/** Of several of one name the last one counts. [as Kafka's Headers.lastHeader] */
function lastHeader({ headers }: ReadRecord, name: string): Buffer | null {
  for (let i = headers.length - 1; i >= 0; i--) {
    const header = headers[i] as RecordHeader
    if (header.key === name) return header.value
  }
  return null
}

const nothing = Buffer.alloc(0)
