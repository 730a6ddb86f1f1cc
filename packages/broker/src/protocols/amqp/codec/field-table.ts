import { isUtf8 } from 'node:buffer'
import { DecodeError } from '../../../base/reader.ts'
import type { Reader } from '../../../base/reader.ts'
import type { Writer } from '../../../base/writer.ts'
import { readSigned64, readUnsigned64, write64, writeLongstr, writeShortstr } from './primitives.ts'

/**
 * Field tables with RabbitMQ's type letters, which differ from the specification's in sign:
 *
 *   table  uint32 bytes · (shortstr key · value)*         array  uint32 bytes · value*
 *   value  letter · t bool | b int8 | B uint8 | s int16 | u uint16 | I int32 | i uint32
 *                 | l, L int64 | f float | d double | D uint8 scale, uint32
 *                 | S uint32 length, bytes | x the same | T uint64 seconds | A array | F table
 *                 | V nothing
 *
 * Each value keeps its letter, so that what was read is written back byte for byte, and in the
 * peer's order. Exceptions, none of which a client is known to send: a key given twice (the first
 * counts, as in RabbitMQ), a key that is not UTF-8, a `t` beside 0 and 1, the payload of a NaN.
 */
export type Field =
  | { readonly type: 't'; readonly value: boolean }
  | { readonly type: 'b' | 'B' | 's' | 'u' | 'I' | 'i' | 'f' | 'd'; readonly value: number }
  | { readonly type: 'l' | 'L' | 'T'; readonly value: number | bigint }
  | { readonly type: 'D'; readonly value: Decimal }
  | { readonly type: 'S'; readonly value: string | Buffer }
  | { readonly type: 'x'; readonly value: Buffer }
  | { readonly type: 'A'; readonly value: readonly Field[] }
  | { readonly type: 'F'; readonly value: FieldTable }
  | { readonly type: 'V'; readonly value: null }

export type FieldType = Field['type']

/** A Map, never an object: keys are a stranger's, and `__proto__` is one of them. */
export type FieldTable = Map<string, Field>

/** unscaled / 10 ** scale */
export interface Decimal {
  readonly scale: number
  readonly unscaled: number
}

/** Tables within tables and arrays; each level is a level of our stack. */
export const TABLE_DEPTH_MAX = 32

/** Entries of a table with all that it holds, array elements included. */
export const TABLE_ENTRIES_MAX = 4096

/** A table that breaks the grammar or a bound: 502 SYNTAX_ERROR. */
export class TableError extends DecodeError {}

/** Reads a table with its length. Nothing in it refers to the reader's buffer afterwards. */
export function readTable(reader: Reader): FieldTable {
  return new TableReader(reader).table(1)
}

/** Writes a table with its length, in the Map's order. */
export function writeTable(writer: Writer, table: ReadonlyMap<string, Field>): void {
  const start = writer.skip(4)
  for (const [key, field] of table) {
    writeShortstr(writer, key)
    writeField(writer, field)
  }
  writer.buffer.writeUInt32BE(writer.position - start - 4, start)
}

class TableReader {
  readonly #reader: Reader
  #entries = 0

  constructor(reader: Reader) {
    this.#reader = reader
  }

  table(depth: number): FieldTable {
    const reader = this.#reader
    const outerEnd = this.#enter(depth)
    const table: FieldTable = new Map()
    while (reader.position < reader.end) {
      this.#countEntry()
      const key = reader.utf8(reader.uint8())
      const field = this.#field(depth)
      if (!table.has(key)) table.set(key, field)
    }
    reader.end = outerEnd
    return table
  }

  #array(depth: number): readonly Field[] {
    const reader = this.#reader
    const outerEnd = this.#enter(depth)
    const fields: Field[] = []
    while (reader.position < reader.end) {
      this.#countEntry()
      fields.push(this.#field(depth))
    }
    reader.end = outerEnd
    return fields
  }

  /** Narrows the reader to the container that starts here; returns the end to put back. */
  #enter(depth: number): number {
    if (depth > TABLE_DEPTH_MAX) {
      throw new TableError(`table nested over ${TABLE_DEPTH_MAX} deep`)
    }
    const reader = this.#reader
    const bytes = reader.uint32()
    if (bytes > reader.remaining) {
      throw new TableError(`table of ${bytes} bytes announced, ${reader.remaining} left`)
    }
    const outerEnd = reader.end
    reader.end = reader.position + bytes
    return outerEnd
  }

  #countEntry(): void {
    this.#entries += 1
    if (this.#entries > TABLE_ENTRIES_MAX) {
      throw new TableError(`table with over ${TABLE_ENTRIES_MAX} entries`)
    }
  }

  #field(depth: number): Field {
    const reader = this.#reader
    const type = String.fromCharCode(reader.uint8())
    switch (type) {
      case 't':
        return { type, value: reader.uint8() !== 0 }
      case 'b':
        return { type, value: reader.int8() }
      case 'B':
        return { type, value: reader.uint8() }
      case 's':
        return { type, value: reader.int16() }
      case 'u':
        return { type, value: reader.uint16() }
      case 'I':
        return { type, value: reader.int32() }
      case 'i':
        return { type, value: reader.uint32() }
      case 'l':
      case 'L':
        return { type, value: readSigned64(reader) }
      case 'f':
        return { type, value: reader.buffer.readFloatBE(reader.skip(4)) }
      case 'd':
        return { type, value: reader.float64() }
      case 'D':
        return { type, value: { scale: reader.uint8(), unscaled: reader.uint32() } }
      case 'S':
        return { type, value: readText(reader) }
      case 'x':
        return { type, value: reader.bytes(reader.uint32()) }
      case 'T':
        return { type, value: readUnsigned64(reader) }
      case 'A':
        return { type, value: this.#array(depth + 1) }
      case 'F':
        return { type, value: this.table(depth + 1) }
      case 'V':
        return { type, value: null }
      default:
        throw new TableError(`unknown field type ${type.charCodeAt(0)}`)
    }
  }
}

function writeField(writer: Writer, field: Field): void {
  writer.uint8(field.type.charCodeAt(0))
  switch (field.type) {
    case 't':
      return writer.uint8(field.value ? 1 : 0)
    case 'b':
      return writer.int8(field.value)
    case 'B':
      return writer.uint8(field.value)
    case 's':
      return writer.int16(field.value)
    case 'u':
      return writer.uint16(field.value)
    case 'I':
      return writer.int32(field.value)
    case 'i':
      return writer.uint32(field.value)
    case 'l':
    case 'L':
    case 'T':
      return write64(writer, field.value)
    case 'f':
      return writeFloat32(writer, field.value)
    case 'd':
      return writer.float64(field.value)
    case 'D':
      writer.uint8(field.value.scale)
      return writer.uint32(field.value.unscaled)
    case 'S':
    case 'x':
      return writeLongstr(writer, field.value)
    case 'A':
      return writeArray(writer, field.value)
    case 'F':
      return writeTable(writer, field.value)
    case 'V':
      return
  }
}

function writeArray(writer: Writer, fields: readonly Field[]): void {
  const start = writer.skip(4)
  for (const field of fields) writeField(writer, field)
  writer.buffer.writeUInt32BE(writer.position - start - 4, start)
}

/** Bytes that are not UTF-8 stay bytes, so that they are written back as they came. */
function readText(reader: Reader): string | Buffer {
  const bytes = reader.uint32()
  const start = reader.skip(bytes)
  const view = reader.buffer.subarray(start, start + bytes)
  return isUtf8(view) ? view.toString('utf8') : Buffer.from(view)
}

function writeFloat32(writer: Writer, value: number): void {
  const at = writer.skip(4)
  writer.buffer.writeFloatBE(value, at)
}
