import type { ApiKey } from '../api-keys.ts'
import { parseLayout } from '../layout.ts'
import type { ApiLayout, FieldLayout } from '../layout.ts'
import { layouts } from '../layouts.ts'
import type { RequestBodies, ResponseBodies } from '../messages.ts'
import { randomBytes, randomInteger } from './random.ts'
import type { Random } from './random.ts'

/**
 * A body as decoding would return it: every field set, those that the version carries at random,
 * the others to their defaults.
 */
export function randomRequest<K extends ApiKey>(
  api: K,
  version: number,
  random: Random,
): RequestBodies[K] {
  return randomBody(layouts[api], 'request', version, random) as RequestBodies[K]
}

export function randomResponse<K extends ApiKey>(
  api: K,
  version: number,
  random: Random,
): ResponseBodies[K] {
  return randomBody(layouts[api], 'response', version, random) as ResponseBodies[K]
}

function randomBody(
  layout: ApiLayout,
  direction: keyof ApiLayout,
  version: number,
  random: Random,
): unknown {
  return struct(parseLayout(layout[direction]), version, random)
}

function struct(fields: readonly FieldLayout[], version: number, random: Random): unknown {
  return Object.fromEntries(
    fields.map((field) => {
      const isPresent = version >= field.versionMin && version <= field.versionMax
      return [field.name, isPresent ? present(field, version, random) : absent(field)]
    }),
  )
}

function present(field: FieldLayout, version: number, random: Random): unknown {
  if (field.tag !== -1 && random() < 0.5) return absent(field)
  if (version >= field.nullableFrom && random() < 0.3) return null
  if (!field.isArray) return single(field, version, random)
  const count = randomInteger(random, 0, 3)
  return Array.from({ length: count }, () => single(field, version, random))
}

function single(field: FieldLayout, version: number, random: Random): unknown {
  switch (field.type) {
    case 'int8':
      return randomInteger(random, -128, 127)
    case 'int16':
      return randomInteger(random, -32_768, 32_767)
    case 'int32':
      return randomInteger(random, -(2 ** 31), 2 ** 31 - 1)
    case 'int64':
      return randomInteger(random, -(2 ** 52), 2 ** 52)
    case 'bool':
      return random() < 0.5
    case 'string':
      return 'aé€😀z'.repeat(randomInteger(random, 0, 20))
    case 'bytes':
    case 'records':
      return randomBytes(random, randomInteger(random, 0, 300))
    case 'uuid':
      return randomBytes(random, 16)
    case 'struct':
      return struct(field.fields, version, random)
  }
}

function absent(field: FieldLayout): unknown {
  if (field.fallback === 'null') return null
  if (field.isArray) return []
  switch (field.type) {
    case 'struct':
      return Object.fromEntries(field.fields.map((each) => [each.name, absent(each)]))
    case 'bool':
      return field.fallback === 'true'
    case 'string':
      return ''
    case 'bytes':
    case 'records':
      return Buffer.alloc(0)
    case 'uuid':
      return Buffer.alloc(16)
    default:
      return Number(field.fallback ?? 0)
  }
}
