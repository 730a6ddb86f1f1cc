import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameSplitter } from './frame-splitter.ts'

function frame(text: string): Buffer {
  const bytes = Buffer.alloc(4 + text.length)
  bytes.writeInt32BE(text.length)
  bytes.write(text, 4)
  return bytes
}

test('frames come out whole, however the stream is cut', () => {
  const texts = ['a', '', 'three', 'and four']
  const stream = Buffer.concat(texts.map(frame))
  for (let size = 1; size <= stream.length; size++) {
    const splitter = new FrameSplitter()
    const found: string[] = []
    for (let at = 0; at < stream.length; at += size) {
      for (const each of splitter.push(stream.subarray(at, at + size))) found.push(each.toString())
    }
    assert.deepEqual(found, texts, `cut every ${size} bytes`)
  }
})
