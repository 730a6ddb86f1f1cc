import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MadeHistory, rulesOf } from '../testing/made-history.ts'
import { checkOffsetMap } from './offset-map.ts'

function rules(made: MadeHistory): string[] {
  return rulesOf(checkOffsetMap(made.build()))
}

test('readers and producers that agree on every offset are no violation', () => {
  const made = new MadeHistory().produce('w-0', { off: 0 }).produce('w-1', { off: 1 })
  made.read('a', 'w-0', { off: 0 }).read('b', 'w-0', { off: 0 }).read('a', 'w-1', { off: 1 })
  assert.deepEqual(rules(made), [])
})

test('two readers that see different values at one offset', () => {
  const made = new MadeHistory().read('a', 'w-0', { off: 0 }).read('b', 'w-1', { off: 0 })
  assert.deepEqual(rules(made), ['C2 one offset, two values'])
})

test('a producer that was told the offset of another value', () => {
  const made = new MadeHistory().produce('w-0', { off: 3 }).crash().produce('w-1', { off: 3 })
  assert.deepEqual(rules(made), ['C2 one offset, two values'])
})

test('the same offset of other partitions and topics is another one', () => {
  const made = new MadeHistory().read('a', 'w-0', { off: 0 }).read('a', 'w-1', { off: 0, part: 1 })
  assert.deepEqual(rules(made.read('a', 'w-2', { off: 0, topic: 'other' })), [])
})
