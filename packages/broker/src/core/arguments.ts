/** A number that was sent as floating point: 1.0 and 1 are different header values. */
export class Double {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

/** Seconds since 1970. */
export class Timestamp {
  readonly seconds: number
  constructor(seconds: number) {
    this.seconds = seconds
  }
}

/** A value in arguments or message headers, whatever protocol it came by. */
export type ArgumentValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Double
  | Timestamp
  | readonly ArgumentValue[]
  | Arguments

/** Arguments of a declaration or binding, or headers of a message. A Map: `__proto__` is a key like any other. */
export type Arguments = ReadonlyMap<string, ArgumentValue>

export const noArguments: Arguments = new Map()

/** Equal by kind and value; integers of any width are one kind. */
export function sameValue(one: ArgumentValue, other: ArgumentValue): boolean {
  if (one === other) return true
  if (isInteger(one) && isInteger(other)) return BigInt(one) === BigInt(other)
  if (one === null || other === null || typeof one !== 'object' || typeof other !== 'object')
    return false
  if (one instanceof Double) return other instanceof Double && one.value === other.value
  if (one instanceof Timestamp) return other instanceof Timestamp && one.seconds === other.seconds
  if (one instanceof Uint8Array)
    return other instanceof Uint8Array && Buffer.compare(one, other) === 0
  if (Array.isArray(one)) return Array.isArray(other) && sameList(one, other)
  return one instanceof Map && other instanceof Map && sameArguments(one, other)
}

function sameArguments(one: Arguments, other: Arguments): boolean {
  if (one.size !== other.size) return false
  for (const [key, value] of one) {
    const counterpart = other.get(key)
    if (counterpart === undefined || !sameValue(value, counterpart)) return false
  }
  return true
}

/** A text that is the same for all that sameValue() calls equal, and for nothing else: a key to look them up by. */
export function keyOf(value: ArgumentValue): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (value === null || typeof value !== 'object') return String(value)
  if (value instanceof Double) return `d${value.value}`
  if (value instanceof Timestamp) return `t${value.seconds}`
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString('hex')}`
  if (value instanceof Map) {
    const entries = [...(value as Arguments)].map(
      ([key, each]) => `${JSON.stringify(key)}:${keyOf(each)}`,
    )
    return `{${entries.sort().join()}}`
  }
  return `[${(value as readonly ArgumentValue[]).map(keyOf).join()}]`
}

function sameList(one: readonly ArgumentValue[], other: readonly ArgumentValue[]): boolean {
  if (one.length !== other.length) return false
  return one.every((value, index) => sameValue(value, other[index] as ArgumentValue))
}

function isInteger(value: ArgumentValue): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}
