import { Double, Timestamp, type Arguments, type ArgumentValue } from '../core/arguments.ts'
import type { PlainValue } from './plain-value.ts'

export function plainFrom(values: Arguments): { readonly [name: string]: PlainValue } {
  return Object.fromEntries([...values].map(([name, value]) => [name, plainValue(value)]))
}

function plainValue(value: ArgumentValue): PlainValue {
  if (value instanceof Double) return value.value
  if (value instanceof Timestamp) return new Date(value.seconds * 1000)
  if (value instanceof Map) return plainFrom(value as Arguments)
  // A view of the broker's memory otherwise.
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return (value as readonly ArgumentValue[]).map(plainValue)
  return value as null | boolean | number | bigint | string
}

export function argumentsFromPlain(values: { readonly [name: string]: PlainValue }): Arguments {
  return new Map(Object.entries(values).map(([name, value]) => [name, argumentValue(value)]))
}

function argumentValue(value: PlainValue): ArgumentValue {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : new Double(value)
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Date) return new Timestamp(Math.floor(value.getTime() / 1000))
  if (value instanceof Uint8Array) return value
  if (isList(value)) return value.map(argumentValue)
  return argumentsFromPlain(value)
}

/** Array.isArray() alone does not narrow a readonly array away. */
function isList(value: object): value is readonly PlainValue[] {
  return Array.isArray(value)
}
