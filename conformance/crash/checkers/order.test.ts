import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MadeHistory, rulesOf } from '../testing/made-history.ts'
import { checkOrder } from './order.ts'

const late = 'C6 a message comes after a later one of its writer'

function rules(made: MadeHistory): string[] {
  return rulesOf(checkOrder(made.build()))
}

/** Consumers `c` and `d`, and messages 0 to 3 of the writer w. */
function sent(): MadeHistory {
  const made = new MadeHistory().connect('c', 'd').consume('c', 'q').consume('d', 'q')
  for (const counter of [0, 1, 2, 3]) made.publish(`w-${counter}`, ['q'])
  return made
}

test('in order, with gaps where another consumer has them, is no violation', () => {
  const made = sent().deliver('c', 'q', 'w-0').deliver('d', 'q', 'w-1').deliver('c', 'q', 'w-2')
  assert.deepEqual(rules(made), [])
})

test('a message that comes late', () => {
  const made = sent().deliver('c', 'q', 'w-1').deliver('c', 'q', 'w-0')
  assert.deepEqual(rules(made), [late])
})

test('writers and queues have no order among one another', () => {
  const made = sent().publish('v-0', ['q']).publish('w-4', ['other'])
  made.deliver('c', 'q', 'w-3').deliver('c', 'q', 'v-0').deliver('c', 'other', 'w-4')
  assert.deepEqual(rules(made.deliver('c', 'other', 'w-0')), [late])
})

test('a message that was given back comes late, and flagged', () => {
  const made = sent().deliver('d', 'q', 'w-0').deliver('c', 'q', 'w-1').nack('d', 'q', 'w-0')
  assert.deepEqual(rules(made.deliver('c', 'q', 'w-0', { redelivered: true })), [])
})

test('so does what another connection held when it ended, seen or not', () => {
  const made = sent().deliver('c', 'q', 'w-1').disconnect('d')
  assert.deepEqual(rules(made.deliver('c', 'q', 'w-0', { redelivered: true })), [])
})

test('and what it held when it ended shortly before, which the broker may notice late', () => {
  const made = (ms: number): MadeHistory => {
    const ended = sent().disconnect('d').pass(ms).connect('e').consume('e', 'q')
    return ended.deliver('e', 'q', 'w-1').deliver('e', 'q', 'w-0', { redelivered: true })
  }
  assert.deepEqual(rules(made(900)), [])
  assert.deepEqual(rules(made(1100)), [late])
})

test('the flag alone is no reason to come late', () => {
  const made = sent().deliver('c', 'q', 'w-1').deliver('c', 'q', 'w-0', { redelivered: true })
  assert.deepEqual(rules(made), [late])
})

test('after a crash everything comes in order, flagged or not', () => {
  const made = sent().deliver('c', 'q', 'w-1').crash().connect('e').consume('e', 'q')
  const flag = { redelivered: true }
  made.disconnect('c', 'info').deliver('e', 'q', 'w-0', flag).deliver('e', 'q', 'w-1', flag)
  assert.deepEqual(rules(made), [])
  assert.deepEqual(rules(made.deliver('e', 'q', 'w-3').deliver('e', 'q', 'w-2', flag)), [late])
})

test('a value that was sent again has no place in the order', () => {
  const made = sent().publish('w-0', ['q']).deliver('c', 'q', 'w-1').deliver('c', 'q', 'w-0')
  assert.deepEqual(rules(made), [])
})

test('records lie in the order of their producer', () => {
  const made = new MadeHistory()
  for (const counter of [0, 1, 2]) made.produce(`w-${counter}`, { off: counter })
  assert.deepEqual(rules(made), [])
})

test('a record that lies behind a later one', () => {
  const made = new MadeHistory().produce('w-0', { off: 1 }).produce('w-1', { off: 0 })
  assert.deepEqual(rules(made), ['C6 a record lies behind a later one of its producer'])
})

test('one that was sent again may, unless its producer is idempotent', () => {
  for (const idempotent of [false, true]) {
    const made = new MadeHistory().produce('w-0', { off: 5, idempotent, answer: 'info' })
    made.produce('w-1', { off: 0, idempotent }).produce('w-0', { off: 1, idempotent })
    const expected = idempotent ? ['C6 a record lies behind a later one of its producer'] : []
    assert.deepEqual(rules(made), expected)
  }
})

test('what a feed has carried keeps the order of its writer in each partition, and no other', () => {
  const made = sent().produce('k-0', { off: 0, part: 0 }).produce('k-1', { off: 0, part: 1 })
  made.produce('k-2', { off: 1, part: 1 })
  made.deliver('c', 'fed', 'k-1').deliver('c', 'fed', 'k-0').deliver('c', 'fed', 'k-2')
  assert.deepEqual(rules(made), [])
  made.produce('k-3', { off: 2, part: 1 }).produce('k-4', { off: 3, part: 1 })
  assert.deepEqual(rules(made.deliver('c', 'fed', 'k-4').deliver('c', 'fed', 'k-3')), [late])
})

test('a message that goes to a queue and a stream has its place among all of its writer in the queue', () => {
  const made = new MadeHistory().connect('c').consume('c', 'q')
  for (const [counter, part] of [1, 0].entries()) {
    made.publish(`w-${counter}`, ['q'], { partition: `out/${part}`, fed: ['back'] })
  }
  made.deliver('c', 'back', 'w-1').deliver('c', 'back', 'w-0')
  assert.deepEqual(rules(made), [])
  assert.deepEqual(rules(made.deliver('c', 'q', 'w-1').deliver('c', 'q', 'w-0')), [late])
})
