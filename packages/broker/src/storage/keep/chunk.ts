import type { Checksum } from '../disk.ts'
import { getUint64, setUint64 } from '../journal/batch.ts'

/*
 * A keep file is a list of chunks, each on a boundary of 8. A chunk holds messages of one queue in the order of their numbers, or (queue 0)
 * payloads that several queues have, written once.
 *
 *   0       4       8       12      16      20      24               32               40               48
 *   +-------+-------+-------+-------+-------+-------+----------------+----------------+----------------+----------
 *   | magic | crc   | queue | count | bytes | 0     | store          | file           | at             | entries …
 *   +-------+-------+-------+-------+-------+-------+----------------+----------------+----------------+----------
 *
 * An entry, aligned to 8:   length u32 · kind u32 · sequence u64 · payload …
 * Kind 0 is a payload; kind 1 refers to one in the same file: offset u64 · bytes u32 · crc u32 of the payload.
 * Words are little-endian; `crc` is CRC-32 over [8, bytes); `bytes` counts the chunk with this header; `file` and `at` say where it stands,
 * so that a chunk of another place is not taken for this one.
 */
export const CHUNK_HEADER_BYTES = 48
export const ENTRY_HEADER_BYTES = 16
export const REFERENCE_BYTES = 16
const MAGIC = 0x4b514d50
export const EntryKind = { payload: 0, reference: 1 } as const
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind]

export interface ChunkHeader {
  readonly queue: number
  readonly count: number
  readonly bytes: number
  readonly store: number
  readonly file: number
  readonly at: number
}

/** Completes the chunk that begins at `start` of the buffer: its entries are there. */
export function sealChunk(
  buffer: Uint8Array,
  start: number,
  header: ChunkHeader,
  checksum: Checksum,
): void {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  view.setUint32(start, MAGIC, true)
  view.setUint32(start + 8, header.queue, true)
  view.setUint32(start + 12, header.count, true)
  view.setUint32(start + 16, header.bytes, true)
  view.setUint32(start + 20, 0, true)
  setUint64(view, start + 24, header.store)
  setUint64(view, start + 32, header.file)
  setUint64(view, start + 40, header.at)
  view.setUint32(start + 4, checksum(buffer.subarray(start + 8, start + header.bytes)), true)
}

/** The chunk at `start` if it is sound and is the one that should stand there; else what is wrong, in words. */
export function readChunk(
  buffer: Uint8Array,
  start: number,
  expected: Pick<ChunkHeader, 'store' | 'file' | 'at'>,
  checksum: Checksum,
): ChunkHeader | string {
  if (start + CHUNK_HEADER_BYTES > buffer.length) return 'the file ends within a chunk'
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  if (view.getUint32(start, true) !== MAGIC) return 'no chunk begins here'
  const bytes = view.getUint32(start + 16, true)
  if (bytes < CHUNK_HEADER_BYTES || start + bytes > buffer.length)
    return 'the file ends within a chunk'
  const crc = view.getUint32(start + 4, true)
  if (checksum(buffer.subarray(start + 8, start + bytes)) !== crc)
    return 'the checksum of a chunk is wrong'
  const header = {
    queue: view.getUint32(start + 8, true),
    count: view.getUint32(start + 12, true),
    bytes,
    store: getUint64(view, start + 24),
    file: getUint64(view, start + 32),
    at: getUint64(view, start + 40),
  }
  const isHere =
    header.store === expected.store && header.file === expected.file && header.at === expected.at
  return isHere ? header : 'a chunk of another place stands here'
}

/** Name of a keep file. */
export function keepFile(id: number): string {
  return `keep/${id.toString(16).padStart(16, '0')}`
}

export function entryBytes(length: number): number {
  return (ENTRY_HEADER_BYTES + length + 7) & ~7
}
