import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MessageFrame, messageHead, patternMessageHead, shardMessageHead } from './message-frame.ts'
import type { Resp } from './reply.ts'

function written(head: Buffer, resp: Resp, body: string): string {
  const frame = new MessageFrame()
  frame.channel = Buffer.from('..chan..')
  frame.channelStart = 2
  frame.channelEnd = 6
  frame.body = Buffer.from(`-${body}-`)
  frame.bodyStart = 1
  frame.bodyEnd = 1 + body.length
  const out = Buffer.alloc(frame.bytesWith(head) + 1)
  const end = frame.write(head, resp, out, 1)
  assert.ok(end <= out.length)
  return out.toString('latin1', 1, end)
}

test('a message of each kind, of both protocols', () => {
  assert.equal(
    written(messageHead, 2, 'body'),
    '*3\r\n$7\r\nmessage\r\n$4\r\nchan\r\n$4\r\nbody\r\n',
  )
  assert.equal(written(shardMessageHead, 3, ''), '>3\r\n$8\r\nsmessage\r\n$4\r\nchan\r\n$0\r\n\r\n')
  assert.equal(
    written(patternMessageHead('ch*'), 3, 'b'),
    '>4\r\n$8\r\npmessage\r\n$3\r\nch*\r\n$4\r\nchan\r\n$1\r\nb\r\n',
  )
})

test('a body of any length has that length in front of it', () => {
  for (const bytes of [1, 9, 10, 11, 99, 100, 101, 1000, 123_456]) {
    const body = 'x'.repeat(bytes)
    const expected = `*3\r\n$7\r\nmessage\r\n$4\r\nchan\r\n$${bytes}\r\n${body}\r\n`
    assert.equal(written(messageHead, 2, body), expected)
  }
})
