import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MadeHistory, rulesOf } from '../testing/made-history.ts'
import { checkExclusiveHold } from './exclusive-hold.ts'

const held = 'C7 delivered while it was out'

function rules(made: MadeHistory): string[] {
  return rulesOf(checkExclusiveHold(made.build()))
}

function delivered(): MadeHistory {
  return new MadeHistory().connect('c', 'd').publish('w-0', ['q']).deliver('c', 'q', 'w-0')
}

test('a message that is out on another connection, or the same', () => {
  assert.deepEqual(rules(delivered().deliver('d', 'q', 'w-0')), [held])
  assert.deepEqual(rules(delivered().deliver('c', 'q', 'w-0')), [held])
})

test('a message that was given back, or whose connection has ended', () => {
  assert.deepEqual(rules(delivered().nack('c', 'q', 'w-0').deliver('d', 'q', 'w-0')), [])
  assert.deepEqual(rules(delivered().disconnect('c').deliver('d', 'q', 'w-0')), [])
  assert.deepEqual(rules(delivered().crash().connect('e').deliver('e', 'q', 'w-0')), [])
})

test('the same message in another queue is another one', () => {
  assert.deepEqual(rules(delivered().deliver('d', 'other', 'w-0')), [])
})

test('as many may be out as were sent', () => {
  const made = delivered().publish('w-0', ['q']).deliver('d', 'q', 'w-0')
  assert.deepEqual(rules(made), [])
  assert.deepEqual(rules(made.deliver('d', 'q', 'w-0')), [held])
})

test('what a client reads from the socket of a dead broker is out no more', () => {
  const made = new MadeHistory().connect('c').publish('w-0', ['q']).crash().connect('d')
  assert.deepEqual(rules(made.deliver('d', 'q', 'w-0').deliver('c', 'q', 'w-0')), [])
})
