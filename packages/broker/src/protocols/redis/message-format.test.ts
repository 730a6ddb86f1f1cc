import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redisMessageFormat } from './message-format.ts'

test('a message of Redis has no headers, and takes none along', () => {
  const empty = Buffer.alloc(0)
  assert.equal(redisMessageFormat.view(empty, 0, 0).headers.size, 0)
  const view = { replyTo: 'inbox', headers: new Map([['a', 'b']]) }
  assert.equal(redisMessageFormat.from(view).length, 0)
})
