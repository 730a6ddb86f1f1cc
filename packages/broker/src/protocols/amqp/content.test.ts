import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Content, ContentState } from './content.ts'

function begun(bodyBytes: number): Content {
  const content = new Content({ gathered: () => {} })
  content.begin(Buffer.from([1, 120, 1, 107]), 0, 4)
  content.bodyBytes = bodyBytes
  content.keepHeader(Buffer.from([0, 0]), 0, 2)
  return content
}

test('a body is whole when all of its frames have come, whatever their sizes', () => {
  const body = Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 0xff))
  for (const step of [1, 7, 333, 999, 1000]) {
    const content = begun(body.length)
    for (let at = 0; at < body.length; at += step) {
      const end = Math.min(body.length, at + step)
      assert.equal(content.keepBody(body, at, end), end === body.length)
    }
    const { publication } = content
    assert.ok(publication.body.subarray(publication.bodyStart, publication.bodyEnd).equals(body))
  }
})

test('empty body frames are taken and change nothing', () => {
  const content = begun(2)
  for (let i = 0; i < 1000; i++) assert.equal(content.keepBody(Buffer.alloc(0), 0, 0), false)
  assert.equal(content.keepBody(Buffer.from('ab'), 0, 2), true)
})

test('the frames may be overwritten once they were taken', () => {
  const frame = Buffer.from('ab')
  const content = begun(4)
  content.keepBody(frame, 0, 2)
  frame.write('cd')
  content.keepBody(frame, 0, 2)
  assert.equal(content.publication.body.toString(), 'abcd')
})

test('more body than was announced is refused', () => {
  const content = begun(4)
  content.keepBody(Buffer.from('abc'), 0, 3)
  assert.throws(() => content.keepBody(Buffer.from('de'), 0, 2), {
    message: 'FRAME_ERROR - content body of 5 bytes, 4 announced',
  })
})

test('memory grows with what has come, not with what was announced', () => {
  const before = process.memoryUsage().arrayBuffers
  const contents = Array.from({ length: 100 }, () => begun(16 * 2 ** 20))
  for (const content of contents) content.keepBody(Buffer.from('a'), 0, 1)
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20)
  assert.equal(contents.length, 100)
})

test('what has ended is forgotten', () => {
  const content = begun(3)
  content.keepBody(Buffer.from('abc'), 0, 3)
  content.end()
  assert.equal(content.state, ContentState.none)
  assert.equal(content.publication.body.length, 0)
})
