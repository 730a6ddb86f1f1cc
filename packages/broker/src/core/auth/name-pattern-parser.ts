import { authLimits } from './limits.ts'

/**
 * The part of PCRE that permission patterns are written in, compiled to a few instructions:
 *
 *   a|b   (a) (?:a)   (?=a) (?!a)   a* a+ a? a{n} a{n,} a{n,m}, each also lazy   ^ $ \A \z \Z
 *   .  [a-z] [^a-z] [[:alpha:]]  \d \D \w \W \s \S  \t \n \r \f  \xHH  \ before punctuation
 *   (?i) in front of all
 *
 * $ is the very end (PCRE's also stands before a last line feed, which names do not have).
 * Everything else (back references, lookbehind, \b, possessive and atomic groups) is refused when
 * the permission is set, and never taken for something else: RegExp would read \A as the letter A.
 */
export type Instruction =
  | { readonly kind: 'character'; readonly test: (character: string) => boolean }
  | { readonly kind: 'split'; readonly second: number }
  | { readonly kind: 'jump'; readonly by: number }
  | { readonly kind: 'start' | 'end' | 'match' }
  | { readonly kind: 'look'; readonly negative: boolean; readonly skip: number }

/** Instructions whose targets are relative, so that a piece can be repeated and put anywhere. */
type Piece = readonly Instruction[]

/** The pattern is not one that we take; the message says why and where. */
export class PatternError extends Error {
  override readonly name = 'PatternError'
}

/** Compiles a pattern, or throws PatternError. */
export function parsePattern(source: string): readonly Instruction[] {
  if (source.length > authLimits.patternCharsMax) {
    throw new PatternError(`pattern is longer than ${authLimits.patternCharsMax} characters`)
  }
  return new PatternParser(source).parse()
}

const posixClasses: Readonly<Record<string, string>> = {
  alpha: 'a-zA-Z',
  digit: '0-9',
  alnum: 'a-zA-Z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  word: '\\w',
  space: '\\s',
  xdigit: '0-9a-fA-F',
  punct: '!-\\x2f:-@\\x5b-\\x60\\x7b-~',
}

class PatternParser {
  readonly #source: string
  readonly #flags: string
  #at: number = 0
  #isInLookahead: boolean = false

  constructor(source: string) {
    const ignoresCase = source.startsWith('(?i)')
    this.#source = source
    this.#flags = ignoresCase ? 'iu' : 'u'
    if (ignoresCase) this.#at = 4
  }

  parse(): Piece {
    const piece = this.#alternatives()
    if (this.#at < this.#source.length) throw this.#error('unmatched )')
    return this.#sized([...piece, { kind: 'match' }])
  }

  #alternatives(): Piece {
    const first = this.#sequence()
    if (!this.#take('|')) return first
    const rest = this.#alternatives()
    const skip = { kind: 'jump', by: rest.length + 1 } as const
    return this.#sized([{ kind: 'split', second: first.length + 2 }, ...first, skip, ...rest])
  }

  #sequence(): Piece {
    const instructions: Instruction[] = []
    while (this.#at < this.#source.length && !this.#isNext('|') && !this.#isNext(')')) {
      instructions.push(...this.#repeated(this.#atom()))
      this.#sized(instructions)
    }
    return instructions
  }

  #repeated(piece: Piece): Piece {
    const bounds = this.#quantifier()
    if (bounds === null) return piece
    const [min, max] = bounds
    // Laziness changes what is captured, not whether it matches.
    this.#take('?')
    if (/[*+?]/.test(this.#peek()) || this.#counted() !== null) {
      throw this.#error('repeated repetition')
    }
    const copies = max === Infinity ? min + 1 : max
    if (copies * (piece.length + 2) > authLimits.patternInstructionsMax) throw this.#tooLarge()

    const instructions: Instruction[] = []
    for (let copy = 0; copy < min; copy++) instructions.push(...piece)
    if (max === Infinity) {
      instructions.push({ kind: 'split', second: piece.length + 2 }, ...piece)
      instructions.push({ kind: 'jump', by: -(piece.length + 1) })
    } else {
      for (let copy = min; copy < max; copy++) {
        instructions.push({ kind: 'split', second: piece.length + 1 }, ...piece)
      }
    }
    return instructions
  }

  #quantifier(): readonly [number, number] | null {
    if (this.#take('*')) return [0, Infinity]
    if (this.#take('+')) return [1, Infinity]
    if (this.#take('?')) return [0, 1]
    const counted = this.#counted()
    if (counted === null) return null
    const min = Number(counted[1])
    const max = counted[2] === undefined ? min : Number(counted[3] || Infinity)
    if (max < min) throw this.#error('repetition out of order')
    this.#at += counted[0].length
    return [min, max]
  }

  /** {2}, {2,} or {2,5} here; any other brace is a letter, as in PCRE. */
  #counted(): RegExpExecArray | null {
    return /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.#source.slice(this.#at, this.#at + 12))
  }

  #atom(): Piece {
    if (this.#take('(')) return this.#group()
    if (this.#take('^')) return [{ kind: 'start' }]
    if (this.#take('$')) return [{ kind: 'end' }]
    if (this.#take('[')) return [this.#set(this.#classBody())]
    if (this.#take('.')) return [this.#set('[^\\n]')]
    if (this.#take('\\')) return [this.#escaped()]
    if (/[*+?]/.test(this.#peek()) || this.#counted() !== null) {
      throw this.#error('nothing to repeat')
    }
    return [this.#letter(this.#next())]
  }

  #group(): Piece {
    if (this.#take('?:')) return this.#closed()
    if (this.#take('?=')) return this.#lookahead({ negative: false })
    if (this.#take('?!')) return this.#lookahead({ negative: true })
    if (this.#isNext('?') || this.#isNext('*')) throw this.#error('unsupported group')
    return this.#closed()
  }

  #lookahead(look: { readonly negative: boolean }): Piece {
    // One inside another would multiply the steps by the name's length once more.
    if (this.#isInLookahead) throw this.#error('lookahead within a lookahead')
    this.#isInLookahead = true
    const inner = this.#closed()
    this.#isInLookahead = false
    const skip = inner.length + 2
    return [{ kind: 'look', negative: look.negative, skip }, ...inner, { kind: 'match' }]
  }

  #closed(): Piece {
    const piece = this.#alternatives()
    if (!this.#take(')')) throw this.#error('missing )')
    return piece
  }

  #escaped(): Instruction {
    const character = this.#next()
    if (character === 'A') return { kind: 'start' }
    if (character === 'z' || character === 'Z') return { kind: 'end' }
    if (!/[a-zA-Z0-9]/.test(character)) return this.#letter(character)
    return this.#set(this.#escape(character))
  }

  /** The escape of a letter or digit, in words that RegExp reads the same way. */
  #escape(character: string): string {
    if (/[dDwWsStnrf]/.test(character)) return `\\${character}`
    const hex = character === 'x' ? this.#source.slice(this.#at, this.#at + 2) : ''
    if (!/^[0-9a-fA-F]{2}$/.test(hex)) throw this.#error(`unsupported escape \\${character}`)
    this.#at += 2
    return `\\x${hex}`
  }

  /** What follows a [, up to and with its ], in words that RegExp reads the same way. */
  #classBody(): string {
    let body = this.#take('^') ? '[^' : '['
    let isFirst = true
    while (isFirst || !this.#isNext(']')) {
      if (this.#take('[:')) body += this.#posixClass()
      else body += this.#classCharacter()
      isFirst = false
    }
    this.#at++
    return `${body}]`
  }

  #posixClass(): string {
    const end = this.#source.indexOf(':]', this.#at)
    const members = end < 0 ? undefined : posixClasses[this.#source.slice(this.#at, end)]
    if (members === undefined) throw this.#error('unknown [:class:]')
    this.#at = end + 2
    return members
  }

  #classCharacter(): string {
    const character = this.#next()
    if (character === '-') return '-'
    if (character !== '\\') return quoted(character)
    const escaped = this.#next()
    return /[a-zA-Z0-9]/.test(escaped) ? this.#escape(escaped) : quoted(escaped)
  }

  #letter(character: string): Instruction {
    if (this.#flags.includes('i')) return this.#set(quoted(character))
    return { kind: 'character', test: (candidate) => candidate === character }
  }

  /** A RegExp may decide about a single character: there is nothing to go back over. */
  #set(members: string): Instruction {
    try {
      const expression = new RegExp(`^${members}$`, this.#flags)
      return { kind: 'character', test: (candidate) => expression.test(candidate) }
    } catch {
      throw this.#error('invalid character class')
    }
  }

  #next(): string {
    const character = this.#peek()
    if (character === '') throw this.#error('unexpected end')
    this.#at += character.length
    return character
  }

  #peek(): string {
    const point = this.#source.codePointAt(this.#at)
    return point === undefined ? '' : String.fromCodePoint(point)
  }

  #isNext(text: string): boolean {
    return this.#source.startsWith(text, this.#at)
  }

  #take(text: string): boolean {
    if (!this.#isNext(text)) return false
    this.#at += text.length
    return true
  }

  #sized(piece: Piece): Piece {
    if (piece.length > authLimits.patternInstructionsMax) throw this.#tooLarge()
    return piece
  }

  #tooLarge(): PatternError {
    return this.#error('pattern is too large once its repetitions are written out')
  }

  #error(reason: string): PatternError {
    return new PatternError(`${reason} at character ${this.#at + 1}`)
  }
}

/** A character by its number, so that no syntax is left in it. */
function quoted(character: string): string {
  return `\\u{${(character.codePointAt(0) as number).toString(16)}}`
}
