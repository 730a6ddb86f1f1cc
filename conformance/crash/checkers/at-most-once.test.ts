import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MadeHistory, rulesOf } from '../testing/made-history.ts'
import { checkAtMostOnce } from './at-most-once.ts'
import { MS } from './violation.ts'

const again = 'C9 delivered again after a delivery without acks'

function rules(made: MadeHistory, windowMs: number = 1000): string[] {
  return rulesOf(checkAtMostOnce(made.build(), { autoAckWindowNs: windowMs * MS }))
}

function delivered(): MadeHistory {
  const made = new MadeHistory().connect('c').consume('c', 'q', { auto: true })
  return made.publish('w-0', ['q']).deliver('c', 'q', 'w-0', { auto: true })
}

test('once is no violation', () => {
  assert.deepEqual(rules(delivered()), [])
})

test('a second time, to whomever', () => {
  assert.deepEqual(rules(delivered().deliver('c', 'q', 'w-0', { auto: true })), [again])
  assert.deepEqual(rules(delivered().connect('d').deliver('d', 'q', 'w-0')), [again])
})

test('a second time because the connection ended', () => {
  assert.deepEqual(rules(delivered().disconnect('c').connect('d').deliver('d', 'q', 'w-0')), [
    again,
  ])
})

test('a second time after a crash, within the window and beyond it', () => {
  const made = (ms: number): MadeHistory =>
    delivered().pass(ms).crash().connect('d').deliver('d', 'q', 'w-0', { redelivered: true })
  assert.deepEqual(rules(made(990)), [])
  assert.deepEqual(rules(made(1010)), [again])
  assert.deepEqual(rules(made(0), 0), [again])
})

test('what was sent twice may come twice', () => {
  const made = delivered().publish('w-0', ['q']).deliver('c', 'q', 'w-0', { auto: true })
  assert.deepEqual(rules(made), [])
})
