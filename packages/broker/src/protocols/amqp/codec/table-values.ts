import type { Field, FieldTable } from './field-table.ts'

/**
 * Field tables as plain values: building the ones that we send, and picking arguments out of the
 * ones that we are sent.
 */
export type PlainValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Date
  | Uint8Array
  | readonly PlainValue[]
  | { readonly [key: string]: PlainValue }

const INT32_MIN = -(2 ** 31)
const INT32_MAX = 2 ** 31 - 1

/** RabbitMQ's names of the field types, as they stand in its error texts. */
const typeNames: Readonly<Record<Field['type'], string>> = {
  t: 'bool',
  b: 'byte',
  B: 'unsignedbyte',
  s: 'short',
  u: 'unsignedshort',
  I: 'signedint',
  i: 'unsignedint',
  l: 'long',
  L: 'long',
  f: 'float',
  d: 'double',
  D: 'decimal',
  S: 'longstr',
  x: 'binary',
  T: 'timestamp',
  A: 'array',
  F: 'table',
  V: 'void',
}

/** As in "received the value '5' of type 'signedint'". */
export function typeName(field: Field): string {
  return typeNames[field.type]
}

/** The value under `key` if it is text, undefined if there is none or it is of another type. */
export function findString(table: FieldTable, key: string): string | undefined {
  const field = table.get(key)
  return field?.type === 'S' && typeof field.value === 'string' ? field.value : undefined
}

/** The value under `key` if it is of any integer type and at most 2^53. */
export function findInteger(table: FieldTable, key: string): number | undefined {
  const field = table.get(key)
  return field === undefined ? undefined : integerOf(field)
}

export function findBoolean(table: FieldTable, key: string): boolean | undefined {
  const field = table.get(key)
  return field?.type === 't' ? field.value : undefined
}

export function findTable(table: FieldTable, key: string): FieldTable | undefined {
  const field = table.get(key)
  return field?.type === 'F' ? field.value : undefined
}

/** The texts of an array of longstr (CC, BCC); undefined if it is anything else. */
export function findStrings(table: FieldTable, key: string): readonly string[] | undefined {
  const field = table.get(key)
  if (field?.type !== 'A') return undefined
  const texts: string[] = []
  for (const element of field.value) {
    if (element.type !== 'S' || typeof element.value !== 'string') return undefined
    texts.push(element.value)
  }
  return texts
}

/** The value of a field of any integer type, if it is a safe number. */
export function integerOf(field: Field): number | undefined {
  switch (field.type) {
    case 'b':
    case 'B':
    case 's':
    case 'u':
    case 'I':
    case 'i':
      return field.value
    case 'l':
    case 'L':
      return typeof field.value === 'number' ? field.value : undefined
    default:
      return undefined
  }
}

/** A table of our own making, for server properties and the like. */
export function tableFrom(values: { readonly [key: string]: PlainValue }): FieldTable {
  const table: FieldTable = new Map()
  for (const [key, value] of Object.entries(values)) table.set(key, fieldFrom(value))
  return table
}

/** Integers become the smaller of int32 and int64 that holds them, other numbers doubles. */
export function fieldFrom(value: PlainValue): Field {
  switch (typeof value) {
    case 'string':
      return { type: 'S', value }
    case 'boolean':
      return { type: 't', value }
    case 'bigint':
      return { type: 'l', value }
    case 'number':
      return numberField(value)
  }
  if (value === null) return { type: 'V', value: null }
  if (value instanceof Date) return { type: 'T', value: Math.floor(value.getTime() / 1000) }
  if (value instanceof Uint8Array) return { type: 'x', value: Buffer.from(value) }
  if (isArray(value)) return { type: 'A', value: value.map(fieldFrom) }
  return { type: 'F', value: tableFrom(value) }
}

function numberField(value: number): Field {
  if (!Number.isSafeInteger(value)) return { type: 'd', value }
  return value >= INT32_MIN && value <= INT32_MAX ? { type: 'I', value } : { type: 'l', value }
}

/** Array.isArray() alone does not narrow a readonly array away. */
function isArray(value: object): value is readonly PlainValue[] {
  return Array.isArray(value)
}
