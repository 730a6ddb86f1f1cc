import type { Checksum } from '../disk.ts'

/*
 * A batch: what one turn appended. It begins on a boundary of 4 KiB and lies within one slot.
 *
 *   0        4        8                16       20       24               32               40               48
 *   +--------+--------+----------------+--------+--------+----------------+----------------+----------------+----------
 *   | magic  | crc    | position       | bytes  | 0      | previous       | synced up to   | store          | records …
 *   +--------+--------+----------------+--------+--------+----------------+----------------+----------------+----------
 *
 * Words are little-endian. `bytes` counts the batch with this header, a multiple of 8; `crc` is CRC-32 over [8, bytes).
 * `previous` is the position of the batch before it, so that a reader who comes to the unused end of a slot knows
 * whether the batch at the next slot's start is the one that follows. `store` is the data directory's own number.
 */
export const BATCH_HEADER_BYTES = 48
export const BATCH_ALIGNMENT = 4096
const MAGIC = 0x42514d50
const CRC_AT = 4
const CHECKED_FROM = 8
const BYTES_AT = 16

export interface BatchHeader {
  readonly position: number
  readonly bytes: number
  readonly previous: number
  readonly syncedUpTo: number
  readonly store: number
}

/** Writes all of the header but the CRC, which is the last thing to be put in. */
export function writeBatchHeader(view: DataView, at: number, header: BatchHeader): void {
  view.setUint32(at, MAGIC, true)
  view.setUint32(at + CRC_AT, 0, true)
  setUint64(view, at + 8, header.position)
  view.setUint32(at + BYTES_AT, header.bytes, true)
  view.setUint32(at + 20, 0, true)
  setUint64(view, at + 24, header.previous)
  setUint64(view, at + 32, header.syncedUpTo)
  setUint64(view, at + 40, header.store)
}

/** The header at `at` if there is one that says it stands at `position`, sound or not; else null. */
export function readBatchHeader(view: DataView, at: number, position: number): BatchHeader | null {
  if (at + BATCH_HEADER_BYTES > view.byteLength) return null
  if (view.getUint32(at, true) !== MAGIC || getUint64(view, at + 8) !== position) return null
  return {
    position,
    bytes: view.getUint32(at + BYTES_AT, true),
    previous: getUint64(view, at + 24),
    syncedUpTo: getUint64(view, at + 32),
    store: getUint64(view, at + 40),
  }
}

/** Puts the CRC into a complete batch. */
export function sealBatch(bytes: Uint8Array, view: DataView, at: number, checksum: Checksum): void {
  const length = view.getUint32(at + BYTES_AT, true)
  view.setUint32(at + CRC_AT, checksum(bytes.subarray(at + CHECKED_FROM, at + length)), true)
}

/** Whether all of the batch is as it was sealed. Its header must have been read before. */
export function isBatchSound(
  bytes: Uint8Array,
  { view, at, length }: { readonly view: DataView; readonly at: number; readonly length: number },
  checksum: Checksum,
): boolean {
  if (length < BATCH_HEADER_BYTES || length % 8 !== 0 || at + length > bytes.length) return false
  const crc = view.getUint32(at + CRC_AT, true)
  return checksum(bytes.subarray(at + CHECKED_FROM, at + length)) === crc
}

export function alignUp(position: number, alignment: number): number {
  const over = position % alignment
  return over === 0 ? position : position + alignment - over
}

/** A number below 2^53 as eight bytes. */
export function setUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true)
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true)
}

export function getUint64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32
}
