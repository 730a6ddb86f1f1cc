import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MadeHistory, rulesOf } from '../testing/made-history.ts'
import { checkDuplicates } from './duplicates.ts'
import { MS } from './violation.ts'

function rules(made: MadeHistory): string[] {
  return rulesOf(checkDuplicates(made.build(), { ackWindowNs: 1000 * MS }))
}

/** One message, delivered on `c`. */
function delivered(): MadeHistory {
  const made = new MadeHistory().connect('c').consume('c', 'q').publish('w-0', ['q'])
  return made.deliver('c', 'q', 'w-0')
}

function deliveredAgain(made: MadeHistory, conn: string): MadeHistory {
  return made.connect(conn).consume(conn, 'q').deliver(conn, 'q', 'w-0', { redelivered: true })
}

test('what was given back, or was out when its connection ended, comes again', () => {
  assert.deepEqual(rules(deliveredAgain(delivered().nack('c', 'q', 'w-0'), 'd')), [])
  assert.deepEqual(rules(deliveredAgain(delivered().disconnect('c'), 'd')), [])
  assert.deepEqual(rules(deliveredAgain(delivered().crash(), 'd')), [])
})

test('what was settled comes again', () => {
  assert.deepEqual(rules(deliveredAgain(delivered().ack('c', 'q', 'w-0'), 'd')), [
    'C4 delivered after it had been settled',
  ])
})

test('an ack that was a second old when the broker died is remembered, a younger one need not be', () => {
  const acked = (): MadeHistory => delivered().ack('c', 'q', 'w-0')
  assert.deepEqual(rules(deliveredAgain(acked().pass(990).crash(), 'd')), [])
  assert.deepEqual(rules(deliveredAgain(acked().pass(1010).crash(), 'd')), [
    'C4 delivered after it had been settled',
  ])
})

test('the same goes for an ack that its connection may not have brought over', () => {
  const acked = (): MadeHistory => delivered().ack('c', 'q', 'w-0')
  assert.deepEqual(rules(deliveredAgain(acked().disconnect('c'), 'd')), [])
  assert.deepEqual(rules(deliveredAgain(acked().pass(1010).disconnect('c'), 'd')), [
    'C4 delivered after it had been settled',
  ])
})

test('a crash is no excuse for what came again before it', () => {
  const made = deliveredAgain(delivered().ack('c', 'q', 'w-0'), 'd').crash()
  assert.deepEqual(rules(made), ['C4 delivered after it had been settled'])
})

test('what a client reads from the socket of a dead broker came before', () => {
  const made = new MadeHistory().connect('c').consume('c', 'q').publish('w-0', ['q']).crash()
  deliveredAgain(made, 'd').ack('d', 'q', 'w-0').deliver('c', 'q', 'w-0', { redelivered: true })
  assert.deepEqual(rules(made), [])
})

test('a second delivery without the flag', () => {
  const made = delivered().crash().connect('d').consume('d', 'q').deliver('d', 'q', 'w-0')
  assert.deepEqual(rules(made), ['C4 delivered again without the flag'])
})

test('a value that was sent twice may come twice without the flag, and not three times', () => {
  const made = delivered().ack('c', 'q', 'w-0').publish('w-0', ['q'])
  assert.deepEqual(rules(made.deliver('c', 'q', 'w-0')), [])
  assert.deepEqual(rules(made.nack('c', 'q', 'w-0').deliver('c', 'q', 'w-0')), [
    'C4 delivered again without the flag',
  ])
})

test('a first delivery with the flag, when nothing has been given back', () => {
  const made = new MadeHistory().connect('c').consume('c', 'q').publish('w-0', ['q'])
  assert.deepEqual(rules(made.deliver('c', 'q', 'w-0', { redelivered: true })), [
    'C4 flagged though nothing had been given back',
  ])
})

test('a first delivery with the flag, when another may have been lost on its way', () => {
  for (const end of ['cut', 'crash'] as const) {
    const made = new MadeHistory().connect('c').consume('c', 'q').publish('w-0', ['q'])
    if (end === 'cut') made.disconnect('c')
    else made.crash()
    assert.deepEqual(rules(deliveredAgain(made, 'd')), [])
  }
})

test('a record lies once, or as often as it was sent', () => {
  const once = new MadeHistory().produce('w-0', { off: 0 }).read('a', 'w-0', { off: 0 })
  assert.deepEqual(rules(once), [])
  assert.deepEqual(rules(once.read('a', 'w-0', { off: 1 })), [
    'C4 written more often than it was sent',
  ])
  assert.deepEqual(rules(once.produce('w-0', { off: 1 })), [])
})

test('an idempotent producer that sends again writes once', () => {
  const made = new MadeHistory().produce('w-0', { off: 0, idempotent: true, answer: 'info' })
  made.crash().produce('w-0', { off: 0, idempotent: true }).read('a', 'w-0', { off: 0 })
  assert.deepEqual(rules(made), [])
  assert.deepEqual(rules(made.read('a', 'w-0', { off: 1 })), [
    'C4 an idempotent producer wrote twice',
  ])
})

test('an idempotent producer is told that it is out of order', () => {
  const err = 'OUT_OF_ORDER_SEQUENCE_NUMBER'
  const made = new MadeHistory().produce('w-0', { off: 0, idempotent: true, answer: 'info', err })
  assert.deepEqual(rules(made), ['C4 an idempotent producer was forgotten'])
})
