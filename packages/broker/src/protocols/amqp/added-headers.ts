import { Reader } from '../../base/reader.ts'
import { Writer } from '../../base/writer.ts'
import { PropertyFlag } from './codec/constants.ts'
import { readTable, writeTable, type FieldTable } from './codec/field-table.ts'
import type { PropertyScan } from './codec/property-scan.ts'

const FLAGS_BYTES = 2
const TABLE_LENGTH_BYTES = 4

/**
 * The property list [start, end) with some headers more; all other bytes stay as they are. Headers of those names that were there are
 * replaced: clients differ in which of two they see. The list must be sound.
 */
export function withHeaders(
  list: { readonly buffer: Buffer; readonly start: number; readonly end: number },
  added: FieldTable,
  scan: PropertyScan,
): Buffer {
  const { buffer, start, end } = list
  scan.scan(buffer, start, end)
  const hasTable = scan.headersStart >= 0
  const tableAt = hasTable ? scan.headersStart : placeOfHeaders(buffer, start, scan.flags)
  const tableEnd = hasTable ? scan.headersEnd : tableAt
  const table = tableWith(buffer.subarray(tableAt, tableEnd), added)
  const head = Buffer.from(buffer.subarray(start, tableAt))
  head.writeUInt16BE(scan.flags | PropertyFlag.headers)
  return Buffer.concat([head, table, buffer.subarray(tableEnd, end)])
}

/** Behind content type and content encoding, which alone come before it. */
function placeOfHeaders(buffer: Buffer, start: number, flags: number): number {
  let at = start + FLAGS_BYTES
  for (const flag of [PropertyFlag.contentType, PropertyFlag.contentEncoding]) {
    if ((flags & flag) !== 0) at += 1 + (buffer[at] as number)
  }
  return at
}

/** `table` is empty, or a table with its length. */
function tableWith(table: Buffer, added: FieldTable): Buffer {
  const writer = new Writer(table.length + 64)
  const names = [...added.keys()]
  if (names.some((name) => table.includes(name))) {
    // Rare enough for decoding all of it.
    const entries = readTable(new Reader(table))
    for (const [name, field] of added) entries.set(name, field)
    writeTable(writer, entries)
    return writer.written()
  }
  const entries = table.subarray(TABLE_LENGTH_BYTES)
  writeTable(writer, added)
  writer.bytes(entries)
  writer.buffer.writeUInt32BE(writer.position - TABLE_LENGTH_BYTES)
  return writer.written()
}
