import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MadeHistory, rulesOf } from '../testing/made-history.ts'
import { checkMonotonic } from './monotonic.ts'

function rules(made: MadeHistory): string[] {
  return rulesOf(checkMonotonic(made.build()))
}

function read(made: MadeHistory, reader: string, ...offsets: readonly number[]): MadeHistory {
  for (const off of offsets) made.read(reader, `w-${off}`, { off })
  return made
}

test('a reader that goes on where it was, over a crash, is no violation', () => {
  const made = read(new MadeHistory(), 'a', 0, 1).crash()
  assert.deepEqual(rules(read(made, 'a', 2, 3)), [])
})

test('a reader that is given an offset again', () => {
  assert.deepEqual(rules(read(new MadeHistory(), 'a', 0, 1, 1)), ['C3 a reader goes back'])
})

test('a reader that asked to go back may', () => {
  const made = read(new MadeHistory(), 'a', 0, 1).seek('a', 0)
  assert.deepEqual(rules(read(made, 'a', 0, 1)), [])
})

test('a reader that is led past a record that another one sees', () => {
  const made = read(read(new MadeHistory(), 'a', 0, 2), 'b', 0, 1)
  assert.deepEqual(rules(made), ['C3 a reader skips a record that is there'])
})

test('a first record behind where the reader asked for is skipped too', () => {
  const made = read(read(new MadeHistory(), 'a', 0, 1), 'b').seek('b', 0)
  assert.deepEqual(rules(read(made, 'b', 1)), ['C3 a reader skips a record that is there'])
})

test('offsets at which nobody ever sees anything are no records', () => {
  assert.deepEqual(rules(read(new MadeHistory(), 'a', 0, 1000)), [])
})

test('the high watermark falls', () => {
  const made = new MadeHistory().fetch('invoke', 'a').fetch('ok', 'a', { hw: 5 }).crash()
  assert.deepEqual(rules(made.fetch('invoke', 'b').fetch('ok', 'b', { hw: 4 })), [
    'C3 the high watermark goes back',
  ])
})

test('answers may overtake one another, if the questions were asked at once', () => {
  const made = new MadeHistory().fetch('invoke', 'a').fetch('invoke', 'b')
  assert.deepEqual(rules(made.fetch('ok', 'b', { hw: 5 }).fetch('ok', 'a', { hw: 4 })), [])
})

test('the high watermark is behind a record that was confirmed', () => {
  const made = new MadeHistory().produce('w-0', { off: 7 }).fetch('invoke', 'a')
  assert.deepEqual(rules(made.fetch('ok', 'a', { hw: 7 })), ['C3 the high watermark goes back'])
})

test('the log start falls', () => {
  const made = new MadeHistory().fetch('invoke', 'a').fetch('ok', 'a', { start: 3 })
  assert.deepEqual(rules(made.fetch('invoke', 'a').fetch('ok', 'a', { start: 0 })), [
    'C3 the log start goes back',
  ])
})

test('a committed offset falls behind the last commit that was answered', () => {
  const made = new MadeHistory().commit('commit', 'invoke', 5).commit('commit', 'ok', 5).crash()
  assert.deepEqual(rules(made.commit('committed', 'invoke').commit('committed', 'ok', 4)), [
    'C3 a committed offset goes back',
  ])
  const none = made.commit('committed', 'invoke').commit('committed', 'ok', -1)
  assert.equal(rules(none).length, 2)
})

test('a commit without an answer may hold or not, but not both', () => {
  const made = (): MadeHistory =>
    new MadeHistory().commit('commit', 'ok', 5).commit('commit', 'invoke', 9).crash()
  const ask = (to: MadeHistory, off: number): MadeHistory =>
    to.commit('committed', 'invoke').commit('committed', 'ok', off)
  assert.deepEqual(rules(ask(made(), 5)), [])
  assert.deepEqual(rules(ask(made(), 9)), [])
  assert.deepEqual(rules(ask(ask(made(), 9), 5)), ['C3 a committed offset goes back'])
})
