import { Delivery } from '../../core/consumer.ts'
import { Origin, StoredMessage, type MessageFormats } from '../../core/message.ts'
import { withHeaders } from './added-headers.ts'
import { FRAME_OVERHEAD_BYTES } from './codec/constants.ts'
import { CONTENT_HEADER_BYTES } from './codec/content-header.ts'
import type { Field, FieldTable } from './codec/field-table.ts'
import { PropertyScan } from './codec/property-scan.ts'
import { propertyListOf } from './message-format.ts'

/** A short copy reads, and writes, so far behind its end. */
const SLACK_BYTES = 8

/**
 * Messages that are not sent as they lie there: those that came by another protocol, and records of streams, which tell their offset. One
 * for a connection; what it gives is valid until the next call.
 */
export class Translation {
  readonly #delivery = new Delivery(new StoredMessage())
  readonly #scan = new PropertyScan()

  /** As the client is to be sent it, whose frames hold `frameBytesMax`. */
  delivery(given: Delivery, formats: MessageFormats, frameBytesMax: number): Delivery {
    const translated = this.#delivery
    translated.redelivered = given.redelivered
    const list = this.#propertyList(given.message, formats, frameBytesMax)
    const added = offsetHeaders(given)
    const whole = { buffer: list, start: 0, end: list.length }
    const header = added === null ? list : withHeaders(whole, added, this.#scan)
    assemble(translated.message, given.message, header)
    return translated
  }

  /** The same, of what is no delivery. */
  message(given: StoredMessage, formats: MessageFormats, frameBytesMax: number): StoredMessage {
    const { message } = this.#delivery
    assemble(message, given, this.#propertyList(given, formats, frameBytesMax))
    return message
  }

  #propertyList(message: StoredMessage, formats: MessageFormats, frameBytesMax: number): Buffer {
    if (message.origin === Origin.amqp) {
      return message.buffer.subarray(message.headerStart, message.bodyStart)
    }
    const framing = FRAME_OVERHEAD_BYTES + CONTENT_HEADER_BYTES + OFFSET_HEADERS_BYTES
    const bytesMax = frameBytesMax - framing
    return propertyListOf(formats.view(message), { flags: message.flags, bytesMax })
  }
}

const OFFSET = 'x-stream-offset'
const PARTITION = 'x-stream-partition'
/** Both, with a table around them. */
const OFFSET_HEADERS_BYTES = 4 + OFFSET.length + PARTITION.length + 2 * (1 + 1 + 8)

function offsetHeaders({ streamOffset, streamPartition }: Delivery): FieldTable | null {
  if (streamOffset < 0) return null
  // A long, as RabbitMQ's.
  const headers = new Map<string, Field>([[OFFSET, { type: 'l', value: streamOffset }]])
  if (streamPartition >= 0) headers.set(PARTITION, { type: 'I', value: streamPartition })
  return headers
}

/** Points `target` at a copy of `source` with another header. */
function assemble(target: StoredMessage, source: StoredMessage, header: Buffer): void {
  const addressBytes = source.headerStart - source.addressStart
  const bodyAt = addressBytes + header.length
  const end = bodyAt + source.bodyBytes
  const buffer = Buffer.allocUnsafe(end + SLACK_BYTES)
  source.buffer.copy(buffer, 0, source.addressStart, source.headerStart)
  header.copy(buffer, addressBytes)
  source.buffer.copy(buffer, bodyAt, source.bodyStart, source.bodyEnd)
  target.buffer = buffer
  target.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  target.origin = Origin.amqp
  target.flags = source.flags
  target.priority = source.priority
  target.addressStart = 0
  target.headerStart = addressBytes
  target.bodyStart = bodyAt
  target.bodyEnd = end
}
