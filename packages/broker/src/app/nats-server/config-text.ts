/**
 * The configuration language of nats-server, as in
 *
 *   config = gaps ( entries | "{" entries "}" ) gaps
 *   entries = { entry ends }
 *   entry = "include" blanks path | key spaces [ ( "=" | ":" ) spaces ] value
 *   key = '"' … '"' | "'" … "'" | letters up to a space, "=" or ":"
 *   value = block | list | text | "$" name | word
 *   block = "{" entries "}"
 *   list = "[" { value ( "," | line break ) } "]"
 *   text = '"' letters and escapes '"' | "'" … "'" | "(" … line break ")" line break
 *   word = letters and escapes up to a space, ";", ",", "]" or "}"
 *   ends = line break | ";" | "," | before "}" | end of the file
 *   gaps = spaces, line breaks and comments, "# …" or "// …"
 *
 * JSON is within it. A word is a switch (true, yes, on …), a number, a number of bytes (`8MB`), or a text. A variable is the key of
 * that name in a block around it, else what the environment says, read as a value.
 */
import { dirname, isAbsolute, join } from 'node:path'
import { ConfigScanner } from './config-scanner.ts'
import { ConfigError, Entry, type Place, type Scalar, type Value } from './config-tree.ts'
import { configLimits } from './limits.ts'

export interface ConfigSource {
  readonly file: string
  /** Throws what the system throws. */
  readonly read: (file: string) => string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Reads a file and all that it includes. Throws a ConfigError, or what `read` throws for the file itself. */
export function readConfig(source: ConfigSource): Map<string, Entry> {
  const reading: Reading = { source, files: { left: configLimits.filesMax }, variables: [] }
  return new ConfigParser(source.read(source.file), source.file, reading).parseAll()
}

/** What the parsers of one start share. */
interface Reading {
  readonly source: ConfigSource
  readonly files: { left: number }
  /** Of the environment, those that are being read. */
  readonly variables: readonly string[]
}

const WORD = /[^\s;,\]}\\]+/y
const KEY = /[^\s=:]+/y
const PATH = /[^\s;}]+/y

class ConfigParser {
  readonly #scanner: ConfigScanner
  readonly #file: string
  readonly #reading: Reading
  /** Blocks around the place, the innermost last. */
  readonly #blocks: Map<string, Entry>[] = []
  #depth: number = 0

  constructor(text: string, file: string, reading: Reading) {
    this.#scanner = new ConfigScanner(text, file)
    this.#file = file
    this.#reading = reading
    reading.files.left -= 1
    if (reading.files.left < 0) this.#scanner.fail(`more than ${configLimits.filesMax} files`)
    if (Buffer.byteLength(text) > configLimits.fileBytesMax) {
      this.#scanner.fail(`more than ${configLimits.fileBytesMax} bytes`)
    }
  }

  parseAll(): Map<string, Entry> {
    const scanner = this.#scanner
    scanner.skipGaps()
    const isJson = scanner.take('{')
    const entries = this.#entries(isJson ? '}' : '')
    if (isJson && !scanner.take('}')) scanner.fail('} is missing at the end')
    scanner.skipGaps()
    if (!scanner.isAtEnd) scanner.fail(`nothing may follow here, not '${scanner.next}'`)
    return entries
  }

  /** What a variable of the environment holds. */
  parseValue(): Value {
    this.#scanner.skipBlanks()
    return this.#value()
  }

  #entries(end: '}' | ''): Map<string, Entry> {
    const scanner = this.#scanner
    const entries = new Map<string, Entry>()
    this.#blocks.push(entries)
    scanner.skipGaps()
    while (!scanner.isAtEnd && (end === '' || scanner.next !== end)) {
      this.#entry(entries)
      this.#ends(end)
      scanner.skipGaps()
    }
    this.#blocks.pop()
    return entries
  }

  #entry(entries: Map<string, Entry>): void {
    const scanner = this.#scanner
    const { place } = scanner
    const isQuoted = scanner.next === '"' || scanner.next === "'"
    const key = this.#key()
    if (!isQuoted && key.toLowerCase() === 'include' && /\s/.test(scanner.next)) {
      for (const [name, entry] of this.#included()) entries.set(name, entry)
      return
    }
    scanner.takeWhile(/\s+/y)
    if (scanner.take('=') || scanner.take(':')) {
      // In a block the value may stand in a line of its own.
      if (this.#depth > 0) scanner.takeWhile(/\s+/y)
      else scanner.skipBlanks()
    }
    entries.set(key, new Entry(key, this.#value(), place))
  }

  #key(): string {
    const scanner = this.#scanner
    if (scanner.take('"')) return scanner.takeUntil('"', 'the key')
    if (scanner.take("'")) return scanner.takeUntil("'", 'the key')
    const key = scanner.takeWhile(KEY)
    return key === '' ? scanner.fail(`a key is missing before '${scanner.next}'`) : key
  }

  /** After a value: a line has one, unless they are separated. */
  #ends(end: '}' | ''): void {
    const scanner = this.#scanner
    scanner.skipBlanks()
    if (scanner.skipComment() || scanner.isAtEnd) return
    if (end !== '' && scanner.next === end) return
    if (scanner.takeWhile(/[\n\r;,]/y) === '') {
      scanner.fail(`a value ends with its line, with ; or with a comma, not with '${scanner.next}'`)
    }
  }

  #value(): Value {
    const scanner = this.#scanner
    const { place } = scanner
    if (scanner.take('{')) return { content: this.#block(), place }
    if (scanner.take('[')) return { content: this.#list(), place }
    if (scanner.take('"')) return { content: this.#quoted(), place }
    if (scanner.take("'")) return { content: scanner.takeUntil("'", 'the text'), place }
    if (scanner.take('(')) return { content: this.#raw(), place }
    if (/[\n\r]/.test(scanner.next) || scanner.isAtEnd) return scanner.fail('a value is missing')
    return this.#word(place)
  }

  #block(): Map<string, Entry> {
    this.#enter()
    const entries = this.#entries('}')
    if (!this.#scanner.take('}')) this.#scanner.fail('} is missing')
    this.#depth -= 1
    return entries
  }

  #list(): Value[] {
    this.#enter()
    const scanner = this.#scanner
    const values: Value[] = []
    scanner.skipGaps()
    while (!scanner.take(']')) {
      if (scanner.isAtEnd) scanner.fail('] is missing')
      if (scanner.next === ',') scanner.fail('a value is missing before the comma')
      values.push(this.#value())
      scanner.skipBlanks()
      const isCommented = scanner.skipComment()
      const isOver = isCommented || scanner.next === ']' || scanner.isAtEnd
      if (!isOver && scanner.takeWhile(/[\n\r,]/y) === '') {
        scanner.fail(`a comma or ] is missing before '${scanner.next}'`)
      }
      scanner.skipGaps()
    }
    this.#depth -= 1
    return values
  }

  #enter(): void {
    this.#depth += 1
    if (this.#depth > configLimits.depthMax) {
      this.#scanner.fail(`more than ${configLimits.depthMax} blocks and lists in one another`)
    }
  }

  #quoted(): string {
    const scanner = this.#scanner
    const start = scanner.place
    let text = ''
    while (!scanner.take('"')) {
      if (scanner.isAtEnd) scanner.fail('the end of the text is missing', start)
      text += scanner.take('\\') ? scanner.takeEscape() : scanner.takeWhile(/[^"\\]+/y)
    }
    return text
  }

  /** Up to a bracket on a line of its own. */
  #raw(): string {
    const text = this.#scanner.takeUntil('\n)', 'the text in brackets')
    if (!this.#scanner.isAtEnd && !/[\n\r]/.test(this.#scanner.next)) {
      this.#scanner.fail('the bracket that ends the text stands in a line of its own')
    }
    return `${text}\n`
  }

  #word(place: Place): Value {
    const scanner = this.#scanner
    let text = ''
    let isLiteral = false
    for (;;) {
      const part = scanner.takeWhile(WORD)
      const escape = scanner.take('\\') ? scanner.takeEscape() : ''
      if (part === '' && escape === '') break
      isLiteral ||= escape !== ''
      text += part + escape
    }
    if (text === '') return scanner.fail(`a value is missing before '${scanner.next}'`, place)
    if (isLiteral) return { content: text, place }
    // Passwords that are hashed begin so, and need no quotes. [as nats-server]
    if (text.startsWith('$2a$')) return { content: text, place }
    if (text.startsWith('$')) return this.#variable(text.slice(1), place)
    return { content: scalarOf(text, place), place }
  }

  #variable(name: string, place: Place): Value {
    for (const block of this.#blocks.toReversed()) {
      const entry = block.get(name)
      if (entry === undefined) continue
      entry.isUsed = true
      return { content: entry.value.content, place }
    }
    const { source, variables } = this.#reading
    const text = source.env[name]
    if (text === undefined) throw new ConfigError(place, `there is no variable ${name}`)
    if (variables.includes(name)) throw new ConfigError(place, `variable ${name} refers to itself`)
    if (variables.length === configLimits.variableDepthMax) {
      throw new ConfigError(place, `more than ${variables.length} variables that refer to others`)
    }
    const inner = { ...this.#reading, variables: [...variables, name] }
    return { content: new ConfigParser(text, `$${name}`, inner).parseValue().content, place }
  }

  #included(): Map<string, Entry> {
    const scanner = this.#scanner
    scanner.skipBlanks()
    const { place } = scanner
    let path: string
    if (scanner.take('"')) path = scanner.takeUntil('"', 'the path')
    else if (scanner.take("'")) path = scanner.takeUntil("'", 'the path')
    else path = scanner.takeWhile(PATH)
    if (path === '') return scanner.fail('the path of what is to be included is missing')
    const file = isAbsolute(path) ? path : join(dirname(this.#file), path)
    let text: string
    try {
      text = this.#reading.source.read(file)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new ConfigError(place, `cannot include '${path}': ${why}`)
    }
    return new ConfigParser(text, file, this.#reading).parseAll()
  }
}

const switches: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['no', false],
  ['off', false],
])

const WHOLE = /^(-?\d+)(?:([kmgtpe])(b|i|ib)?)?$/i
const FRACTION = /^-?\d+\.\d+$/

/** What a word without quotes means. */
function scalarOf(text: string, place: Place): Scalar {
  const asSwitch = switches.get(text.toLowerCase())
  if (asSwitch !== undefined) return asSwitch
  const whole = WHOLE.exec(text)
  if (whole !== null) {
    const [, digits = '', unit = '', binary] = whole
    const power = unit === '' ? 0 : 'kmgtpe'.indexOf(unit.toLowerCase()) + 1
    const number = Number(digits) * (binary === undefined ? 1000 : 1024) ** power
    if (Number.isSafeInteger(number)) return number
    throw new ConfigError(place, `a number this large has no use here: ${text}`)
  }
  return FRACTION.test(text) ? Number(text) : text
}
