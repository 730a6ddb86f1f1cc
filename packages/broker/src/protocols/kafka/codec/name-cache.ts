import { decodeText } from './primitives.ts'

/**
 * Strings that a connection sends again and again (topic names), found by their bytes: no decoding
 * for a known one, and always the same string object, whose hash a Map has already computed. One
 * slot per hash; a collision only costs a decoding. One cache a connection.
 */
export class NameCache {
  readonly #bytes: (Buffer | null)[] = new Array<Buffer | null>(slots).fill(null)
  readonly #names: string[] = new Array<string>(slots).fill('')

  /** The string whose UTF-8 is [start, end). */
  find(buffer: Buffer, start: number, end: number): string {
    if (end - start > nameBytesKept) return decodeText(buffer, start, end)
    const slot = slotOf(buffer, start, end)
    const known = this.#bytes[slot]!
    if (known !== null && isSame(known, buffer, start, end)) return this.#names[slot]!
    const name = decodeText(buffer, start, end)
    this.#bytes[slot] = Buffer.from(buffer.subarray(start, end))
    this.#names[slot] = name
    return name
  }
}

const slots = 64
/** Longer than any topic's name: nobody may fill our memory with what is none. */
const nameBytesKept = 256

/** The last eight bytes tell names apart better than the first: they often share a prefix. */
function slotOf(buffer: Buffer, start: number, end: number): number {
  let hash = end - start
  for (let at = Math.max(start, end - 8); at < end; at++) hash = (hash * 31 + buffer[at]!) | 0
  return (hash ^ (hash >>> 6) ^ (hash >>> 12)) & (slots - 1)
}

/** Byte by byte: names are short, and Buffer.compare costs more than it saves. */
function isSame(known: Buffer, buffer: Buffer, start: number, end: number): boolean {
  if (known.length !== end - start) return false
  for (let at = start; at < end; at++) if (known[at - start] !== buffer[at]) return false
  return true
}
