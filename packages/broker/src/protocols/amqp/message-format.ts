import { Reader } from '../../base/reader.ts'
import { Writer } from '../../base/writer.ts'
import { noArguments } from '../../core/arguments.ts'
import { MessageFlag, Origin, type MessageFormat, type MessageView } from '../../core/message.ts'
import { argumentsFrom, tableFromArguments } from './arguments.ts'
import {
  emptyProperties,
  readProperties,
  writeProperties,
  type Properties,
} from './codec/content-header.ts'
import { writeTable, type Field, type FieldTable } from './codec/field-table.ts'

/** Of a short string, which is what names of headers and most properties are. */
const SHORTSTR_BYTES_MAX = 255
/** Says how many headers are not there, because there was no room for them. */
export const OMITTED_HEADERS = 'x-omitted-headers'
const OMITTED_BYTES = 1 + OMITTED_HEADERS.length + 5
const TABLE_LENGTH_BYTES = 4
/** [AMQP basic.delivery-mode] */
const DELIVERY_MODE_PERSISTENT = 2

/** Header bytes of a message that came by AMQP 0-9-1: the property list of its content header, as it came. */
export const amqpMessageFormat: MessageFormat = {
  origin: Origin.amqp,

  view(buffer: Buffer, start: number, end: number): MessageView {
    const properties = readProperties(new Reader(buffer, start, end))
    const { contentType, contentEncoding, correlationId, replyTo, messageId } = properties
    const { type, userId, appId, timestamp, headers } = properties
    return {
      ...(contentType !== null && { contentType }),
      ...(contentEncoding !== null && { contentEncoding }),
      ...(correlationId !== null && { correlationId }),
      ...(replyTo !== null && { replyTo }),
      ...(messageId !== null && { messageId }),
      ...(type !== null && { type }),
      ...(userId !== null && { userId }),
      ...(appId !== null && { appId }),
      ...(timestamp !== null && { timestamp: Number(timestamp) }),
      headers: headers === null ? noArguments : argumentsFrom(headers),
    }
  },

  from(view: MessageView, flags: number = 0): Buffer {
    return encode(propertiesFrom(view, flags))
  },
}

/**
 * A property list of at most `bytesMax`, if that is as much as its properties take: what no frame of the client's has room for is left
 * out, header by header, and `x-omitted-headers` says so.
 */
export function propertyListOf(
  view: MessageView,
  { flags, bytesMax }: { readonly flags: number; readonly bytesMax: number },
): Buffer {
  const properties = propertiesFrom(view, flags)
  const list = encode(properties)
  const { headers } = properties
  if (list.length <= bytesMax || headers === null) return list
  const room = bytesMax - (list.length - tableBytes(headers)) - TABLE_LENGTH_BYTES
  properties.headers = thinned(headers, room)
  return encode(properties)
}

function encode(properties: Properties): Buffer {
  const writer = new Writer()
  writeProperties(writer, properties)
  return Buffer.from(writer.written())
}

function tableBytes(table: FieldTable): number {
  const writer = new Writer()
  writeTable(writer, table)
  return writer.position
}

/** The headers that fit, in their order. */
function thinned(headers: FieldTable, bytes: number): FieldTable {
  const kept: FieldTable = new Map()
  let room = bytes - OMITTED_BYTES
  let omitted = 0
  for (const [name, field] of headers) {
    const size = tableBytes(new Map([[name, field]])) - TABLE_LENGTH_BYTES
    if (size > room) omitted++
    else kept.set(name, field)
    room -= size > room ? 0 : size
  }
  const before = kept.get(OMITTED_HEADERS)?.value
  if (typeof before === 'number') omitted += before
  return kept.set(OMITTED_HEADERS, { type: 'I', value: omitted })
}

function propertiesFrom(view: MessageView, flags: number): Properties {
  const properties = emptyProperties()
  if ((flags & MessageFlag.persistent) !== 0) properties.deliveryMode = DELIVERY_MODE_PERSISTENT
  const headers = tableFromArguments(view.headers)
  // No name of this protocol can be longer: such a header is one that its reader does not have.
  let tooLong = 0
  for (const name of headers.keys()) {
    if (!isShort(name) && headers.delete(name)) tooLong++
  }
  if (tooLong > 0) headers.set(OMITTED_HEADERS, { type: 'I', value: tooLong })
  properties.contentType = textOf(view.contentType, 'content-type', headers)
  properties.contentEncoding = textOf(view.contentEncoding, 'content-encoding', headers)
  properties.correlationId = textOf(view.correlationId, 'correlation-id', headers)
  properties.replyTo = textOf(view.replyTo, 'reply-to', headers)
  properties.messageId = textOf(view.messageId, 'message-id', headers)
  properties.type = textOf(view.type, 'type', headers)
  properties.userId = textOf(view.userId, 'user-id', headers)
  properties.appId = textOf(view.appId, 'app-id', headers)
  properties.timestamp = view.timestamp ?? null
  properties.headers = headers.size === 0 ? null : headers
  return properties
}

/** Text that no property can hold is a header of the property's name. */
function textOf(text: string | undefined, name: string, headers: FieldTable): string | null {
  if (text === undefined) return null
  if (isShort(text)) return text
  const field: Field = { type: 'S', value: text }
  headers.set(name, field)
  return null
}

function isShort(text: string): boolean {
  return Buffer.byteLength(text) <= SHORTSTR_BYTES_MAX
}
