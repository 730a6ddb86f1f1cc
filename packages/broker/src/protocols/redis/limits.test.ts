import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits } from '../../core/limits.ts'
import { codecLimits } from './codec/limits.ts'

test('the largest argument is the largest body of a message', () => {
  assert.equal(codecLimits.argumentBytesMax, limits.messageBytesMax)
})
