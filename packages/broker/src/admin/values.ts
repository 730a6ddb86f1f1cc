import { isUtf8 } from 'node:buffer'
import { Double, Timestamp, type Arguments, type ArgumentValue } from '../core/arguments.ts'
import { badRequest } from './errors.ts'
import { adminLimits } from './limits.ts'

/**
 * Arguments and header values as JSON and back. What JSON has no word for is an object with one key that begins with `$`:
 *
 *   {"$base64": "AAE="}                 bytes
 *   {"$timestamp": 1700000000}          seconds since 1970
 *   {"$integer": "9007199254740993"}    beyond 2^53
 *   {"$double": 1}                      a number sent as floating point although it is whole
 */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

export function jsonOfArguments(given: Arguments): JsonObject {
  // A key `__proto__` is one like any other here, and must not be a prototype.
  const shown = Object.create(null) as Record<string, Json>
  for (const [key, value] of given) shown[key] = jsonOf(value)
  return shown
}

export function jsonOf(value: ArgumentValue): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') {
    const isExact = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
    return isExact ? Number(value) : { $integer: String(value) }
  }
  if (value instanceof Double) return jsonOfDouble(value.value)
  if (value instanceof Timestamp) return { $timestamp: value.seconds }
  if (value instanceof Uint8Array) return { $base64: Buffer.from(value).toString('base64') }
  if (value instanceof Map) return jsonOfArguments(value as Arguments)
  return (value as readonly ArgumentValue[]).map(jsonOf)
}

function jsonOfDouble(value: number): Json {
  if (!Number.isFinite(value)) return { $double: String(value) }
  return Number.isInteger(value) ? { $double: value } : value
}

/** Text if the bytes are UTF-8, else `$base64`. */
export function jsonOfBytes(bytes: Buffer | null): Json {
  if (bytes === null) return null
  return isUtf8(bytes) ? bytes.toString('utf8') : { $base64: bytes.toString('base64') }
}

/** Text, or base64 with the word for it. */
export function encodedBody(bytes: Buffer): { body: string; encoding: 'text' | 'base64' } {
  if (isUtf8(bytes)) return { body: bytes.toString('utf8'), encoding: 'text' }
  return { body: bytes.toString('base64'), encoding: 'base64' }
}

/** Throws a 400 for base64 that is none: Buffer.from would pass over what it cannot read. */
export function bytesOf(text: string, encoding: 'text' | 'base64', what: string): Buffer {
  if (encoding === 'text') return Buffer.from(text)
  const bytes = Buffer.from(text, 'base64')
  const isWhole = bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '')
  if (isWhole) return bytes
  throw badRequest(`${what} is not base64`, 'send it as text, or encode it (RFC 4648, section 4)')
}

export function argumentsOf(given: JsonObject | undefined, what: string): Arguments {
  return argumentsAt(given ?? {}, what, 0)
}

/** A name in a table of AMQP's has its length in one octet. */
const NAME_BYTES_MAX = 255

function argumentsAt(given: JsonObject, what: string, depth: number): Arguments {
  const entries = Object.entries(given)
  return new Map(
    entries.map(([key, value]) => {
      if (Buffer.byteLength(key) > NAME_BYTES_MAX) {
        throw badRequest(`a name in ${what} is longer than ${NAME_BYTES_MAX} bytes`)
      }
      return [key, argumentOf(value, `${what}.${key}`, depth)]
    }),
  )
}

function argumentOf(value: Json, what: string, depth: number): ArgumentValue {
  if (depth > adminLimits.valueDepthMax) {
    throw badRequest(`${what} is nested more than ${adminLimits.valueDepthMax} deep`)
  }
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : new Double(value)
  if (value === null || typeof value !== 'object') return value
  if (isList(value)) return value.map((each, i) => argumentOf(each, `${what}[${i}]`, depth + 1))
  const keys = Object.keys(value)
  const [first = ''] = keys
  return keys.length === 1 && first.startsWith('$')
    ? markedValue(first, value[first] ?? null, what)
    : argumentsAt(value, what, depth + 1)
}

function isList(value: readonly Json[] | JsonObject): value is readonly Json[] {
  return Array.isArray(value)
}

function markedValue(mark: string, value: Json, what: string): ArgumentValue {
  switch (mark) {
    case '$base64':
      if (typeof value === 'string') return bytesOf(value, 'base64', what)
      break
    case '$timestamp':
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
        return new Timestamp(value)
      }
      break
    case '$integer':
      if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) return integerOf(value, what)
      break
    case '$double':
      if (typeof value === 'number') return new Double(value)
      if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') {
        return new Double(Number(value))
      }
      break
  }
  const known = '$base64, $timestamp, $integer, $double'
  throw badRequest(`${what}: ${mark} is none of ${known}, or its value does not fit`)
}

/** What a field of 64 bits can hold. */
function integerOf(text: string, what: string): ArgumentValue {
  const value = BigInt(text)
  if (BigInt.asIntN(64, value) === value) return value
  throw badRequest(`${what}: ${text} does not fit 64 bits`)
}
