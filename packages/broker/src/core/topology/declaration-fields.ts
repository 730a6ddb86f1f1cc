import type { Reader } from '../../base/reader.ts'
import type { Writer } from '../../base/writer.ts'
import { Double, Timestamp, type Arguments, type ArgumentValue } from '../arguments.ts'
import { limits } from '../limits.ts'
import { DeclarationFormatError } from './declaration-error.ts'

/**
 * The bytes of each type of field. They are on disks: nothing here may change, only be added. storage/FORMAT.md has them in words.
 * All numbers are big-endian.
 */
export interface Field<T> {
  write(writer: Writer, value: T): void
  read(reader: Reader): T
}

/** Set in the length of a text that is UTF-16: it has half characters, which UTF-8 cannot say. */
const UTF16 = 0x8000_0000
/** No stack of ours breaks at this depth, and no protocol of ours gets near it. */
const DEPTH_MAX = 1000

export const text: Field<string> = {
  write(writer, value) {
    if (value.isWellFormed()) {
      writer.uint32(Buffer.byteLength(value))
      writer.utf8(value)
      return
    }
    const bytes = Buffer.from(value, 'utf16le')
    writer.uint32(UTF16 + bytes.length)
    writer.bytes(bytes)
  },
  read(reader) {
    const length = reader.uint32()
    if (length < UTF16) return reader.utf8(length)
    const at = reader.skip(length - UTF16)
    return reader.buffer.toString('utf16le', at, reader.position)
  },
}

export const flag: Field<boolean> = {
  write: (writer, value) => writer.uint8(value ? 1 : 0),
  read: (reader) => reader.uint8() !== 0,
}

export const uint32: Field<number> = {
  write: (writer, value) => writer.uint32(value),
  read: (reader) => reader.uint32(),
}

/** Exact for whatever a number can be here, Infinity included. */
export const number: Field<number> = {
  write: (writer, value) => writer.float64(value),
  read: (reader) => reader.float64(),
}

export const numberOrNull: Field<number | null> = {
  write(writer, value) {
    flag.write(writer, value !== null)
    if (value !== null) number.write(writer, value)
  },
  read: (reader) => (flag.read(reader) ? number.read(reader) : null),
}

export const textOrNull: Field<string | null> = {
  write(writer, value) {
    flag.write(writer, value !== null)
    if (value !== null) text.write(writer, value)
  },
  read: (reader) => (flag.read(reader) ? text.read(reader) : null),
}

export const numbers: Field<readonly number[]> = {
  write(writer, values) {
    writer.uint32(values.length)
    for (const value of values) number.write(writer, value)
  },
  read: (reader) => Array.from({ length: countOf(reader, 8) }, () => number.read(reader)),
}

/** A stream's id. */
export const id: Field<Buffer> = {
  write: (writer, value) => writer.bytes(value),
  read: (reader) => reader.bytes(16),
}

export const texts: Field<readonly string[]> = {
  write(writer, values) {
    writer.uint32(values.length)
    for (const value of values) text.write(writer, value)
  },
  read: (reader) => Array.from({ length: countOf(reader, 4) }, () => text.read(reader)),
}

export const textMap: Field<ReadonlyMap<string, string>> = {
  write(writer, values) {
    writer.uint32(values.size)
    for (const [key, value] of values) {
      text.write(writer, key)
      text.write(writer, value)
    }
  },
  read(reader) {
    const values = new Map<string, string>()
    for (let left = countOf(reader, 8); left > 0; left--) {
      values.set(text.read(reader), text.read(reader))
    }
    return values
  },
}

/** A word of a list that later versions may have more words in. */
export function word<T extends string>(words: readonly T[]): Field<T> {
  return {
    write: (writer, value) => text.write(writer, value),
    read(reader) {
      const value = text.read(reader)
      const known = words.find((each) => each === value)
      if (known === undefined) throw DeclarationFormatError.newer(`the word '${value}'`)
      return known
    },
  }
}

/** Ids as runs of (first, count): those of a stream's partitions are nearly always one. */
export const ids: Field<readonly number[]> = {
  write(writer, values) {
    const runs = runsOf(values)
    writer.uint32(runs.length)
    for (const { first, count } of runs) {
      writer.uint32(first)
      writer.uint32(count)
    }
  },
  read(reader) {
    const values: number[] = []
    for (let runs = countOf(reader, 8); runs > 0; runs--) {
      const first = reader.uint32()
      const count = reader.uint32()
      if (values.length + count > limits.partitionsMax) {
        throw DeclarationFormatError.damaged(`a stream of ${values.length + count} partitions`)
      }
      for (let i = 0; i < count; i++) values.push(first + i)
    }
    return values
  },
}

function runsOf(values: readonly number[]): { first: number; count: number }[] {
  const runs: { first: number; count: number }[] = []
  for (const value of values) {
    const last = runs.at(-1)
    if (last !== undefined && value === last.first + last.count) last.count++
    else runs.push({ first: value, count: 1 })
  }
  return runs
}

export const table: Field<Arguments> = {
  write: writeTable,
  read: (reader) => readTable(reader, 0),
}

const Tag = {
  null: 0,
  false: 1,
  true: 2,
  number: 3,
  bigint: 4,
  text: 5,
  bytes: 6,
  double: 7,
  timestamp: 8,
  list: 9,
  table: 10,
} as const

function writeTable(writer: Writer, values: Arguments): void {
  writer.uint32(values.size)
  for (const [key, each] of values) {
    text.write(writer, key)
    writeValue(writer, each)
  }
}

function writeValue(writer: Writer, given: ArgumentValue): void {
  if (given === null) return writer.uint8(Tag.null)
  switch (typeof given) {
    case 'boolean':
      return writer.uint8(given ? Tag.true : Tag.false)
    case 'number':
      writer.uint8(Tag.number)
      return writer.float64(given)
    case 'bigint':
      // Of any size, and seldom: digits will do.
      writer.uint8(Tag.bigint)
      return text.write(writer, String(given))
    case 'string':
      writer.uint8(Tag.text)
      return text.write(writer, given)
    default:
      return writeObject(writer, given)
  }
}

function writeObject(writer: Writer, given: ArgumentValue & object): void {
  if (given instanceof Double) {
    writer.uint8(Tag.double)
    writer.float64(given.value)
  } else if (given instanceof Timestamp) {
    writer.uint8(Tag.timestamp)
    writer.float64(given.seconds)
  } else if (given instanceof Uint8Array) {
    writer.uint8(Tag.bytes)
    writer.uint32(given.length)
    writer.bytes(given)
  } else if (given instanceof Map) {
    writer.uint8(Tag.table)
    writeTable(writer, given as Arguments)
  } else {
    const list = given as readonly ArgumentValue[]
    writer.uint8(Tag.list)
    writer.uint32(list.length)
    for (const each of list) writeValue(writer, each)
  }
}

function readTable(reader: Reader, depth: number): Arguments {
  const values = new Map<string, ArgumentValue>()
  for (let left = countOf(reader, 5); left > 0; left--) {
    values.set(text.read(reader), readValue(reader, depth))
  }
  return values
}

function readValue(reader: Reader, depth: number): ArgumentValue {
  if (depth > DEPTH_MAX) throw DeclarationFormatError.damaged(`a value in ${DEPTH_MAX} others`)
  const tag = reader.uint8()
  switch (tag) {
    case Tag.null:
      return null
    case Tag.false:
      return false
    case Tag.true:
      return true
    case Tag.number:
      return reader.float64()
    case Tag.bigint:
      return readBigint(reader)
    case Tag.text:
      return text.read(reader)
    case Tag.bytes:
      return reader.bytes(reader.uint32())
    case Tag.double:
      return new Double(reader.float64())
    case Tag.timestamp:
      return new Timestamp(reader.float64())
    case Tag.list:
      return Array.from({ length: countOf(reader, 1) }, () => readValue(reader, depth + 1))
    case Tag.table:
      return readTable(reader, depth + 1)
    default:
      throw DeclarationFormatError.newer(`a value of type ${tag}`)
  }
}

function readBigint(reader: Reader): bigint {
  const digits = text.read(reader)
  if (!/^-?\d+$/.test(digits)) throw DeclarationFormatError.damaged('a number without digits')
  return BigInt(digits)
}

/** A count of things of `bytesMin` or more each: what cannot be there is not waited for. */
function countOf(reader: Reader, bytesMin: number): number {
  const count = reader.uint32()
  if (count * bytesMin > reader.remaining) {
    throw DeclarationFormatError.damaged(`${count} values in ${reader.remaining} bytes`)
  }
  return count
}
