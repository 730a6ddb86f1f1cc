import { assert } from '../../../base/assert.ts'
import { DecodeError } from '../../../base/reader.ts'
import type { Reader } from '../../../base/reader.ts'
import type { Writer } from '../../../base/writer.ts'

/**
 * Kafka's lengths and strings, on top of the plain reader and writer.
 *
 *   classic    string: int16 bytes, -1 = null      bytes, array: int32, -1 = null
 *   flexible   all of them: uvarint of N + 1, 0 = null                            [KIP-482]
 */

/** The longest string Kafka has, compact ones included. */
export const stringBytesMax = 32_767

/** Stands for "no topic id". Shared: never written to. */
export const zeroUuid: Buffer = Buffer.alloc(16)

/** An unsigned varint of at most 32 bits. */
export function readUvarint(reader: Reader): number {
  const first = reader.uint8()
  if (first < 0x80) return first
  let value = first & 0x7f
  for (let factor = 2 ** 7; factor <= 2 ** 28; factor *= 2 ** 7) {
    const byte = reader.uint8()
    value += (byte & 0x7f) * factor
    if (byte < 0x80 && value <= 0xffff_ffff) return value
  }
  throw new DecodeError(`varint before ${reader.position} exceeds 32 bits`)
}

export function writeUvarint(writer: Writer, value: number): void {
  while (value >= 0x80) {
    writer.uint8((value & 0x7f) | 0x80)
    value >>>= 7
  }
  writer.uint8(value)
}

/** As writeUvarint, into a buffer that has the room. Returns the position after it. */
export function putUvarint(buffer: Buffer, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest >= 0x80) {
    buffer[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buffer[at++] = rest
  return at
}

export function uvarintBytes(value: number): number {
  if (value < 2 ** 7) return 1
  if (value < 2 ** 14) return 2
  if (value < 2 ** 21) return 3
  return value < 2 ** 28 ? 4 : 5
}

/** The length of a string that follows; -1 for null. */
export function readStringBytes(reader: Reader, flexible: boolean): number {
  const bytes = flexible ? readUvarint(reader) - 1 : reader.int16()
  if (bytes < -1 || bytes > stringBytesMax) {
    throw new DecodeError(`string of ${bytes} bytes before ${reader.position}`)
  }
  return bytes
}

/** The length of a byte field or the count of an array that follows; -1 for null. */
export function readLength(reader: Reader, flexible: boolean): number {
  const length = flexible ? readUvarint(reader) - 1 : reader.int32()
  if (length < -1) throw new DecodeError(`length ${length} before ${reader.position}`)
  return length
}

/** -1 for null. */
export function writeStringBytes(writer: Writer, bytes: number, flexible: boolean): void {
  assert(bytes <= stringBytesMax, `string of ${bytes} bytes`)
  if (flexible) writeUvarint(writer, bytes + 1)
  else writer.int16(bytes)
}

/** For a string that may not be null. */
export function readString(reader: Reader, flexible: boolean): string {
  return readText(reader, expectPresent(reader, readStringBytes(reader, flexible)))
}

export function readNullableString(reader: Reader, flexible: boolean): string | null {
  const bytes = readStringBytes(reader, flexible)
  return bytes === -1 ? null : readText(reader, bytes)
}

function readText(reader: Reader, bytes: number): string {
  const start = reader.skip(bytes)
  return decodeText(reader.buffer, start, start + bytes)
}

/**
 * The string whose UTF-8 is [start, end). Each byte that is no UTF-8 becomes a character of three:
 * text that an answer could not hold is refused here, where it is the client's fault.
 */
export function decodeText(buffer: Buffer, start: number, end: number): string {
  const text = buffer.toString('utf8', start, end)
  if ((end - start) * 3 > stringBytesMax && Buffer.byteLength(text) > stringBytesMax) {
    throw new DecodeError(`string of ${end - start} bytes at ${start} is not UTF-8`)
  }
  return text
}

export function writeNullableString(writer: Writer, text: string | null, flexible: boolean): void {
  if (text === null) return writeStringBytes(writer, -1, flexible)
  writeStringBytes(writer, Buffer.byteLength(text), flexible)
  writer.utf8(text)
}

/** Passes a length on unless it says null. */
export function expectPresent(reader: Reader, length: number): number {
  if (length === -1) throw new DecodeError(`null before ${reader.position}, where none may be`)
  return length
}

/** -1 for null. */
export function writeLength(writer: Writer, length: number, flexible: boolean): void {
  if (flexible) writeUvarint(writer, length + 1)
  else writer.int32(length)
}

/** The size of a length of null (-1) or more, as writeLength writes it. */
export function lengthBytes(length: number, flexible: boolean): number {
  return flexible ? uvarintBytes(length + 1) : 4
}

/** As writeLength, into a buffer that has the room. Returns the position after it. */
export function putLength(buffer: Buffer, at: number, length: number, flexible: boolean): number {
  return flexible ? putUvarint(buffer, at, length + 1) : buffer.writeInt32BE(length, at)
}

/** Moves over a tag buffer whose tags are of no interest. Each takes two bytes or more. */
export function skipTags(reader: Reader): void {
  for (let left = readUvarint(reader); left > 0; left--) {
    readUvarint(reader)
    reader.skip(readUvarint(reader))
  }
}
