import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestBroker } from '../../testing/test-broker.ts'
import { RedisHead } from './head.ts'

test('a client too many is told so in Redis’ words', () => {
  const head = new RedisHead(new TestBroker().broker)
  const words = Buffer.from(head.refusalFor()).toString()
  assert.equal(words, '-ERR max number of clients reached\r\n')
})
