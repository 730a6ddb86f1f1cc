import { isUtf8 } from 'node:buffer'
import { assert } from '../../../base/assert.ts'
import { DecodeError } from '../../../base/reader.ts'
import type { Reader } from '../../../base/reader.ts'
import type { Writer } from '../../../base/writer.ts'
import type { ClassId } from './constants.ts'

/**
 * The data types of AMQP 0-9-1's methods, off the hot path:
 *
 *   shortstr  uint8 length · UTF-8      longstr  uint32 length · any bytes
 *   bit       consecutive bits share an octet, the first lowest
 */

const SHORTSTR_BYTES_MAX = 255
const ELLIPSIS = '...'
const CR_AND_LF = /[\r\n]/g

/**
 * A shortstr of a method is not UTF-8. Kept apart because RabbitMQ answers it with 501
 * FRAME_ERROR, where other undecodable arguments are a 502.
 */
export class MalformedUtf8 extends DecodeError {}

/** A shortstr, checked to be UTF-8, so that it is written back unchanged. */
export function readShortstr(reader: Reader): string {
  const bytes = reader.uint8()
  const start = reader.skip(bytes)
  const view = reader.buffer.subarray(start, start + bytes)
  if (!isUtf8(view)) throw new MalformedUtf8('Malformed UTF-8 in shortstr')
  return view.toString('utf8')
}

/** An exchange's or queue's name: CR and LF are stripped in silence, as RabbitMQ does. */
export function readName(reader: Reader): string {
  const name = readShortstr(reader)
  return name.includes('\n') || name.includes('\r') ? name.replace(CR_AND_LF, '') : name
}

/** A shortstr in which malformed bytes become U+FFFD, where RabbitMQ does not check either. */
export function readShortstrLoosely(reader: Reader): string {
  return reader.utf8(reader.uint8())
}

/** A longstr, copied. Its bytes need not be text: SASL answers hold passwords and zero octets. */
export function readLongstr(reader: Reader): Buffer {
  return reader.bytes(reader.uint32())
}

/**
 * A delivery tag. Above 2^53 it loses digits instead of being refused: no such tag was ever
 * given out, so that it is answered as any other unknown tag, as RabbitMQ does.
 */
export function readDeliveryTag(reader: Reader): number {
  const hi = reader.uint32()
  return hi * 2 ** 32 + reader.uint32()
}

/** Exact: a number where that is safe, a bigint beyond. */
export function readSigned64(reader: Reader): number | bigint {
  const at = reader.skip(8)
  const value = reader.buffer.readInt32BE(at) * 2 ** 32 + reader.buffer.readUInt32BE(at + 4)
  return Number.isSafeInteger(value) ? value : reader.buffer.readBigInt64BE(at)
}

/** As readSigned64(), unsigned. */
export function readUnsigned64(reader: Reader): number | bigint {
  const at = reader.skip(8)
  const value = reader.buffer.readUInt32BE(at) * 2 ** 32 + reader.buffer.readUInt32BE(at + 4)
  return Number.isSafeInteger(value) ? value : reader.buffer.readBigUInt64BE(at)
}

/** Arguments end where their frame ends. */
export function expectEnd(reader: Reader): void {
  if (reader.remaining !== 0) {
    throw new DecodeError(`${reader.remaining} bytes after the last argument`)
  }
}

/** Bit `index` of an octet of flags. */
export function bit(octet: number, index: number): boolean {
  return ((octet >> index) & 1) === 1
}

/** Packs up to eight bits, the first lowest. */
export function packBits(...bits: readonly boolean[]): number {
  return bits.reduce((octet, value, index) => (value ? octet | (1 << index) : octet), 0)
}

/** Class and method id, with which the payload of every method frame begins. */
export function writeMethodId(writer: Writer, classId: ClassId, methodId: number): void {
  writer.uint16(classId)
  writer.uint16(methodId)
}

/** Text of at most 255 bytes; longer text is a fault of ours. */
export function writeShortstr(writer: Writer, text: string): void {
  const bytes = Buffer.byteLength(text)
  assert(bytes <= SHORTSTR_BYTES_MAX, `shortstr of ${bytes} bytes`)
  writer.uint8(bytes)
  writer.utf8(text)
}

/** Text for people, which may quote a peer at length: cut to 255 bytes, as RabbitMQ does. */
export function writeReplyText(writer: Writer, text: string): void {
  writeShortstr(writer, shortened(text))
}

export function writeLongstr(writer: Writer, value: string | Uint8Array): void {
  if (typeof value === 'string') {
    writer.uint32(Buffer.byteLength(value))
    writer.utf8(value)
  } else {
    writer.uint32(value.length)
    writer.bytes(value)
  }
}

export function writeDeliveryTag(writer: Writer, deliveryTag: number): void {
  writer.int64(deliveryTag)
}

/** Two's complement: serves signed and unsigned alike. */
export function write64(writer: Writer, value: number | bigint): void {
  const at = writer.skip(8)
  writer.buffer.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)), at)
}

function shortened(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= SHORTSTR_BYTES_MAX) return text
  let end = SHORTSTR_BYTES_MAX - ELLIPSIS.length
  // Never inside a character: clients decode the text as strict UTF-8.
  while (((bytes[end] as number) & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end) + ELLIPSIS
}
