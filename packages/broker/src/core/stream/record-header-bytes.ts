import { DecodeError, Reader } from '../../base/reader.ts'
import { headersBytes, nullableBytes, putHeaders, putNullable } from './record-batch-writer.ts'
import type { RecordHeader } from './record-cursor.ts'
import type { RecordParts } from './record-view.ts'

/*
 * The header bytes of a message that came as a record (Origin.kafka). They are on disks: storage/FORMAT.md, and nothing here changes.
 *
 *   timestamp i64        milliseconds, big-endian; -1 for none
 *   flags u8             bit 0: the value was null
 *   key length varint    -1 for null · key
 *   header count varint  per header: key length varint · key · value length varint (-1 for null) · value
 *
 * From the key on they are as record-cursor.ts has them: varints are zigzag.
 */
const TIMESTAMP_BYTES = 8
const FLAGS_BYTES = 1
const TOMBSTONE_FLAG = 1
/** A header has two lengths at least. */
const HEADER_BYTES_MIN = 2
const VARINT_BYTES_MAX = 5

export interface RecordHead extends RecordParts {
  /** Milliseconds; -1 for none. */
  readonly timestamp: number
}

export function encodeRecordHead({ timestamp, key, headers, isTombstone }: RecordHead): Buffer {
  const fixed = TIMESTAMP_BYTES + FLAGS_BYTES
  const buffer = Buffer.allocUnsafe(fixed + nullableBytes(key) + headersBytes(headers))
  // A producer may write any time: one that no number names exactly is none.
  buffer.writeBigInt64BE(BigInt(Number.isSafeInteger(timestamp) ? timestamp : -1))
  buffer[TIMESTAMP_BYTES] = isTombstone ? TOMBSTONE_FLAG : 0
  putHeaders(buffer, putNullable(buffer, fixed, key), headers)
  return buffer
}

/** Reads [start, end); the result owns what it holds. Throws DecodeError. */
export function decodeRecordHead(buffer: Buffer, start: number, end: number): RecordHead {
  const reader = new Reader(buffer, start, end)
  const timestamp = reader.int64()
  const flags = reader.uint8()
  if (flags > TOMBSTONE_FLAG) throw new DecodeError(`unknown flags ${flags} of a record`)
  const key = readNullable(reader)
  const headers = readHeaders(reader)
  if (reader.remaining > 0) {
    throw new DecodeError(`${reader.remaining} bytes behind the last header of a record`)
  }
  return { timestamp, key, headers, isTombstone: flags === TOMBSTONE_FLAG }
}

function readHeaders(reader: Reader): RecordHeader[] {
  const count = readVarint(reader)
  if (count < 0 || count * HEADER_BYTES_MIN > reader.remaining) {
    throw new DecodeError(`${count} headers in ${reader.remaining} bytes`)
  }
  const headers: RecordHeader[] = []
  while (headers.length < count) {
    const key = reader.utf8(readVarint(reader))
    headers.push({ key, value: readNullable(reader) })
  }
  return headers
}

function readNullable(reader: Reader): Buffer | null {
  const bytes = readVarint(reader)
  return bytes === -1 ? null : reader.bytes(bytes)
}

function readVarint(reader: Reader): number {
  let bits = 0
  let factor = 1
  for (let left = VARINT_BYTES_MAX; left > 0; left--) {
    const byte = reader.uint8()
    bits += (byte & 0x7f) * factor
    if (byte >= 0x80) {
      factor *= 0x80
      continue
    }
    if (bits > 0xffff_ffff) break
    return (bits >>> 1) ^ -(bits & 1)
  }
  throw new DecodeError(
    `a number in the ${VARINT_BYTES_MAX} bytes before ${reader.position} is too large`,
  )
}
