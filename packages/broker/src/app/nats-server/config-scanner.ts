/** A place in the text of a configuration: looks ahead, moves on, and knows its line. It knows letters, and no grammar. */
import { ConfigError, type Place } from './config-tree.ts'

const escapes: Readonly<Record<string, string>> = {
  t: '\t',
  n: '\n',
  r: '\r',
  '"': '"',
  '\\': '\\',
}

export class ConfigScanner {
  readonly #text: string
  readonly #file: string
  #at: number = 0
  #line: number = 1
  #lineStart: number = 0

  constructor(text: string, file: string) {
    this.#text = text
    this.#file = file
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length
  }

  get place(): Place {
    return { file: this.#file, line: this.#line, column: this.#at - this.#lineStart + 1 }
  }

  /** The next letter; empty at the end. */
  get next(): string {
    return this.#text.charAt(this.#at)
  }

  fail(what: string, place: Place = this.place): never {
    throw new ConfigError(place, what)
  }

  /** Whether it was next, and has been passed. */
  take(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false
    this.#move(word.length)
    return true
  }

  /** All that matches from here on; the expression has the flag `y`. */
  takeWhile(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const [found = ''] = pattern.exec(this.#text) ?? []
    this.#move(found.length)
    return found
  }

  /** Passes spaces, line breaks and comments. */
  skipGaps(): void {
    do this.takeWhile(/\s+/y)
    while (this.skipComment())
  }

  skipBlanks(): void {
    this.takeWhile(/[ \t]+/y)
  }

  /** `# …` and `// …`, to the end of the line; says whether there was one. */
  skipComment(): boolean {
    return this.takeWhile(/(?:#|\/\/)[^\n\r]*/y) !== ''
  }

  /** The text up to the mark, which is passed too. */
  takeUntil(mark: string, what: string): string {
    const start = this.place
    const end = this.#text.indexOf(mark, this.#at)
    if (end < 0) return this.fail(`the end of ${what} is missing`, start)
    const found = this.#text.slice(this.#at, end)
    this.#move(end - this.#at + mark.length)
    return found
  }

  /** What stands for a letter, after the backslash. */
  takeEscape(): string {
    const letter = this.next
    if (this.take('x')) {
      const digits = this.takeWhile(/[0-9a-fA-F]{2}/y)
      if (digits === '') return this.fail('two hexadecimal digits are missing after \\x')
      return String.fromCharCode(Number.parseInt(digits, 16))
    }
    const meant = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined
    if (meant === undefined) {
      return this.fail(`no escape: \\${letter}. Allowed: \\xXX, \\t, \\n, \\r, \\", \\\\`)
    }
    this.#move(1)
    return meant
  }

  #move(count: number): void {
    const end = this.#at + count
    for (let at = this.#text.indexOf('\n', this.#at); at >= 0 && at < end;) {
      this.#line += 1
      this.#lineStart = at + 1
      at = this.#text.indexOf('\n', at + 1)
    }
    this.#at = end
  }
}
