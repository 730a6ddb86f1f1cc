import { DecodeError } from '../../../base/reader.ts'
import { Writer } from '../../../base/writer.ts'
import type { Request } from './request.ts'

const Octet = {
  tab: 0x09,
  newLine: 0x0a,
  carriageReturn: 0x0d,
  space: 0x20,
  double: 0x22,
  single: 0x27,
  backslash: 0x5c,
  x: 0x78,
} as const

/** What stands for what after a backslash between double quotes; any other is itself. */
const ESCAPES: ReadonlyMap<number, number> = new Map([
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
  [0x62, 0x08],
  [0x61, 0x07],
])

/**
 * An inline command, as a person types it:
 *
 *   line    word *( 1*blank word )
 *   word    one or more of: octets without blanks and quotes, "…" with \n \r \t \b \a \xHH \any, '…' with \'
 *
 * Behind a closing quote there must be a blank or nothing. Words are copied into `request`. [Redis sdssplitargs]
 */
export function splitInline(line: Buffer, request: Request): void {
  const splitter = new Splitter(line)
  request.clear()
  for (;;) {
    const start = splitter.words.position
    if (!splitter.next()) break
    request.add(start, splitter.words.position)
  }
  // Of an empty line there is nothing to show: the command that follows lies where it lies.
  if (request.count > 0) request.buffer = splitter.words.buffer
}

class Splitter {
  readonly words: Writer
  readonly #line: Buffer
  #at: number = 0

  constructor(line: Buffer) {
    this.#line = line
    this.words = new Writer(line.length + 1)
  }

  /** Writes one word; false if there is none left. */
  next(): boolean {
    const line = this.#line
    while (this.#at < line.length && isBlank(line[this.#at] as number)) this.#at++
    if (this.#at === line.length) return false
    while (this.#at < line.length && !isBlank(line[this.#at] as number)) {
      const octet = line[this.#at++] as number
      if (octet === Octet.double) this.#double()
      else if (octet === Octet.single) this.#single()
      else this.words.uint8(octet)
    }
    return true
  }

  #double(): void {
    for (;;) {
      const octet = this.#take()
      if (octet === Octet.double) return this.#close()
      this.words.uint8(octet === Octet.backslash ? this.#escaped() : octet)
    }
  }

  #escaped(): number {
    const octet = this.#take()
    if (octet === Octet.x) {
      const digits = this.#line.toString('latin1', this.#at, this.#at + 2)
      if (/^[0-9a-f]{2}$/i.test(digits)) {
        this.#at += 2
        return Number.parseInt(digits, 16)
      }
    }
    return ESCAPES.get(octet) ?? octet
  }

  #single(): void {
    for (;;) {
      const octet = this.#take()
      if (octet === Octet.single) return this.#close()
      const isEscaped = octet === Octet.backslash && this.#line[this.#at] === Octet.single
      this.words.uint8(isEscaped ? this.#take() : octet)
    }
  }

  /** Also ends the word's loop: what follows is a blank. */
  #close(): void {
    const next = this.#line[this.#at]
    if (next !== undefined && !isBlank(next)) throw unbalanced()
  }

  #take(): number {
    const octet = this.#line[this.#at++]
    if (octet === undefined) throw unbalanced()
    return octet
  }
}

function isBlank(octet: number): boolean {
  return octet === Octet.space || (octet >= Octet.tab && octet <= Octet.carriageReturn)
}

function unbalanced(): DecodeError {
  return new DecodeError('unbalanced quotes in request')
}
