import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyBytesMin, bodyError, makeBody } from './body.ts'

for (const bytes of [0, bodyBytesMin, 4096, 200_000]) {
  test(`a body of ${bytes} bytes that comes as it went is sound`, () => {
    const body = makeBody('writer.p1-12', bytes)
    assert.equal(body.length, bytes)
    assert.equal(bodyError('writer.p1-12', body), null)
  })
}

test('a body that was cut, or is longer', () => {
  const body = makeBody('w-1', 4096)
  assert.match(bodyError('w-1', body.subarray(0, 4000)) ?? '', /4000 of 4096/)
  assert.match(bodyError('w-1', Buffer.concat([body, body])) ?? '', /8192 of 4096/)
  assert.match(bodyError('w-1', body.subarray(0, 5)) ?? '', /without a first line/)
})

test('the body of another value', () => {
  assert.match(bodyError('w-1', makeBody('w-2', 4096)) ?? '', /the body of w-2/)
})

test('one bit that is not what it was, and a piece of another body', () => {
  const flipped = makeBody('w-1', 4096)
  flipped.writeUInt8(flipped.readUInt8(3000) ^ 1, 3000)
  assert.match(bodyError('w-1', flipped) ?? '', /checksum/)
  const mixed = makeBody('w-1', 8192)
  makeBody('w-2', 8192).copy(mixed, 4096, 4096)
  assert.match(bodyError('w-1', mixed) ?? '', /checksum/)
})
