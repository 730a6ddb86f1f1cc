import { DecodeError } from '../../../base/reader.ts'
import { Writer } from '../../../base/writer.ts'
import { splitInline } from './inline.ts'
import { codecLimits } from './limits.ts'
import { Request } from './request.ts'

const STAR = 0x2a
const DOLLAR = 0x24
const CR = 0x0d
const LF = 0x0a
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
/** What a ClientHello begins with, and no command of anybody's. [RFC 8446 5.1] */
const TLS_HANDSHAKE = 0x16
/** Longest number that Redis reads, with its sign. */
const DIGITS_MAX = 20

/** `*`, one digit, CRLF. */
const COUNT_BYTES = 4
/** `$`, one digit, CRLF twice. */
const PLAIN_BYTES_MIN = 6
/** No more than these are less than any bound of an argument. */
const PLAIN_DIGITS_MAX = 6

/** How far a command has come. */
const Step = { start: 0, head: 1, argument: 2 } as const
type Step = (typeof Step)[keyof typeof Step]

/**
 * Commands out of a stream of bytes. [RESP]
 *
 *   multibulk   `*` count CRLF, count times: `$` bytes CRLF octets CRLF
 *   inline      any other line that ends with LF, see inline.ts
 *   nothing     an empty line, or a count of 0 or less
 *
 * A command that lies in one piece is shown where it lies. Of one that comes in pieces, arguments are kept as they become whole, so that no
 * byte is looked at twice, however small the pieces. The two octets behind an argument are not looked at. [as Redis]
 * Bad bytes are a DecodeError in Redis' words; after one the connection is done with.
 */
export class RequestParser {
  /** The command, if the last call of next() has completed one. */
  readonly request: Request = new Request()
  isComplete: boolean = false
  /** How many bytes have to be there before it is worth another call. */
  bytesNeeded: number = 1
  /** Until somebody has logged in, little is taken from him. */
  isTrusted: boolean = false
  #step: Step = Step.start
  /** Arguments that are still to come. */
  #left: number = 0
  /** Of the argument whose octets come next. */
  #bytes: number = 0
  /** What is kept of a command that comes in pieces. */
  readonly #kept = new Writer(64)
  #isKept: boolean = false
  /** What is kept of a line likewise. */
  readonly #line = new Writer(64)

  /** Reads on in [at, end); returns where it stopped: behind a command, or at what is not whole yet. */
  next(buffer: Buffer, at: number, end: number): number {
    this.isComplete = false
    this.bytesNeeded = 1
    if (this.#step === Step.start) {
      this.#begin()
      this.request.buffer = buffer
      const behind = this.#plain(buffer, at, end)
      if (behind >= 0) return behind
    } else if (!this.#isKept) this.request.buffer = buffer
    let position = at
    while (!this.isComplete) {
      const stopped =
        this.#step === Step.argument
          ? this.#argument(buffer, position, end)
          : this.#lineAt(buffer, position, end)
      if (stopped < 0) break
      position = stopped
    }
    if (this.isComplete) {
      if (this.#isKept) this.request.buffer = this.#kept.buffer
      this.#step = Step.start
      return position
    }
    this.#keep(buffer)
    return this.#step === Step.argument ? position : end
  }

  /**
   * Takes a command that is all there and written as nearly all clients write it, in one go; -1 if it is not, and whatever it is is
   * left to be read line by line.
   */
  #plain(buffer: Buffer, at: number, end: number): number {
    if (!this.isTrusted || this.#line.position > 0 || end - at < COUNT_BYTES) return -1
    if (buffer[at] !== STAR || !isLineEnd(buffer, at + 2)) return -1
    const count = (buffer[at + 1] as number) - ZERO
    if (count < 1 || count > 9) return -1
    const { request } = this
    let position = at + COUNT_BYTES
    for (let index = 0; index < count; index++) {
      const stopped = plainArgument(request, buffer, position, end)
      if (stopped < 0) {
        request.count = 0
        return -1
      }
      position = stopped
    }
    request.isPlain = true
    this.isComplete = true
    return position
  }

  #begin(): void {
    this.request.clear()
    this.#isKept = false
    this.#kept.position = 0
    if (this.#kept.buffer.length > codecLimits.keptBytes) this.#kept.buffer = Buffer.allocUnsafe(64)
  }

  /** Moves the arguments that are whole out of memory that is not ours. */
  #keep(buffer: Buffer): void {
    if (this.#isKept || this.#step === Step.start) return
    this.#isKept = true
    const { request } = this
    for (let index = 0; index < request.count; index++) {
      const start = this.#kept.position
      this.#kept.bytes(buffer.subarray(request.startOf(index), request.endOf(index)))
      request.starts[index] = start
      request.ends[index] = this.#kept.position
    }
  }

  /** Takes an argument and what is behind it; -1 if it is not whole. */
  #argument(buffer: Buffer, at: number, end: number): number {
    const bytes = this.#bytes
    if (end - at < bytes + 2) {
      this.bytesNeeded = bytes + 2
      return -1
    }
    if (this.#isKept) {
      const start = this.#kept.position
      this.#kept.bytes(buffer.subarray(at, at + bytes))
      this.request.add(start, this.#kept.position)
    } else this.request.add(at, at + bytes)
    this.#left--
    this.isComplete = this.#left === 0
    this.#step = Step.head
    return at + bytes + 2
  }

  /** Takes a line; -1 if it is not whole, and what there is of it is kept. */
  #lineAt(buffer: Buffer, at: number, end: number): number {
    const line = this.#line
    // Most are a few octets long.
    let lineEnd = at
    while (lineEnd < end && buffer[lineEnd] !== LF) lineEnd++
    if (line.position + lineEnd - at > codecLimits.lineBytesMax) throw this.#tooLong(buffer, at)
    if (lineEnd === end) {
      if (line.position === 0) this.#refuseTls(buffer, at, end)
      line.bytes(buffer.subarray(at, end))
      return -1
    }
    if (line.position === 0) this.#takeLine(buffer, at, lineEnd)
    else {
      line.bytes(buffer.subarray(at, lineEnd))
      const bytes = line.position
      line.position = 0
      this.#takeLine(line.buffer, 0, bytes)
    }
    return lineEnd + 1
  }

  #tooLong(buffer: Buffer, at: number): DecodeError {
    const first = this.#line.position === 0 ? buffer[at] : this.#line.buffer[0]
    if (this.#step === Step.head) return new DecodeError('too big bulk count string')
    const isCount = first === STAR
    return new DecodeError(isCount ? 'too big mbulk count string' : 'too big inline request')
  }

  /** A handshake may be without the end of a line: nobody would ever say what is wrong. */
  #refuseTls(buffer: Buffer, start: number, end: number): void {
    if (this.#step !== Step.start || start === end || buffer[start] !== TLS_HANDSHAKE) return
    throw new DecodeError('this looks like TLS, which is not spoken here')
  }

  #takeLine(buffer: Buffer, start: number, lineEnd: number): void {
    if (this.#step === Step.head) return this.#takeHead(buffer, start, lineEnd)
    if (buffer[start] === STAR) return this.#takeCount(buffer, start, lineEnd)
    const end = lineEnd > start && buffer[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd
    this.#refuseTls(buffer, start, end)
    splitInline(buffer.subarray(start, end), this.request)
    this.#isKept = false
    this.isComplete = this.request.count > 0
  }

  #takeCount(buffer: Buffer, start: number, lineEnd: number): void {
    const count = numberAt(buffer, start + 1, lineEnd)
    if (count > codecLimits.argumentsMax || Number.isNaN(count)) {
      throw new DecodeError('invalid multibulk length')
    }
    if (!this.isTrusted && count > codecLimits.argumentsMaxBeforeLogin) {
      throw new DecodeError('unauthenticated multibulk length')
    }
    if (count <= 0) return
    this.#left = count
    this.#step = Step.head
  }

  #takeHead(buffer: Buffer, start: number, lineEnd: number): void {
    const first = buffer[start] as number
    if (first !== DOLLAR) throw new DecodeError(`expected '$', got '${shown(first)}'`)
    const bytes = numberAt(buffer, start + 1, lineEnd)
    if (!(bytes >= 0 && bytes <= codecLimits.argumentBytesMax)) {
      throw new DecodeError('invalid bulk length')
    }
    if (!this.isTrusted && bytes > codecLimits.argumentBytesMaxBeforeLogin) {
      throw new DecodeError('unauthenticated bulk length')
    }
    if (this.#isKept && this.#kept.position + bytes > codecLimits.requestBytesMax) {
      throw new DecodeError('too big request')
    }
    this.#bytes = bytes
    this.#step = Step.argument
  }
}

/** `$` digits CRLF octets CRLF; adds it and returns where it ends, or -1 if it is not just that. */
function plainArgument(request: Request, buffer: Buffer, at: number, end: number): number {
  if (at + PLAIN_BYTES_MIN > end || buffer[at] !== DOLLAR) return -1
  const first = (buffer[at + 1] as number) - ZERO
  if (first < 0 || first > 9) return -1
  let bytes = first
  let digitsEnd = at + 2
  // A zero in front is no number.
  const last = first === 0 ? digitsEnd : Math.min(end, at + 1 + PLAIN_DIGITS_MAX)
  for (; digitsEnd < last; digitsEnd++) {
    const digit = (buffer[digitsEnd] as number) - ZERO
    if (digit < 0 || digit > 9) break
    bytes = bytes * 10 + digit
  }
  const start = digitsEnd + 2
  const argumentEnd = start + bytes
  if (argumentEnd + 2 > end) return -1
  if (!isLineEnd(buffer, digitsEnd) || !isLineEnd(buffer, argumentEnd)) return -1
  request.add(start, argumentEnd)
  return argumentEnd + 2
}

function isLineEnd(buffer: Buffer, at: number): boolean {
  return buffer[at] === CR && buffer[at + 1] === LF
}

/** The number that stands in [start, lineEnd), of which the last octet is CR; NaN if there is none. */
function numberAt(buffer: Buffer, start: number, lineEnd: number): number {
  const end = lineEnd - 1
  if (end <= start || buffer[end] !== CR || end - start > DIGITS_MAX) return Number.NaN
  const isNegative = buffer[start] === MINUS
  const first = isNegative ? start + 1 : start
  if (first === end || (buffer[first] === ZERO && end - first > 1)) return Number.NaN
  let value = 0
  for (let at = first; at < end; at++) {
    const octet = buffer[at] as number
    if (octet < ZERO || octet > NINE) return Number.NaN
    value = value * 10 + octet - ZERO
  }
  return isNegative ? -value : value
}

/** Of an octet of the peer's, what may go into an error. */
function shown(octet: number): string {
  return octet > 0x20 && octet < 0x7f ? String.fromCharCode(octet) : '?'
}
