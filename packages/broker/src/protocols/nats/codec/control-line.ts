import { DecodeError } from '../../../base/reader.ts'

/*
 * One line of the protocol, as clients send it. Verbs in any case; arguments are separated by blanks and tabs.
 *
 *   CONNECT {json}                            PING      PONG      +OK
 *   PUB subject [reply] bytes                 SUB subject [group] sid
 *   HPUB subject [reply] header-bytes bytes   UNSUB sid [max]
 *   INFO {json}                               -ERR text
 *
 * A line ends with CR LF, or with LF alone. What follows a PUB or HPUB is not part of it. [NATS client protocol]
 */
export const Verb = {
  connect: 0,
  pub: 1,
  hpub: 2,
  sub: 3,
  unsub: 4,
  ping: 5,
  pong: 6,
  info: 7,
  ok: 8,
  error: 9,
} as const
export type Verb = (typeof Verb)[keyof typeof Verb]

/** By verb, in lower case. */
const words: readonly Buffer[] = [
  'connect',
  'pub',
  'hpub',
  'sub',
  'unsub',
  'ping',
  'pong',
  'info',
  '+ok',
  '-err',
].map((word) => Buffer.from(word))

/** What follows the verb. */
const Tail = { arguments: 0, text: 1, nothing: 2 } as const
const tails: readonly number[] = [
  Tail.text,
  Tail.arguments,
  Tail.arguments,
  Tail.arguments,
  Tail.arguments,
  Tail.nothing,
  Tail.nothing,
  Tail.nothing,
  Tail.nothing,
  Tail.nothing,
]

/** The line is not all there yet. */
export const INCOMPLETE = -1
/** There is no end to it. */
export const TOO_LONG = -2

/** More than any verb has: that there are more is all that has to be known. */
const ARGUMENTS_MAX = 5

const LF = 10
const CR = 13
const BLANK = 32
const TAB = 9

/** One line, taken apart where it lies: the places of its arguments, valid as long as the buffer is. Reused for each line. */
export class ControlLine {
  verb: Verb = Verb.ping
  /** Arguments; of CONNECT all that follows is one. */
  count: number = 0
  readonly starts: Int32Array = new Int32Array(ARGUMENTS_MAX)
  readonly ends: Int32Array = new Int32Array(ARGUMENTS_MAX)
  readonly #bytesMax: number

  /** `bytesMax` is what the arguments of a line may take. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Reads the line at `start`; returns where the next begins, or INCOMPLETE, or TOO_LONG. Throws DecodeError for what is no line. */
  parse(buffer: Buffer, start: number, end: number): number {
    const at = this.#parseVerb(buffer, start, end)
    if (at < 0) return at
    const limit = Math.min(end, at + this.#bytesMax + 2)
    const next =
      tails[this.verb] === Tail.arguments
        ? this.#parseArguments(buffer, at, limit)
        : this.#parseText(buffer, at, limit)
    if (next > 0) return next
    return limit < end || limit - at > this.#bytesMax + 1 ? TOO_LONG : INCOMPLETE
  }

  /** Text of one argument. Latin 1 has a letter for every octet, so that nothing is lost. */
  text(buffer: Buffer, index: number): string {
    return buffer.toString('latin1', this.starts[index], this.ends[index])
  }

  #parseVerb(buffer: Buffer, start: number, end: number): number {
    // Nearly all lines are this one.
    if (
      end - start > 4 &&
      lower(buffer[start] as number) === 0x70 &&
      lower(buffer[start + 1] as number) === 0x75 &&
      lower(buffer[start + 2] as number) === 0x62 &&
      isSeparator(buffer[start + 3] as number)
    ) {
      this.verb = Verb.pub
      return start + 4
    }
    const verb = findVerb(buffer, start, end)
    if (verb < 0) return INCOMPLETE
    this.verb = verb as Verb
    const at = start + (words[verb] as Buffer).length
    if (tails[verb] === Tail.nothing) return at
    if (at >= end) return INCOMPLETE
    if (!isSeparator(buffer[at] as number)) throw unknown(buffer, start, end)
    return at + 1
  }

  #parseArguments(buffer: Buffer, at: number, end: number): number {
    let count = 0
    let from = -1
    for (let i = at; i < end; i++) {
      const octet = buffer[i] as number
      if (octet > BLANK) {
        if (from < 0) from = i
        continue
      }
      if (octet !== BLANK && octet !== LF && octet !== CR && octet !== TAB) {
        if (from < 0) from = i
        continue
      }
      if (from >= 0) {
        if (count === ARGUMENTS_MAX) throw new DecodeError('too many arguments')
        this.starts[count] = from
        this.ends[count] = i
        count++
        from = -1
      }
      if (octet === LF) {
        this.count = count
        return i + 1
      }
    }
    return 0
  }

  /** All of the rest is one argument, without the blanks around it. */
  #parseText(buffer: Buffer, at: number, end: number): number {
    let lineEnd = at
    while (lineEnd < end && buffer[lineEnd] !== LF) lineEnd++
    if (lineEnd === end) return 0
    let from = at
    let to = lineEnd
    while (from < to && (buffer[from] as number) <= BLANK) from++
    while (to > from && (buffer[to - 1] as number) <= BLANK) to--
    this.starts[0] = from
    this.ends[0] = to
    this.count = to > from ? 1 : 0
    return lineEnd + 1
  }
}

/** The verb that stands there; INCOMPLETE if more octets have to tell. Throws at the first that fits none. */
function findVerb(buffer: Buffer, start: number, end: number): number {
  let isBegun = false
  for (let verb = 0; verb < words.length; verb++) {
    const word = words[verb] as Buffer
    const same = commonBytes(word, buffer, start, end)
    if (same === word.length) return verb
    if (same === end - start) isBegun = true
  }
  if (isBegun) return INCOMPLETE
  throw unknown(buffer, start, end)
}

function commonBytes(word: Buffer, buffer: Buffer, start: number, end: number): number {
  const length = Math.min(word.length, end - start)
  let i = 0
  while (i < length && lower(buffer[start + i] as number) === word[i]) i++
  return i
}

function lower(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet
}

function isSeparator(octet: number): boolean {
  return octet === BLANK || octet === TAB
}

const SNIPPET_BYTES = 32

function unknown(buffer: Buffer, start: number, end: number): DecodeError {
  const snippet = buffer.toString('latin1', start, Math.min(end, start + SNIPPET_BYTES))
  return new DecodeError(`no verb of NATS: ${JSON.stringify(snippet)}`)
}

/** A number of up to nine decimal digits; -1 for anything else. [as nats-server] */
export function parseSize(buffer: Buffer, start: number, end: number): number {
  if (start === end || end - start > 9) return -1
  let size = 0
  for (let i = start; i < end; i++) {
    const digit = (buffer[i] as number) - 0x30
    if (digit < 0 || digit > 9) return -1
    size = size * 10 + digit
  }
  return size
}
