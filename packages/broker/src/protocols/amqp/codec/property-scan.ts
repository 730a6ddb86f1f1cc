import { DecodeError } from '../../../base/reader.ts'
import { PropertyFlag } from './constants.ts'
import { UNUSED_PROPERTY_FLAGS } from './content-header.ts'
import { TABLE_DEPTH_MAX, TABLE_ENTRIES_MAX, TableError } from './field-table.ts'

/** Octets of a header's value after its type letter; 0 for letters that have no fixed size. */
const fixedValueBytes: Uint8Array = fixedSizes({
  t: 1,
  b: 1,
  B: 1,
  s: 2,
  u: 2,
  I: 4,
  i: 4,
  l: 8,
  L: 8,
  f: 4,
  d: 8,
  D: 5,
  T: 8,
})

const LETTER_S = 0x53
const LETTER_x = 0x78
const LETTER_A = 0x41
const LETTER_F = 0x46
const LETTER_V = 0x56

/**
 * Walks a property list without decoding it, since a message is stored and handed on with the
 * bytes it came with. What it lets pass, readProperties() reads without fail.
 *
 * One scan serves a whole connection: each call overwrites the fields of the last. The positions
 * point into the buffer of that call, of which nothing is kept.
 */
export class PropertyScan {
  /** The flag word as it stands. */
  flags: number = 0
  /** 2 is persistent; 0 if there is none. */
  deliveryMode: number = 0
  /** 0 if there is none, as RabbitMQ takes it. */
  priority: number = 0
  /** The text, without its length octet; both are -1 if there is none. */
  expirationStart: number = -1
  expirationEnd: number = -1
  /** The text, without its length octet; both are -1 if there is none. */
  userIdStart: number = -1
  userIdEnd: number = -1
  /** The table with its length, as readTable() wants it; both are -1 if there is none. */
  headersStart: number = -1
  headersEnd: number = -1
  #entries: number = 0

  /** Checks the property list in [start, end) and sets the fields. */
  scan(buffer: Buffer, start: number, end: number): void {
    this.#forget()
    if (end - start < 2) throw truncated(start)
    const flags = ((buffer[start] as number) << 8) | (buffer[start + 1] as number)
    this.flags = flags
    const at = flags === 0 ? start + 2 : this.#walk(buffer, start + 2, end)
    if (at > end) throw truncated(end)
    if (at < end) throw new DecodeError(`property list goes on at ${at}`)
  }

  #forget(): void {
    this.deliveryMode = 0
    this.priority = 0
    this.expirationStart = -1
    this.expirationEnd = -1
    this.userIdStart = -1
    this.userIdEnd = -1
    this.headersStart = -1
    this.headersEnd = -1
    this.#entries = 0
  }

  /**
   * Returns where the last property ends, perhaps beyond `end`: positions only grow, so that one
   * check of the caller's does for all that read nothing.
   */
  #walk(buffer: Buffer, start: number, end: number): number {
    const flags = this.flags
    let at = start
    if ((flags & UNUSED_PROPERTY_FLAGS) !== 0) {
      throw new DecodeError(`unknown property flags 0x${flags.toString(16)}`)
    }
    if ((flags & PropertyFlag.contentType) !== 0) at = afterShortstr(buffer, at, end)
    if ((flags & PropertyFlag.contentEncoding) !== 0) at = afterShortstr(buffer, at, end)
    if ((flags & PropertyFlag.headers) !== 0) at = this.#headers(buffer, at, end)
    if ((flags & PropertyFlag.deliveryMode) !== 0) {
      this.deliveryMode = octet(buffer, at, end)
      at += 1
    }
    if ((flags & PropertyFlag.priority) !== 0) {
      this.priority = octet(buffer, at, end)
      at += 1
    }
    return (flags & RARE_FLAGS) === 0 ? at : this.#walkRare(buffer, at, end)
  }

  /** Correlation id to cluster id. */
  #walkRare(buffer: Buffer, start: number, end: number): number {
    const flags = this.flags
    let at = start
    if ((flags & PropertyFlag.correlationId) !== 0) at = afterShortstr(buffer, at, end)
    if ((flags & PropertyFlag.replyTo) !== 0) at = afterShortstr(buffer, at, end)
    if ((flags & PropertyFlag.expiration) !== 0) {
      this.expirationStart = at + 1
      at = afterShortstr(buffer, at, end)
      this.expirationEnd = at
    }
    if ((flags & PropertyFlag.messageId) !== 0) at = afterShortstr(buffer, at, end)
    if ((flags & PropertyFlag.timestamp) !== 0) at += 8
    if ((flags & PropertyFlag.type) !== 0) at = afterShortstr(buffer, at, end)
    if ((flags & PropertyFlag.userId) !== 0) {
      this.userIdStart = at + 1
      at = afterShortstr(buffer, at, end)
      this.userIdEnd = at
    }
    if ((flags & PropertyFlag.appId) !== 0) at = afterShortstr(buffer, at, end)
    if ((flags & PropertyFlag.clusterId) !== 0) at = afterShortstr(buffer, at, end)
    return at
  }

  #headers(buffer: Buffer, at: number, end: number): number {
    const after = afterCounted(buffer, at, end)
    this.headersStart = at
    this.headersEnd = after
    this.#table(buffer, at + 4, after, 1)
    return after
  }

  #table(buffer: Buffer, start: number, end: number, depth: number): void {
    let at = start
    while (at < end) at = this.#value(buffer, afterShortstr(buffer, at, end), end, depth)
    if (at !== end) throw truncated(end)
  }

  #array(buffer: Buffer, start: number, end: number, depth: number): void {
    let at = start
    while (at < end) at = this.#value(buffer, at, end, depth)
    if (at !== end) throw truncated(end)
  }

  /** Returns where the value that starts at `at` with its type letter ends. */
  #value(buffer: Buffer, at: number, end: number, depth: number): number {
    const letter = octet(buffer, at, end)
    this.#entries += 1
    if (this.#entries > TABLE_ENTRIES_MAX) {
      throw new TableError(`table with over ${TABLE_ENTRIES_MAX} entries`)
    }
    const fixedBytes = fixedValueBytes[letter] as number
    if (fixedBytes !== 0) return at + 1 + fixedBytes
    if (letter === LETTER_V) return at + 1
    const after = afterCounted(buffer, at + 1, end)
    if (letter === LETTER_S || letter === LETTER_x) return after
    if (letter !== LETTER_A && letter !== LETTER_F) {
      throw new TableError(`unknown field type ${letter}`)
    }
    if (depth === TABLE_DEPTH_MAX) throw new TableError(`table nested over ${TABLE_DEPTH_MAX} deep`)
    if (letter === LETTER_F) this.#table(buffer, at + 5, after, depth + 1)
    else this.#array(buffer, at + 5, after, depth + 1)
    return after
  }
}

/** All flags from correlation id downwards: most messages have none of them. */
const RARE_FLAGS = (PropertyFlag.correlationId << 1) - 1

function octet(buffer: Buffer, at: number, end: number): number {
  if (at >= end) throw truncated(end)
  return buffer[at] as number
}

/** Where the shortstr at `at` ends, perhaps beyond `end`. */
function afterShortstr(buffer: Buffer, at: number, end: number): number {
  return at + 1 + octet(buffer, at, end)
}

/** Where the value ends that begins with its length as a uint32; never beyond `end`. */
function afterCounted(buffer: Buffer, at: number, end: number): number {
  if (end - at < 4) throw truncated(end)
  const after = at + 4 + buffer.readUInt32BE(at)
  if (after > end) throw truncated(end)
  return after
}

function truncated(at: number): DecodeError {
  return new DecodeError(`property list cut short at ${at}`)
}

function fixedSizes(sizes: Readonly<Record<string, number>>): Uint8Array {
  const table = new Uint8Array(256)
  for (const [letter, bytes] of Object.entries(sizes)) table[letter.charCodeAt(0)] = bytes
  return table
}
