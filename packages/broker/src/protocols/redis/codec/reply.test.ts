import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reply, type Resp } from './reply.ts'

function written(resp: Resp, write: (reply: Reply) => void): string {
  const reply = new Reply().begin(resp)
  write(reply)
  return reply.written().toString('latin1')
}

function everything(reply: Reply): void {
  reply.ok()
  reply.error('ERR no')
  reply.integer(-1)
  reply.bulk('ä')
  reply.bulkBytes(Buffer.from([0, 0xff]))
  reply.none()
  reply.array(0)
  reply.map(1)
  reply.set(2)
  reply.push(3)
  reply.verbatim('text')
}

test('RESP2', () => {
  assert.equal(
    written(2, everything),
    '+OK\r\n-ERR no\r\n:-1\r\n$2\r\n\xc3\xa4\r\n$2\r\n\0\xff\r\n$-1\r\n*0\r\n*2\r\n*2\r\n*3\r\n$4\r\ntext\r\n',
  )
})

test('RESP3', () => {
  assert.equal(
    written(3, everything),
    '+OK\r\n-ERR no\r\n:-1\r\n$2\r\n\xc3\xa4\r\n$2\r\n\0\xff\r\n_\r\n*0\r\n%1\r\n~2\r\n>3\r\n=8\r\ntxt:text\r\n',
  )
})

test('one begins where the last one ended, and a large one does not stay', () => {
  const reply = new Reply()
  reply.begin(2).bulkBytes(Buffer.alloc(1_000_000))
  assert.equal(reply.bytes, 1_000_000 + '$1000000\r\n\r\n'.length)
  reply.begin(2).ok()
  assert.equal(reply.written().toString(), '+OK\r\n')
  assert.ok(reply.written().buffer.byteLength < 100_000)
})
