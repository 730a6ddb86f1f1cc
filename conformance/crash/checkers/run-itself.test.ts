import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MadeHistory, rulesOf } from '../testing/made-history.ts'
import { checkRunItself } from './run-itself.ts'

function rules(made: MadeHistory): string[] {
  return rulesOf(checkRunItself(made.build(), { recoveryMsMax: 3000 }))
}

/** A run that goes well. */
function begun(): MadeHistory {
  return new MadeHistory().recover(100, 0).connect('c').publish('w-0', ['q'])
}

test('a run in which the broker comes back in time is no violation', () => {
  assert.deepEqual(rules(begun().crash().disconnect('c', 'info').recover(2900)), [])
})

test('a broker that never starts', () => {
  assert.deepEqual(rules(new MadeHistory()), ['C0 nothing happened'])
})

test('a broker that does not come back, or not in time', () => {
  const made = begun().crash().recover(3100).crash(2)
  made.log('fail', { f: 'recover', round: 2, err: 'no' })
  assert.deepEqual(rules(made), ['C0 recovery took too long', 'C0 the broker did not come back'])
})

test('a connection that ends although nobody ended it', () => {
  assert.deepEqual(rules(begun().disconnect('c', 'info').crash()), [
    'C0 the broker closed a connection',
  ])
})

test('a round in which nothing is confirmed', () => {
  const made = begun().crash().recover()
  assert.deepEqual(rules(made.pass(2000).crash(2)), ['C0 nothing was confirmed'])
})

test('a fault that a process met, and an error in the log of the broker', () => {
  const made = begun().log('fail', { f: 'fault', by: 'client', err: 'no answer' })
  made.log('fail', { f: 'fault', by: 'broker', err: 'late' })
  assert.deepEqual(rules(made), ['C0 a fault', 'C0 an error in the log of the broker'])
})
