import { isDeepStrictEqual } from 'node:util'
import { assert } from '../../../base/assert.ts'
import { DecodeError, Reader } from '../../../base/reader.ts'
import { Writer } from '../../../base/writer.ts'
import type { FieldLayout } from './layout.ts'
import {
  expectPresent,
  readLength,
  readNullableString,
  readString,
  readUvarint,
  writeLength,
  writeNullableString,
  writeUvarint,
  zeroUuid,
} from './primitives.ts'

/**
 * Turns one version of a layout into codec objects, once; decoding and encoding then only walk
 * them. Values are `unknown` in here and nowhere else: message-codec.ts gives them their types.
 */
export interface Codec {
  /** The fewest bytes a value takes: what an announced array length is held against. */
  readonly bytesMin: number
  read(reader: MessageReader): unknown
  write(writer: Writer, value: unknown): void
}

/**
 * How many array elements one message may hold, all its arrays together: each partition that a virtual
 * host may have, once, and some. Kafka has no such bound, but an element of two bytes on the wire is a
 * hundred in memory here, and a million are a second in which nobody else is served.
 */
export const elementsMax = 300_000

/** A reader that also counts the elements it made, so that a small frame cannot fill the memory. */
export class MessageReader extends Reader {
  #elementsLeft: number = elementsMax

  /** Call before allocating for `count` elements of at least `bytesMin` [CVE-2022-34917]. */
  expectElements(count: number, bytesMin: number): void {
    if (count * bytesMin > this.remaining || count > this.#elementsLeft) {
      throw new DecodeError(`${count} elements announced at ${this.position}`)
    }
    this.#elementsLeft -= count
  }
}

export interface CompileOptions {
  readonly version: number
  readonly flexible: boolean
}

/** The codec of a whole message, or of a struct in it, in one version. */
export function compileStruct(
  layouts: readonly FieldLayout[],
  options: CompileOptions,
): StructCodec {
  return new StructCodec(
    layouts.map((layout) => compileField(layout, options)),
    options.flexible,
  )
}

interface Field {
  readonly name: string
  /** -1 for a field outside the tag buffer. */
  readonly tag: number
  /** Null for a field that this version does not carry. */
  readonly codec: Codec | null
  readonly fallback: unknown
}

class StructCodec implements Codec {
  readonly bytesMin: number
  readonly fallback: unknown
  readonly #fields: readonly Field[]
  /** By tag number. */
  readonly #tagged: readonly (Field | undefined)[]
  readonly #flexible: boolean

  constructor(fields: readonly Field[], flexible: boolean) {
    const tagged: Field[] = []
    let bytesMin = flexible ? 1 : 0
    for (const field of fields) {
      if (field.codec === null) continue
      if (field.tag === -1) bytesMin += field.codec.bytesMin
      else tagged[field.tag] = field
    }
    this.bytesMin = bytesMin
    this.fallback = Object.freeze(
      Object.fromEntries(fields.map((field) => [field.name, field.fallback])),
    )
    this.#fields = fields
    this.#tagged = tagged
    this.#flexible = flexible
  }

  /** Sets every field of the layout, always in the same order. */
  read(reader: MessageReader): Record<string, unknown> {
    const value: Record<string, unknown> = {}
    for (const field of this.#fields) {
      const onWire = field.codec !== null && field.tag === -1
      value[field.name] = onWire ? field.codec.read(reader) : field.fallback
    }
    if (this.#flexible) this.#readTags(reader, value)
    return value
  }

  #readTags(reader: MessageReader, value: Record<string, unknown>): void {
    for (let left = readUvarint(reader); left > 0; left--) {
      const field = this.#tagged[readUvarint(reader)]
      const bytes = readUvarint(reader)
      const start = reader.skip(bytes)
      if (field === undefined || field.codec === null) continue
      const end = reader.end
      reader.position = start
      reader.end = start + bytes
      value[field.name] = field.codec.read(reader)
      reader.position = start + bytes
      reader.end = end
    }
  }

  /** A field left out is written as its default. */
  write(writer: Writer, value: unknown): void {
    const struct = value as Record<string, unknown>
    for (const field of this.#fields) {
      if (field.codec === null || field.tag !== -1) continue
      const given = struct[field.name]
      field.codec.write(writer, given === undefined ? field.fallback : given)
    }
    if (this.#flexible) this.#writeTags(writer, struct)
  }

  #writeTags(writer: Writer, struct: Record<string, unknown>): void {
    const present = this.#tagged.filter(
      (field) =>
        field !== undefined &&
        struct[field.name] !== undefined &&
        !isDeepStrictEqual(struct[field.name], field.fallback),
    )
    writeUvarint(writer, present.length)
    for (const field of present) {
      if (field === undefined || field.codec === null) continue
      const content = new Writer(64)
      field.codec.write(content, struct[field.name])
      writeUvarint(writer, field.tag)
      writeUvarint(writer, content.position)
      writer.bytes(content.written())
    }
  }
}

function compileField(layout: FieldLayout, options: CompileOptions): Field {
  const { version, flexible } = options
  const nullable = version >= layout.nullableFrom
  const element =
    layout.type === 'struct' ? compileStruct(layout.fields, options) : scalar(layout, options)
  const isPresent = version >= layout.versionMin && version <= layout.versionMax
  assert(layout.tag === -1 || flexible || !isPresent, `tagged field ${layout.name} before KIP-482`)
  return {
    name: layout.name,
    tag: layout.tag,
    codec: isPresent ? (layout.isArray ? array(element, nullable, flexible) : element) : null,
    fallback: fallbackOf(layout, element),
  }
}

function fallbackOf(layout: FieldLayout, element: Codec): unknown {
  if (layout.fallback === 'null') return null
  if (layout.isArray) return Object.freeze([])
  switch (layout.type) {
    case 'struct':
      return (element as StructCodec).fallback
    case 'bool':
      return layout.fallback === 'true'
    case 'string':
      return ''
    case 'bytes':
    case 'records':
      return Buffer.alloc(0)
    case 'uuid':
      return zeroUuid
    default:
      return Number(layout.fallback ?? 0)
  }
}

function scalar(layout: FieldLayout, { version, flexible }: CompileOptions): Codec {
  const nullable = version >= layout.nullableFrom
  switch (layout.type) {
    case 'int8':
      return int8
    case 'int16':
      return int16
    case 'int32':
      return int32
    case 'int64':
      return int64
    case 'bool':
      return bool
    case 'uuid':
      return uuid
    case 'string':
      return string(nullable, flexible)
    default:
      return bytes(nullable, flexible)
  }
}

const int8: Codec = {
  bytesMin: 1,
  read: (reader) => reader.int8(),
  write: (writer, value) => writer.int8(value as number),
}

const int16: Codec = {
  bytesMin: 2,
  read: (reader) => reader.int16(),
  write: (writer, value) => writer.int16(value as number),
}

const int32: Codec = {
  bytesMin: 4,
  read: (reader) => reader.int32(),
  write: (writer, value) => writer.int32(value as number),
}

const int64: Codec = {
  bytesMin: 8,
  read: (reader) => reader.int64(),
  write: (writer, value) => writer.int64(value as number),
}

const bool: Codec = {
  bytesMin: 1,
  read: (reader) => reader.uint8() !== 0,
  write: (writer, value) => writer.uint8(value === true ? 1 : 0),
}

const uuid: Codec = {
  bytesMin: 16,
  read: (reader) => reader.view(16),
  write: (writer, value) => {
    assert((value as Buffer).length === 16, 'a uuid has 16 bytes')
    writer.bytes(value as Buffer)
  },
}

function string(nullable: boolean, flexible: boolean): Codec {
  return {
    bytesMin: flexible ? 1 : 2,
    read: nullable
      ? (reader) => readNullableString(reader, flexible)
      : (reader) => readString(reader, flexible),
    write: (writer, value) => {
      if (value === null) assertNullable(nullable)
      writeNullableString(writer, value as string | null, flexible)
    },
  }
}

function bytes(nullable: boolean, flexible: boolean): Codec {
  return {
    bytesMin: flexible ? 1 : 4,
    read: (reader) => {
      const length = readLength(reader, flexible)
      if (length === -1 && nullable) return null
      return reader.view(expectPresent(reader, length))
    },
    write: (writer, value) => {
      if (value === null) return writeNull(writer, nullable, flexible)
      writeLength(writer, (value as Buffer).length, flexible)
      writer.bytes(value as Buffer)
    },
  }
}

function array(element: Codec, nullable: boolean, flexible: boolean): Codec {
  return {
    bytesMin: flexible ? 1 : 4,
    read: (reader) => {
      const count = readLength(reader, flexible)
      if (count === -1 && nullable) return null
      expectPresent(reader, count)
      reader.expectElements(count, element.bytesMin)
      const values: unknown[] = []
      for (let index = 0; index < count; index++) values.push(element.read(reader))
      return values
    },
    write: (writer, value) => {
      if (value === null) return writeNull(writer, nullable, flexible)
      const values = value as readonly unknown[]
      writeLength(writer, values.length, flexible)
      for (const each of values) element.write(writer, each)
    },
  }
}

function writeNull(writer: Writer, nullable: boolean, flexible: boolean): void {
  assertNullable(nullable)
  writeLength(writer, -1, flexible)
}

function assertNullable(nullable: boolean): void {
  assert(nullable, 'null in a field that may not be null in this version')
}
