import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../../../base/reader.ts'
import { ControlLine, INCOMPLETE, parseSize, TOO_LONG, Verb } from './control-line.ts'

const BYTES_MAX = 4096

interface Parsed {
  readonly verb: Verb
  readonly arguments: readonly string[]
  readonly next: number
}

function parse(text: string | Buffer, line: ControlLine = new ControlLine(BYTES_MAX)): Parsed {
  const buffer = Buffer.from(text)
  const next = line.parse(buffer, 0, buffer.length)
  const found = Array.from({ length: next < 0 ? 0 : line.count }, (_, i) => line.text(buffer, i))
  return { verb: line.verb, arguments: found, next }
}

/** As clients of NATS send them: nats.js, nats.go, nats.py, and a person at a terminal. */
const golden: readonly (readonly [string, Verb, readonly string[]])[] = [
  [
    'CONNECT {"protocol":1,"version":"3.1.0","lang":"nats.ws","verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n',
    Verb.connect,
    [
      '{"protocol":1,"version":"3.1.0","lang":"nats.ws","verbose":false,"pedantic":false,"headers":true,"no_responders":true}',
    ],
  ],
  ['PUB orders.new 5\r\n', Verb.pub, ['orders.new', '5']],
  ['PUB orders.new _INBOX.a.b 0\r\n', Verb.pub, ['orders.new', '_INBOX.a.b', '0']],
  ['HPUB a 12 17\r\n', Verb.hpub, ['a', '12', '17']],
  ['HPUB a r 12 17\r\n', Verb.hpub, ['a', 'r', '12', '17']],
  ['SUB orders.> 1\r\n', Verb.sub, ['orders.>', '1']],
  ['SUB orders.* workers 22\r\n', Verb.sub, ['orders.*', 'workers', '22']],
  ['UNSUB 1\r\n', Verb.unsub, ['1']],
  ['UNSUB 1 5\r\n', Verb.unsub, ['1', '5']],
  ['PING\r\n', Verb.ping, []],
  ['PONG\r\n', Verb.pong, []],
  ['ping\r\n', Verb.ping, []],
  ['pUb\ta  \t 3\n', Verb.pub, ['a', '3']],
  ['sub a 1   \r\n', Verb.sub, ['a', '1']],
  ['INFO {"a": 1}\r\n', Verb.info, ['{"a": 1}']],
  ['+OK\r\n', Verb.ok, []],
  ["-ERR 'a b'\r\n", Verb.error, ["'a b'"]],
]

test('the lines of real clients are taken apart', () => {
  for (const [text, verb, args] of golden) {
    const parsed = parse(text)
    assert.deepEqual(parsed, { verb, arguments: args, next: Buffer.byteLength(text) }, text)
  }
})

test('of every prefix of a line it is said that more has to come', () => {
  for (const [text] of golden) {
    for (let end = 0; end < text.length; end++) {
      assert.equal(parse(text.slice(0, end)).next, INCOMPLETE, JSON.stringify(text.slice(0, end)))
    }
  }
})

test('what is no verb is refused at the first letter that fits none', () => {
  for (const text of [
    'G',
    'PX',
    'PUBX',
    'SUB\r\n',
    'HP!',
    '\r\n',
    ' PING',
    '\0',
    'CONN{',
    'UNSUBx',
  ]) {
    assert.throws(() => parse(text), DecodeError, JSON.stringify(text))
  }
})

test('more arguments than any verb has are refused', () => {
  assert.equal(parse('PUB a b c d e\r\n').arguments.length, 5)
  assert.throws(() => parse('PUB a b c d e f\r\n'), DecodeError)
})

test('a line without an end is too long once its arguments are', () => {
  const of = (bytes: number): string => 'a'.repeat(bytes)
  assert.equal(parse(`PUB ${of(BYTES_MAX)}\r\n`).arguments[0]?.length, BYTES_MAX)
  assert.equal(parse(`PUB ${of(BYTES_MAX)}`).next, INCOMPLETE)
  assert.equal(parse(`PUB ${of(BYTES_MAX + 2)}`).next, TOO_LONG)
  assert.equal(parse(`PUB ${of(BYTES_MAX + 10)}\r\n`).next, TOO_LONG)
  assert.equal(parse(`CONNECT ${of(BYTES_MAX + 10)}`).next, TOO_LONG)
  assert.equal(parse(`PING${of(BYTES_MAX + 10)}`).next, TOO_LONG)
})

test('random bytes are a line, too few, too many, or an error, and nothing else', () => {
  const seed = Date.now() % 2 ** 31
  let state = seed
  const next = (bound: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % bound
  }
  const line = new ControlLine(BYTES_MAX)
  const starts = ['', 'PUB ', 'HPUB ', 'SUB ', 'UNSUB ', 'CONNECT ', 'PING', '+OK']
  for (let round = 0; round < 20_000; round++) {
    const start = starts[next(starts.length)] as string
    const rest = Buffer.from(Array.from({ length: next(40) }, () => next(256)))
    const buffer = Buffer.concat([Buffer.from(start), rest])
    try {
      const stopped = line.parse(buffer, 0, buffer.length)
      assert.ok(stopped <= buffer.length, `seed ${seed}`)
      for (let i = 0; stopped > 0 && i < line.count; i++) {
        const [from, to] = [line.starts[i] as number, line.ends[i] as number]
        assert.ok(from < to && to < stopped, `seed ${seed}`)
      }
    } catch (error) {
      assert.ok(error instanceof DecodeError, `seed ${seed}: ${String(error)}`)
    }
  }
})

test('a size is decimal digits and nothing else', () => {
  const sizes: readonly (readonly [string, number])[] = [
    ['0', 0],
    ['17', 17],
    ['999999999', 999_999_999],
    ['1000000000', -1],
    ['', -1],
    ['-1', -1],
    ['1a', -1],
    ['0x1', -1],
    [' 1', -1],
  ]
  for (const [text, size] of sizes) {
    assert.equal(parseSize(Buffer.from(text), 0, text.length), size, text)
  }
})
