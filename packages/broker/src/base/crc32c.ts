/**
 * CRC-32C (Castagnoli), the checksum of Kafka's record batches; node:zlib has only the other CRC-32.
 *
 * Sliced by 16 in plain JavaScript: read through a DataView it is as fast as WebAssembly, which must
 * copy its input first, and needs no dependency. GB/s at 128 B, 1 KiB, 16 KiB, 100 KiB, 1 MiB
 * (Node 24): this 1.1, 2.0, 2.3, 2.3, 2.35; the same by bytes 1.6, 1.8, 1.8, 1.8, 1.8; WebAssembly
 * sliced by 16 1.4, 2.3, 2.5, 2.5, 2.4; npm hash-wasm 0.4, 1.6, 2.3, 2.4, 2.4.
 */
export type Crc32c = (buffer: Uint8Array, start: number, end: number) => number

/** The checksum of the bytes [start, end), as an unsigned number. */
export const crc32c: Crc32c = (buffer, start, end) => {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  let crc = -1
  let at = start
  for (; at + 16 <= end; at += 16) {
    crc =
      lookUp(crc ^ view.getInt32(at, true), 12) ^
      lookUp(view.getInt32(at + 4, true), 8) ^
      lookUp(view.getInt32(at + 8, true), 4) ^
      lookUp(view.getInt32(at + 12, true), 0)
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ tables[(crc ^ view.getUint8(at)) & 0xff]!
  return ~crc >>> 0
}

/** What the four bytes of a word add to the checksum when `table` bytes follow in the block. */
function lookUp(word: number, table: number): number {
  const at = table * 256
  return (
    tables[at + 768 + (word & 0xff)]! ^
    tables[at + 512 + ((word >>> 8) & 0xff)]! ^
    tables[at + 256 + ((word >>> 16) & 0xff)]! ^
    tables[at + (word >>> 24)]!
  )
}

const polynomial = 0x82f63b78

/** Sixteen tables of 256: the checksum of a byte with 0 to 15 zero bytes behind it. */
const tables: Int32Array = makeTables()

function makeTables(): Int32Array {
  const made = new Int32Array(16 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    made[byte] = crc
  }
  for (let index = 256; index < made.length; index++) {
    const before = made[index - 256]!
    made[index] = (before >>> 8) ^ made[before & 0xff]!
  }
  return made
}
