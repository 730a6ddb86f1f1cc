/*
 * Patterns of Redis: over the whole name, whatever separates its words.
 *
 *   *        any octets, also none
 *   ?        one octet
 *   [a-c.]   one of these octets; a range may stand either way round
 *   [^x]     one octet that is none of these
 *   \x       x itself, also between brackets
 *
 * A class that is never closed ends with the pattern; a single `\` at the end is itself. Redis compares octets, so `?` is half of a
 * letter outside ASCII. Nothing but a pattern without octets matches a name without any. [as Redis 7, see conformance/redis/pubsub.test.ts]
 */

/** Codes of a compiled pattern: an octet is itself. */
const ANY_OCTET = 256
const ANY_RUN = 257
/** Plus the number of the class. */
const FIRST_CLASS = 258
/** A class is a set of 256 bits. */
const WORDS_PER_CLASS = 8

/** What stands between two stars. */
interface Inner {
  readonly start: number
  readonly end: number
  /** If it is octets and nothing else: then the runtime's own search finds it. */
  readonly text: string | null
}

/**
 * One compiled pattern: what the name must begin with, what it must end with, and what must stand between, in this order.
 *
 * Whatever is not `*` takes exactly one octet, and of what is between the first place that fits is as good as any. So no pattern costs more than
 * its length times the name's, where Redis' own matcher grew exponentially with the number of stars until 2022.
 */
export class Glob {
  /** Octets of it that have to be looked for: what it may cost, a name's length times. */
  readonly soughtOctets: number
  /** A string, because one costs a third of a typed array of its length. */
  readonly #codes: string
  readonly #classes: Uint32Array
  /** No shorter name matches. */
  readonly #octetsMin: number
  /** Of what the name must begin with; without a star, all. */
  readonly #headEnd: number
  readonly #tailStart: number
  readonly #inner: readonly Inner[]

  constructor(pattern: string) {
    const compiler = new Compiler(octetsOf(pattern))
    compiler.compile()
    const codes = String.fromCharCode(...compiler.codes)
    this.#codes = codes
    this.#classes = compiler.classes.length === 0 ? NO_CLASSES : Uint32Array.from(compiler.classes)
    const stars = placesOf(compiler.codes, ANY_RUN)
    this.#octetsMin = codes.length - stars.length
    this.#headEnd = stars[0] ?? codes.length
    this.#tailStart = (stars.at(-1) ?? -1) + 1
    this.#inner = stars.length < 2 ? NO_INNER : innerOf(codes, stars)
    this.soughtOctets = this.#inner.reduce((sum, { start, end }) => sum + end - start, 0)
  }

  matches(key: string): boolean {
    return this.matchesOctets(octetsOf(key))
  }

  /** Whether the name fits whose octets these are: octetsOf() it. */
  matchesOctets(name: string): boolean {
    const { length } = this.#codes
    if (name.length < this.#octetsMin) return false
    if (name.length === 0) return length === 0
    const headEnd = this.#headEnd
    if (headEnd === length) return name.length === length && this.#fits(0, length, name, 0)
    const tailAt = name.length - (length - this.#tailStart)
    if (!this.#fits(this.#tailStart, length, name, tailAt)) return false
    if (!this.#fits(0, headEnd, name, 0)) return false
    let at = headEnd
    for (const inner of this.#inner) {
      at = this.#endOf(inner, name, at, tailAt)
      if (at < 0) return false
    }
    return true
  }

  /** Whether these codes take what stands at a place of the name. */
  #fits(start: number, end: number, name: string, at: number): boolean {
    const codes = this.#codes
    // From behind: names of one kind begin alike.
    for (let code = end - 1, place = at + code - start; code >= start; code--, place--) {
      if (!this.#takes(codes.charCodeAt(code), name.charCodeAt(place))) return false
    }
    return true
  }

  /** Behind the first place in [from, to) that it fits; -1 if there is none. */
  #endOf({ start, end, text }: Inner, name: string, from: number, to: number): number {
    const octets = end - start
    if (text !== null) {
      const at = name.indexOf(text, from)
      return at < 0 || at + octets > to ? -1 : at + octets
    }
    for (let at = from; at + octets <= to; at++) {
      if (this.#fits(start, end, name, at)) return at + octets
    }
    return -1
  }

  #takes(code: number, octet: number): boolean {
    if (code < ANY_OCTET) return code === octet
    if (code === ANY_OCTET) return true
    const word = this.#classes[(code - FIRST_CLASS) * WORDS_PER_CLASS + (octet >> 5)] as number
    return (word & (1 << (octet & 31))) !== 0
  }
}

/** Reads a pattern once, from its first octet to its last. */
class Compiler {
  readonly codes: number[] = []
  readonly classes: number[] = []
  readonly #pattern: string
  #at: number = 0

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  compile(): void {
    while (this.#at < this.#pattern.length) {
      const octet = this.#pattern[this.#at++] as string
      if (octet === '*') this.#anyRun()
      else if (octet === '?') this.codes.push(ANY_OCTET)
      else if (octet === '[') this.#class()
      else if (octet === '\\') this.#escaped()
      else this.codes.push(octet.charCodeAt(0))
    }
  }

  /** Several in a row are one. */
  #anyRun(): void {
    if (this.codes.at(-1) !== ANY_RUN) this.codes.push(ANY_RUN)
  }

  #escaped(): void {
    const isLast = this.#at === this.#pattern.length
    this.codes.push(this.#pattern.charCodeAt(isLast ? this.#at - 1 : this.#at++))
  }

  #class(): void {
    const pattern = this.#pattern
    const members = new Uint32Array(WORDS_PER_CLASS)
    const isNegated = pattern[this.#at] === '^'
    if (isNegated) this.#at++
    while (this.#at < pattern.length && pattern[this.#at] !== ']') this.#member(members)
    // The bracket, if there is one.
    this.#at++
    this.codes.push(FIRST_CLASS + this.classes.length / WORDS_PER_CLASS)
    for (const word of members) this.classes.push(isNegated ? ~word >>> 0 : word)
  }

  /** One octet, an escaped one, or a range. What looks like the end of a range may be the bracket: then the class goes on. */
  #member(members: Uint32Array): void {
    const pattern = this.#pattern
    const left = pattern.length - this.#at
    if (left >= 2 && pattern[this.#at] === '\\') {
      add(members, pattern.charCodeAt(this.#at + 1))
      this.#at += 2
    } else if (left >= 3 && pattern[this.#at + 1] === '-') {
      const ends = [pattern.charCodeAt(this.#at), pattern.charCodeAt(this.#at + 2)] as const
      for (let octet = Math.min(...ends); octet <= Math.max(...ends); octet++) add(members, octet)
      this.#at += 3
    } else {
      add(members, pattern.charCodeAt(this.#at))
      this.#at++
    }
  }
}

function add(members: Uint32Array, octet: number): void {
  members[octet >> 5] = (members[octet >> 5] as number) | (1 << (octet & 31))
}

function placesOf(codes: readonly number[], wanted: number): number[] {
  return codes.flatMap((code, place) => (code === wanted ? [place] : []))
}

function innerOf(codes: string, stars: readonly number[]): Inner[] {
  return stars.slice(1).map((end, i) => {
    const start = (stars[i] as number) + 1
    const text = codes.slice(start, end)
    const isText = /^[\0-\xff]*$/.test(text)
    return { start, end, text: isText ? text : null }
  })
}

/** The UTF-8 octets of a text, one a character. Nearly all names are ASCII and stay what they are. */
export function octetsOf(text: string): string {
  if (Buffer.byteLength(text) === text.length) return text
  return Buffer.from(text).toString('latin1')
}

const NO_CLASSES = new Uint32Array(0)
const NO_INNER: readonly Inner[] = []
