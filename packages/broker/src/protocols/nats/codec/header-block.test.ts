import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeHeaderBlock, isHeaderLine, parseHeaderBlock } from './header-block.ts'

/** As nats.js and nats.go send it. */
const golden = 'NATS/1.0\r\nNats-Msg-Id: 7\r\ncolour: red\r\ncolour: dark  blue \r\n\r\n'

function linesOf(block: string | Buffer): string[] {
  const { lines } = parseHeaderBlock(Buffer.from(block))
  return lines.map(({ name, value }) => `${name}=${value.toString()}`)
}

test('a block is read as clients write it', () => {
  assert.deepEqual(linesOf(golden), ['Nats-Msg-Id=7', 'colour=red', 'colour=dark  blue'])
})

test('a status stands behind the version', () => {
  const { status, description, lines } = parseHeaderBlock(
    Buffer.from('NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 1\r\n\r\n'),
  )
  assert.deepEqual([status, description, lines.length], ['408', 'Request Timeout', 1])
  assert.equal(parseHeaderBlock(Buffer.from('NATS/1.0 503\r\n\r\n')).status, '503')
})

test('every prefix of a block gives the lines that are there, and random bytes nothing worse', () => {
  for (let end = 0; end <= golden.length; end++) {
    assert.ok(linesOf(golden.slice(0, end)).length <= 3)
  }
  const seed = Date.now() % 2 ** 31
  let state = seed
  for (let round = 0; round < 5000; round++) {
    const bytes = Buffer.from(golden)
    for (let change = 0; change < 5; change++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
      bytes[(state >>> 8) % bytes.length] = state & 0xff
    }
    assert.ok(linesOf(bytes).length < 30, `seed ${seed}`)
  }
})

test('what is no block has no lines', () => {
  for (const block of ['', '\r\n\r\n', 'HTTP/1.1 200\r\na: b\r\n\r\n']) {
    assert.deepEqual(linesOf(block), [])
  }
})

test('what is written is read as it was', () => {
  const lines = [
    { name: 'a', value: Buffer.from('1') },
    { name: 'b', value: Buffer.from('ä: ö') },
    { name: 'a', value: Buffer.alloc(0) },
  ]
  const block = encodeHeaderBlock(lines)
  assert.equal(block.toString(), 'NATS/1.0\r\na: 1\r\nb: ä: ö\r\na: \r\n\r\n')
  assert.deepEqual(parseHeaderBlock(block).lines, lines)
  assert.equal(encodeHeaderBlock([]).length, 0)
})

test('names are visible ASCII without a colon, values one line', () => {
  const isLegal = (name: string, value: string = ''): boolean =>
    isHeaderLine({ name, value: Buffer.from(value) })
  for (const name of ['a', 'Nats-Msg-Id', 'x_y!', '~']) assert.ok(isLegal(name), name)
  for (const name of ['', 'a b', 'a:b', 'ä', 'a\r', '\n']) assert.ok(!isLegal(name), name)
  assert.ok(!isLegal('a', 'b\r\nc: d') && !isLegal('a', 'b\nc'))
})
