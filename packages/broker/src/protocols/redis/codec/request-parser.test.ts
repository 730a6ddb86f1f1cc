import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../../../base/reader.ts'
import { SeededRandom } from '../../../testing/seeded-random.ts'
import { codecLimits } from './limits.ts'
import { RequestParser } from './request-parser.ts'

/** Feeds pieces as a connection does: what was not taken is shown again with what came behind it. */
function parse(pieces: readonly Buffer[], isTrusted: boolean = true): string[][] {
  const parser = new RequestParser()
  parser.isTrusted = isTrusted
  const commands: string[][] = []
  let rest: Buffer = Buffer.alloc(0)
  for (const piece of pieces) {
    // Memory that the next piece overwrites.
    const input = Buffer.concat([rest, piece])
    let at = 0
    while (input.length - at >= parser.bytesNeeded && at < input.length) {
      at = parser.next(input, at, input.length)
      if (!parser.isComplete) break
      commands.push(textsOf(parser))
    }
    rest = Buffer.from(input.subarray(at))
    input.fill(0x21)
  }
  return commands
}

function textsOf({ request }: RequestParser): string[] {
  return Array.from({ length: request.count }, (_, index) => request.view(index).toString('latin1'))
}

function octets(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

function inOctets(text: string): Buffer[] {
  return [...octets(text)].map((octet) => Buffer.from([octet]))
}

/** As ioredis 6 and node-redis 6 begin, and a person by telnet. */
const GOLDEN =
  '*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n' +
  '*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$8\r\nLIB-NAME\r\n$7\r\nioredis\r\n' +
  '*3\r\n$7\r\nPUBLISH\r\n$4\r\nnews\r\n$6\r\na\r\nb\x00\xff\r\n' +
  '\r\n*0\r\n*-1\r\n' +
  '*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n' +
  'PUBLISH  news "a \\"b\\" \\x41\\n" \'it\\\'s\'\r\n' +
  'PING\n' +
  '*1\r\n$0\r\n\r\n'

const GOLDEN_COMMANDS = [
  ['HELLO', '3'],
  ['CLIENT', 'SETINFO', 'LIB-NAME', 'ioredis'],
  ['PUBLISH', 'news', 'a\r\nb\x00\xff'],
  ['ECHO', 'x'],
  ['PUBLISH', 'news', 'a "b" A\n', "it's"],
  ['PING'],
  [''],
]

test('what clients send is read as they mean it', () => {
  assert.deepEqual(parse([octets(GOLDEN)]), GOLDEN_COMMANDS)
})

test('in pieces of one octet it is the same', () => {
  assert.deepEqual(parse(inOctets(GOLDEN)), GOLDEN_COMMANDS)
})

test('cut at any place it is the same', () => {
  for (let cut = 1; cut < GOLDEN.length; cut++) {
    const pieces = [octets(GOLDEN.slice(0, cut)), octets(GOLDEN.slice(cut))]
    assert.deepEqual(parse(pieces), GOLDEN_COMMANDS, `cut at ${cut}`)
  }
})

test('random octets are commands or a DecodeError, however they are cut', () => {
  const seed = Number(process.env['POLYMQ_TEST_SEED'] ?? Date.now() % 2 ** 31)
  const random = new SeededRandom(seed)
  const alphabet = octets('*$0123456789-\r\n\r\n"\'\\x aP\0\xff')
  for (let round = 0; round < 3000; round++) {
    const bytes = Buffer.from(
      random.bytes(40).map((octet) => alphabet[octet % alphabet.length] ?? 0),
    )
    const whole = outcomeOf([bytes])
    const inPieces = outcomeOf([...bytes].map((octet) => Buffer.from([octet])))
    assert.deepEqual(
      inPieces,
      whole,
      `seed ${seed}, round ${round}: ${JSON.stringify(bytes.toString('latin1'))}`,
    )
  }
})

function outcomeOf(pieces: readonly Buffer[]): unknown {
  try {
    return parse(pieces)
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error))
    return error.message
  }
}

test('an argument of which nothing is there yet is waited for, and nothing is taken for it', () => {
  const parser = new RequestParser()
  parser.isTrusted = true
  const start = octets('*1\r\n$16777216\r\n')
  assert.equal(parser.next(start, 0, start.length), start.length)
  assert.equal(parser.isComplete, false)
  assert.equal(parser.bytesNeeded, 16_777_216 + 2)
})

test('who has not logged in may send little', () => {
  const many = `*11\r\n${'$1\r\na\r\n'.repeat(11)}`
  const large = '*1\r\n$16385\r\n'
  assert.throws(
    () => parse([octets(many)], false),
    /^DecodeError: unauthenticated multibulk length$/,
  )
  assert.throws(() => parse([octets(large)], false), /^DecodeError: unauthenticated bulk length$/)
  assert.equal(parse([octets(many)]).length, 1)
})

test('arguments that are kept have a bound, all together', () => {
  const argument = `$${codecLimits.argumentBytesMax}\r\n${'x'.repeat(codecLimits.argumentBytesMax)}\r\n`
  const pieces = ['*4\r\n', argument, argument, argument].map(octets)
  assert.throws(() => parse(pieces), /^DecodeError: too big request$/)
})

test('a copy of a command outlives its memory', () => {
  const parser = new RequestParser()
  parser.isTrusted = true
  const input = octets('PING a\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n')
  const at = parser.next(input, 0, input.length)
  const inline = parser.request.copy()
  parser.next(input, at, input.length)
  const copy = parser.request.copy()
  input.fill(0)
  assert.deepEqual(copy.texts(0), ['ECHO', 'hi'])
  assert.deepEqual(inline.texts(0), ['PING', 'a'])
  assert.ok(copy.buffer.length < input.length)
})
