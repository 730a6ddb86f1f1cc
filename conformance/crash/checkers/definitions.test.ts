import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MadeHistory, rulesOf } from '../testing/made-history.ts'
import { checkDefinitions } from './definitions.ts'

function rules(made: MadeHistory): string[] {
  return rulesOf(checkDefinitions(made.build()))
}

test('what was declared is there after a crash, what was deleted is not', () => {
  const made = new MadeHistory().define('declare', 'q', 'ok').define('declare', 'r', 'ok')
  made.define('delete', 'r', 'ok').crash()
  assert.deepEqual(rules(made.define('exists', 'q', 'ok').define('exists', 'r', 'fail')), [])
})

test('a queue that was declared is gone', () => {
  const made = new MadeHistory().define('declare', 'q', 'ok').crash()
  assert.deepEqual(rules(made.define('exists', 'q', 'fail')), ['C8 is gone'])
})

test('a queue that was deleted comes back', () => {
  const made = new MadeHistory().define('declare', 'q', 'ok').define('delete', 'q', 'ok').crash()
  assert.deepEqual(rules(made.define('exists', 'q', 'ok')), ['C8 came back'])
})

test('a queue that nobody declared is there', () => {
  assert.deepEqual(rules(new MadeHistory().define('exists', 'q', 'ok')), ['C8 came back'])
})

test('without an answer it may be either, until somebody looks', () => {
  for (const seen of ['ok', 'fail'] as const) {
    const made = new MadeHistory().define('declare', 'q', 'info').crash()
    assert.deepEqual(rules(made.define('exists', 'q', seen)), [])
    const other = seen === 'ok' ? 'fail' : 'ok'
    const rule = seen === 'ok' ? 'C8 is gone' : 'C8 came back'
    assert.deepEqual(rules(made.crash().define('exists', 'q', other)), [rule])
  }
})

test('an unanswered declaration of what is there leaves it there', () => {
  const made = new MadeHistory().define('declare', 'q', 'ok').define('declare', 'q', 'info').crash()
  assert.deepEqual(rules(made.define('exists', 'q', 'fail')), ['C8 is gone'])
})

test('what is not durable does not outlive a crash', () => {
  const transient = { durable: false }
  const made = new MadeHistory().define('declare', 'q', 'ok', transient)
  assert.deepEqual(rules(made.define('exists', 'q', 'ok', transient)), [])
  assert.deepEqual(rules(made.crash().define('exists', 'q', 'fail', transient)), [])
  const other = new MadeHistory().define('declare', 'q', 'ok', transient).crash()
  assert.deepEqual(rules(other.define('exists', 'q', 'ok', transient)), ['C8 came back'])
})

test('a queue and an exchange of one name are two', () => {
  const made = new MadeHistory().define('declare', 'a', 'ok')
  assert.deepEqual(rules(made.define('exists', 'a', 'fail', { kind: 'exchange' })), [])
})

test('a declaration or deletion that is refused', () => {
  const made = new MadeHistory().define('declare', 'q', 'fail').define('delete', 'q', 'fail')
  assert.deepEqual(rules(made), ['C8 was refused', 'C8 could not be deleted'])
})
