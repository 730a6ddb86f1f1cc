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

/**
 * One compiled pattern.
 *
 * Whatever is not `*` takes exactly one octet, so that only the last `*` passed ever needs another try. No pattern costs more than its length
 * times the name's, where Redis' own matcher grew exponentially with the number of stars until 2022.
 */
export class Glob {
  /** A string, because one costs a third of a typed array of its length. */
  readonly #codes: string
  readonly #classes: Uint32Array
  /** No shorter name matches. */
  readonly #octetsMin: number

  constructor(pattern: string) {
    const compiler = new Compiler(octetsOf(pattern))
    compiler.compile()
    this.#codes = String.fromCharCode(...compiler.codes)
    this.#classes = compiler.classes.length === 0 ? NO_CLASSES : Uint32Array.from(compiler.classes)
    let octets = 0
    for (const code of compiler.codes) if (code !== ANY_RUN) octets++
    this.#octetsMin = octets
  }

  matches(key: string): boolean {
    const codes = this.#codes
    const name = octetsOf(key)
    if (name.length < this.#octetsMin) return false
    if (name.length === 0) return codes.length === 0
    let at = 0
    let nameAt = 0
    let retryAt = -1
    let retryNameAt = 0
    while (nameAt < name.length) {
      const code = at < codes.length ? codes.charCodeAt(at) : NO_CODE
      if (code === ANY_RUN) {
        at++
        if (at === codes.length) return true
        retryAt = at
        retryNameAt = nameAt
      } else if (this.#takes(code, name.charCodeAt(nameAt))) {
        at++
        nameAt++
      } else if (retryAt >= 0) {
        at = retryAt
        retryNameAt++
        nameAt = retryNameAt
      } else return false
    }
    while (at < codes.length && codes.charCodeAt(at) === ANY_RUN) at++
    return at === codes.length
  }

  #takes(code: number, octet: number): boolean {
    if (code < ANY_OCTET) return code === octet
    if (code === ANY_OCTET) return true
    if (code === NO_CODE) return false
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

/** The UTF-8 octets of a text, one a character. Nearly all names are ASCII and stay what they are. */
function octetsOf(text: string): string {
  if (Buffer.byteLength(text) === text.length) return text
  return Buffer.from(text).toString('latin1')
}

/** Stands behind the last code: takes nothing. */
const NO_CODE = 0xffff
const NO_CLASSES = new Uint32Array(0)
