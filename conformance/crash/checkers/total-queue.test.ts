import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DRAIN_READER } from '../history/event.ts'
import { MadeHistory, rulesOf } from '../testing/made-history.ts'
import { checkTotalQueue } from './total-queue.ts'

function rules(made: MadeHistory): string[] {
  return rulesOf(checkTotalQueue(made.build()))
}

/** Taken for good. */
function take(made: MadeHistory, ...vals: readonly string[]): MadeHistory {
  for (const val of vals) made.deliver('c', 'q', val).ack('c', 'q', val)
  return made
}

test('what was confirmed and taken is no violation', () => {
  const made = new MadeHistory().connect('c').publish('w-0', ['q']).publish('w-1', ['q'])
  assert.deepEqual(rules(take(made, 'w-0', 'w-1').drained('q')), [])
})

for (const [lost, where] of [
  [0, 'prefix'],
  [1, 'middle'],
  [2, 'postfix'],
] as const) {
  test(`a confirmed message that never comes is lost: ${where}`, () => {
    const made = new MadeHistory().connect('c')
    const vals = [0, 1, 2].map((counter) => `w-${counter}`)
    for (const val of vals) made.publish(val, ['q'])
    take(made, ...vals.filter((_, counter) => counter !== lost)).drained('q')
    assert.deepEqual(rules(made), [`C1 lost, ${where}`])
  })
}

test('each queue that a message was routed to must give it', () => {
  const made = new MadeHistory().connect('c').publish('w-0', ['q', 'other'])
  assert.deepEqual(rules(take(made, 'w-0').drained('q').drained('other')), ['C1 lost, postfix'])
})

test('nobody asks for what may still be in the queue', () => {
  assert.deepEqual(rules(new MadeHistory().publish('w-0', ['q'])), [])
})

test('a message without an answer may come or not', () => {
  const made = new MadeHistory().connect('c').publish('w-0', ['q'], { answer: 'info' })
  made.publish('w-1', ['q'], { answer: 'invoke' })
  assert.deepEqual(rules(take(made, 'w-1').drained('q')), [])
})

test('a delivery that was not settled does not count, the message must come again', () => {
  const made = new MadeHistory().connect('c').publish('w-0', ['q']).deliver('c', 'q', 'w-0')
  assert.deepEqual(rules(made.disconnect('c').drained('q')), ['C1 lost after it was delivered'])
})

test('a reject without requeue settles, one with it does not', () => {
  for (const requeue of [true, false]) {
    const made = new MadeHistory().connect('c').publish('w-0', ['q']).deliver('c', 'q', 'w-0')
    made.log('invoke', { f: 'reject', proto: 'amqp', conn: 'c', q: 'q', val: 'w-0', requeue })
    const expected = requeue ? ['C1 lost after it was delivered'] : []
    assert.deepEqual(rules(made.drained('q')), expected)
  }
})

test('a transient message may be lost by a crash, and by nothing else', () => {
  const made = (): MadeHistory => new MadeHistory().publish('w-0', ['q'], { persistent: false })
  assert.deepEqual(rules(made().crash().drained('q')), [])
  assert.deepEqual(rules(made().drained('q')), ['C1 lost, postfix'])
  assert.deepEqual(rules(new MadeHistory().crash().publish('w-0', ['q']).drained('q')), [
    'C1 lost, postfix',
  ])
})

test('what nobody sent, or sent elsewhere, is unexpected', () => {
  const made = new MadeHistory().connect('c').publish('w-0', ['other'])
  made.deliver('c', 'q', 'w-0').deliver('c', 'q', 'x-7')
  assert.deepEqual(rules(made), [
    'C1 unexpected: it was sent elsewhere',
    'C1 unexpected: nobody sent it',
  ])
})

test('what was refused is unexpected, unless another attempt was not', () => {
  const made = new MadeHistory().connect('c').publish('w-0', ['q'], { answer: 'fail' })
  assert.deepEqual(rules(made.deliver('c', 'q', 'w-0')), ['C1 unexpected: it had been refused'])
  made.publish('w-0', ['q'], { answer: 'info' })
  assert.deepEqual(rules(made), [])
})

test('a body that is broken, or of another length, is no delivery of it', () => {
  const made = new MadeHistory().connect('c').publish('w-0', ['q'])
  made.deliver('c', 'q', 'w-0', { bytes: 5 }).deliver('c', 'q', 'w-0', { err: 'cut' })
  assert.deepEqual(rules(made), ['C1 broken: its length is not what was sent', 'C1 broken: cut'])
})

test('what lay in a queue goes with it and does not come back', () => {
  const made = new MadeHistory().connect('c').publish('w-0', ['q']).publish('w-1', ['q'])
  made.define('delete', 'q', 'ok').define('declare', 'q', 'ok')
  assert.deepEqual(rules(take(made, 'w-1').drained('q')), [
    'C1 unexpected: it lay in a queue that was deleted',
  ])
})

test('while nobody knows whether the queue was deleted, both are right', () => {
  const made = new MadeHistory().connect('c').publish('w-0', ['q']).publish('w-1', ['q'])
  made.define('delete', 'q', 'info').define('declare', 'q', 'ok')
  assert.deepEqual(rules(take(made, 'w-1').drained('q')), [])
})

test('a queue that could not be drained is a violation of its own', () => {
  const made = new MadeHistory().log('fail', { f: 'drained', proto: 'amqp', name: 'q', err: 'x' })
  assert.deepEqual(rules(made), ['C1 not drained'])
})

test('without acks, what was on its way when the connection ended is lost by agreement', () => {
  const made = new MadeHistory().connect('c').consume('c', 'q', { auto: true })
  for (const counter of [0, 1, 2]) made.publish(`w-${counter}`, ['q'])
  made.deliver('c', 'q', 'w-0', { auto: true })
  assert.deepEqual(rules(made.disconnect('c').drained('q')), [])
})

test('without acks, what a later message of its writer has passed is lost', () => {
  const made = new MadeHistory().connect('c').consume('c', 'q', { auto: true })
  for (const counter of [0, 1, 2]) made.publish(`w-${counter}`, ['q'])
  made.deliver('c', 'q', 'w-0', { auto: true }).deliver('c', 'q', 'w-2', { auto: true })
  assert.deepEqual(rules(made.crash().drained('q')), ['C1 lost, middle'])
})

test('without acks, what was sent when the consumer was gone is lost', () => {
  const made = new MadeHistory().connect('c').consume('c', 'q', { auto: true }).disconnect('c')
  made.pass(500).publish('v-0', ['q']).pass(500).publish('w-0', ['q']).drained('q')
  // The broker may have noticed late, but not as late as that.
  assert.deepEqual(rulesOf(checkTotalQueue(made.build())), ['C1 lost, postfix'])
})

test('a confirmed record must lie in its partition at the end, whoever had read it before', () => {
  const made = new MadeHistory().produce('w-0', { off: 0 }).produce('w-1', { off: 1 })
  made.read('r', 'w-0', { off: 0 }).read('r', 'w-1', { off: 1 })
  made.read(DRAIN_READER, 'w-1', { off: 1 }).drained('log/0')
  assert.deepEqual(rules(made), ['C1 lost after it was delivered'])
})

test('a record below the log start is not asked for, one at it is', () => {
  const made = new MadeHistory().produce('w-0', { off: 0 }).produce('w-1', { off: 1 })
  made.log('ok', { f: 'drained', proto: 'kafka', name: 'log/0', start: 1 })
  assert.deepEqual(rules(made), ['C1 lost, postfix'])
})

test('what the last reading does not find is lost, although the one before it did', () => {
  const made = new MadeHistory().produce('w-0', { off: 0 }).seek(DRAIN_READER, 0)
  made.read(DRAIN_READER, 'w-0', { off: 0 }).crash().seek(DRAIN_READER, 0).drained('log/0')
  assert.deepEqual(rules(made), ['C1 lost after it was delivered'])
})

test('a reading that was broken off asks for nothing', () => {
  const made = new MadeHistory().produce('w-0', { off: 0 }).seek(DRAIN_READER, 0)
  made.read(DRAIN_READER, 'w-0', { off: 0 }).drained('log/0').seek(DRAIN_READER, 0).crash()
  assert.deepEqual(rules(made), [])
})

test('what goes to a queue and a stream must be in both, and where a feed leads from there', () => {
  const ways = { partition: 'out/1', fed: ['back'] }
  const made = (): MadeHistory => new MadeHistory().connect('c').publish('w-0', ['q'], ways)
  const lay = { off: 7, topic: 'out', part: 1 }
  const inAll = take(made(), 'w-0').read(DRAIN_READER, 'w-0', lay).deliver('c', 'back', 'w-0')
  inAll.ack('c', 'back', 'w-0').drained('q').drained('out/1').drained('back')
  assert.deepEqual(rules(inAll), [])
  assert.deepEqual(rules(take(made(), 'w-0').drained('q').drained('out/1').drained('back')), [
    'C1 lost, postfix',
    'C1 lost, postfix',
  ])
})

test('a transient message is kept by a stream, and by the queue that is fed from it', () => {
  const ways = { persistent: false, partition: 'out/1', fed: ['back'] }
  const made = new MadeHistory().publish('w-0', ['q'], ways).crash()
  assert.deepEqual(rules(made.drained('q').drained('out/1').drained('back')), [
    'C1 lost, postfix',
    'C1 lost, postfix',
  ])
})

test('a record in another partition than its routing key belongs to was sent elsewhere', () => {
  const made = new MadeHistory().publish('w-0', [], { partition: 'out/1' })
  made.read('r', 'w-0', { off: 0, topic: 'out', part: 0 })
  assert.deepEqual(rules(made), ['C1 unexpected: it was sent elsewhere'])
})
