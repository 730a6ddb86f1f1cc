import type { Reader } from '../../../base/reader.ts'
import { DecodeError } from '../../../base/reader.ts'
import type { Writer } from '../../../base/writer.ts'
import { ClassId, PropertyFlag } from './constants.ts'
import { readTable, writeTable } from './field-table.ts'
import type { FieldTable } from './field-table.ts'
import { readShortstrLoosely, readUnsigned64, write64, writeShortstr } from './primitives.ts'

/**
 * The payload of a content header frame, and the property list in it:
 *
 *   class id (2) · weight (2) = 0 · body bytes (8) · property list
 *   property list: flags (2) · one value for each flag set, highest bit first
 *
 * Bit 0 of the flags announces a second word of flags; class basic has 14 properties, so that
 * neither this bit nor bit 1 is ever set by a sound client.
 */

/** Of the class id, weight and body size before the property list. */
export const CONTENT_HEADER_BYTES = 12

/** Each property is null where the list lacks it: an empty text is not the same. */
export interface Properties {
  contentType: string | null
  contentEncoding: string | null
  headers: FieldTable | null
  deliveryMode: number | null
  priority: number | null
  correlationId: string | null
  replyTo: string | null
  /** Milliseconds to live, in decimal digits. */
  expiration: string | null
  messageId: string | null
  /** Seconds since 1970. */
  timestamp: number | bigint | null
  type: string | null
  userId: string | null
  appId: string | null
  clusterId: string | null
}

/** What goes before the body of a message. */
export interface ContentHeader {
  readonly classId: number
  readonly bodyBytes: number
  readonly properties: Properties
}

/** Bits 0 and 1: no property has them. */
export const UNUSED_PROPERTY_FLAGS = 0x0003

export function emptyProperties(): Properties {
  return {
    contentType: null,
    contentEncoding: null,
    headers: null,
    deliveryMode: null,
    priority: null,
    correlationId: null,
    replyTo: null,
    expiration: null,
    messageId: null,
    timestamp: null,
    type: null,
    userId: null,
    appId: null,
    clusterId: null,
  }
}

export function readContentHeader(reader: Reader): ContentHeader {
  const classId = reader.uint16()
  reader.skip(2)
  const bodyBytes = reader.uint64()
  return { classId, bodyBytes, properties: readProperties(reader) }
}

export function writeContentHeader(
  writer: Writer,
  header: { readonly bodyBytes: number; readonly properties: Properties },
): void {
  writer.uint16(ClassId.basic)
  writer.uint16(0)
  writer.int64(header.bodyBytes)
  writeProperties(writer, header.properties)
}

/** Reads a whole property list; what PropertyScan let pass is always readable. */
export function readProperties(reader: Reader): Properties {
  const flags = readFlags(reader)
  const properties = emptyProperties()
  properties.contentType = readText(reader, flags, PropertyFlag.contentType)
  properties.contentEncoding = readText(reader, flags, PropertyFlag.contentEncoding)
  if ((flags & PropertyFlag.headers) !== 0) properties.headers = readTable(reader)
  if ((flags & PropertyFlag.deliveryMode) !== 0) properties.deliveryMode = reader.uint8()
  if ((flags & PropertyFlag.priority) !== 0) properties.priority = reader.uint8()
  properties.correlationId = readText(reader, flags, PropertyFlag.correlationId)
  properties.replyTo = readText(reader, flags, PropertyFlag.replyTo)
  properties.expiration = readText(reader, flags, PropertyFlag.expiration)
  properties.messageId = readText(reader, flags, PropertyFlag.messageId)
  if ((flags & PropertyFlag.timestamp) !== 0) properties.timestamp = readUnsigned64(reader)
  properties.type = readText(reader, flags, PropertyFlag.type)
  properties.userId = readText(reader, flags, PropertyFlag.userId)
  properties.appId = readText(reader, flags, PropertyFlag.appId)
  properties.clusterId = readText(reader, flags, PropertyFlag.clusterId)
  if (reader.remaining !== 0) {
    throw new DecodeError(`${reader.remaining} bytes after the last property`)
  }
  return properties
}

export function writeProperties(writer: Writer, properties: Properties): void {
  writer.uint16(flagsOf(properties))
  writeText(writer, properties.contentType)
  writeText(writer, properties.contentEncoding)
  if (properties.headers !== null) writeTable(writer, properties.headers)
  if (properties.deliveryMode !== null) writer.uint8(properties.deliveryMode)
  if (properties.priority !== null) writer.uint8(properties.priority)
  writeText(writer, properties.correlationId)
  writeText(writer, properties.replyTo)
  writeText(writer, properties.expiration)
  writeText(writer, properties.messageId)
  if (properties.timestamp !== null) write64(writer, properties.timestamp)
  writeText(writer, properties.type)
  writeText(writer, properties.userId)
  writeText(writer, properties.appId)
  writeText(writer, properties.clusterId)
}

function readFlags(reader: Reader): number {
  const flags = reader.uint16()
  if ((flags & UNUSED_PROPERTY_FLAGS) !== 0) {
    throw new DecodeError(`unknown property flags 0x${flags.toString(16)}`)
  }
  return flags
}

function flagsOf(properties: Properties): number {
  let flags = 0
  for (const [name, flag] of propertyFlags) {
    if (properties[name] !== null) flags |= flag
  }
  return flags
}

const propertyFlags = Object.entries(PropertyFlag) as readonly [keyof Properties, number][]

function readText(reader: Reader, flags: number, flag: PropertyFlag): string | null {
  return (flags & flag) !== 0 ? readShortstrLoosely(reader) : null
}

function writeText(writer: Writer, text: string | null): void {
  if (text !== null) writeShortstr(writer, text)
}
