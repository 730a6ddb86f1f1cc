/** What a configuration of nats-server says, and where it says so. */

export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

export type Scalar = string | number | boolean

export interface Value {
  readonly content: Scalar | readonly Value[] | Block
  readonly place: Place
}

export class Entry {
  /** As it was written; keys are compared in lower case. */
  readonly name: string
  readonly value: Value
  readonly place: Place
  /** A key that nobody knows is no fault if a variable refers to it. */
  isUsed: boolean = false

  constructor(name: string, value: Value, place: Place) {
    this.name = name
    this.value = value
    this.place = place
  }
}

/** By the key as it was written; of two of one name the later holds. */
export type Block = ReadonlyMap<string, Entry>

export function isBlock(content: Value['content']): content is Block {
  return content instanceof Map
}

export function isList(content: Value['content']): content is readonly Value[] {
  return Array.isArray(content)
}

/** A fault of a configuration, in the form in which nats-server tells it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'

  constructor(place: Place, what: string) {
    super(`${place.file}:${place.line}:${place.column}: ${what}`)
  }
}
