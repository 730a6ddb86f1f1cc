import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DRAIN_READER } from '../history/event.ts'
import { MadeHistory, rulesOf } from '../testing/made-history.ts'
import { MS } from './violation.ts'
import { checkCrossing } from './crossing.ts'

const WINDOW_MS = 100
const twice = 'C10 carried more than once'
const again = 'C10 carried again after it had been settled'
const missing = 'C10 not carried'
const behind = 'C10 a record lies behind a later one of its partition'
const madeUp = 'C10 carried, but it is not in the stream'

function rules(made: MadeHistory): string[] {
  return rulesOf(checkCrossing(made.build(), { ackWindowNs: WINDOW_MS * MS }))
}

/** Records of one writer, all in partition 0 of `log`, that a feed carries to the queue q. */
function produced(...vals: readonly string[]): MadeHistory {
  const made = new MadeHistory().connect('c', 'd').feed(['q'])
  for (const [off, val] of vals.entries()) made.produce(val, { off, fed: ['q'] })
  return made
}

function take(made: MadeHistory, ...vals: readonly string[]): MadeHistory {
  for (const val of vals) made.deliver('c', 'q', val).ack('c', 'q', val)
  return made
}

test('each record of the stream taken from the queue once, in order, is no violation', () => {
  const made = take(produced('w-0', 'w-1'), 'w-0', 'w-1').drained('q')
  assert.deepEqual(rules(made.readWhole('log', 0, ['w-0', 'w-1'])), [])
})

test('a record that is in the stream must have been carried, confirmed or not', () => {
  const made = produced('w-0').produce('w-1', { off: 1, answer: 'info', fed: ['q'] })
  take(made, 'w-0').drained('q').readWhole('log', 0, ['w-0', 'w-1'])
  assert.deepEqual(rules(made), [missing])
})

test('one that was delivered and not taken for good is not carried', () => {
  const made = produced('w-0').deliver('c', 'q', 'w-0').disconnect('c').drained('q')
  assert.deepEqual(rules(made.readWhole('log', 0, ['w-0'])), [missing])
})

test('a queue that could not be emptied may still have it', () => {
  const made = produced('w-0').log('fail', { f: 'drained', proto: 'amqp', name: 'q', err: 'x' })
  assert.deepEqual(rules(made.readWhole('log', 0, ['w-0'])), [])
})

test('a second delivery without the flag is a second copy', () => {
  const made = take(produced('w-0'), 'w-0').deliver('d', 'q', 'w-0').drained('q')
  assert.ok(rules(made.readWhole('log', 0, ['w-0'])).includes(twice))
})

test('so it is if the producer had sent the record twice and it was written once', () => {
  const made = produced('w-0').produce('w-0', { off: 0, idempotent: true, fed: ['q'] })
  take(made, 'w-0', 'w-0').drained('q').readWhole('log', 0, ['w-0'])
  assert.ok(rules(made).includes(twice))
})

test('a record that was written twice comes twice, and at any time', () => {
  const made = produced('w-0', 'w-1').produce('w-0', { off: 2, fed: ['q'] })
  take(made, 'w-0', 'w-1', 'w-0').drained('q')
  assert.deepEqual(rules(made.readWhole('log', 0, ['w-0', 'w-1', 'w-0'])), [])
  const one = produced('w-0').produce('w-0', { off: 1, fed: ['q'] })
  take(one, 'w-0').drained('q').readWhole('log', 0, ['w-0', 'w-0'])
  assert.deepEqual(rules(one), [missing])
})

test('a delivery that was given back comes again, flagged', () => {
  const made = produced('w-0').deliver('c', 'q', 'w-0').disconnect('c')
  made.deliver('d', 'q', 'w-0', { redelivered: true }).ack('d', 'q', 'w-0').drained('q')
  assert.deepEqual(rules(made.readWhole('log', 0, ['w-0'])), [])
})

test('what had been settled for longer than the window does not come again, flagged or not', () => {
  for (const [ms, expected] of [
    [WINDOW_MS / 2, []],
    [WINDOW_MS * 2, [again]],
  ] as const) {
    const made = take(produced('w-0'), 'w-0').pass(ms).crash().connect('e').consume('e', 'q')
    made.deliver('e', 'q', 'w-0', { redelivered: true }).ack('e', 'q', 'w-0').drained('q')
    assert.deepEqual(rules(made.readWhole('log', 0, ['w-0'])), expected)
  }
})

test('what is in the queue must be in the stream at the end', () => {
  const made = produced('w-0').produce('w-1', { off: 1, answer: 'info', fed: ['q'] })
  take(made, 'w-0', 'w-1').drained('q').readWhole('log', 0, ['w-0'])
  assert.deepEqual(rules(made), [madeUp])
})

test('only a reading that was brought to its end says what is not there', () => {
  const made = take(produced('w-0'), 'w-0').drained('q').readWhole('log', 0, ['w-0'])
  made.log('ok', { f: 'seek', reader: DRAIN_READER, topic: 'log', part: 0, off: 0 })
  assert.deepEqual(rules(made), [])
})

test('the records of a partition come to each consumer in order, whoever wrote them', () => {
  const made = produced('w-0', 'v-0', 'w-1').consume('c', 'q').consume('d', 'q')
  made.deliver('c', 'q', 'v-0').deliver('d', 'q', 'w-1').deliver('c', 'q', 'w-0')
  made.readWhole('log', 0, ['w-0', 'v-0', 'w-1'])
  assert.deepEqual(rules(made), ['C10 a record comes after a later one of its partition'])
})

test('a record that was given back may come late', () => {
  const made = produced('w-0', 'w-1').consume('c', 'q').consume('d', 'q')
  made.deliver('d', 'q', 'w-0').deliver('c', 'q', 'w-1').disconnect('d')
  made.deliver('c', 'q', 'w-0', { redelivered: true })
  assert.deepEqual(rules(made.readWhole('log', 0, ['w-0', 'w-1'])), [])
})

test('partitions have no order among one another', () => {
  const made = produced('w-0', 'w-1').produce('w-2', { off: 0, part: 1, fed: ['q'] })
  take(made, 'w-0', 'w-2', 'w-1').drained('q')
  made.readWhole('log', 0, ['w-0', 'w-1']).readWhole('log', 1, ['w-2'])
  assert.deepEqual(rules(made), [])
})

/** What a feed from `log` into the stream `copy` has come to, in copy's partitions. */
function copied(source: readonly string[], ...copies: readonly (readonly string[])[]): string[] {
  const made = new MadeHistory().feed([], ['copy']).readWhole('log', 0, source)
  for (const [part, vals] of copies.entries()) made.readWhole('copy', part, vals)
  return rules(made)
}

test('a feed into another stream carries everything once, to whichever partition', () => {
  const source = ['w-0', 'w-1', 'w-2', 'w-3']
  assert.deepEqual(copied(source, ['w-0', 'w-3'], ['w-1', 'w-2']), [])
  assert.deepEqual(copied(source, ['w-0', 'w-3'], ['w-1']), [missing])
  assert.deepEqual(copied(source, ['w-0', 'w-3'], ['w-1', 'w-2', 'w-0']), [twice, behind])
  assert.deepEqual(copied(source, ['w-0', 'w-3'], ['w-1', 'w-2', 'x-0']), [madeUp])
  assert.deepEqual(copied(source, ['w-3', 'w-0'], ['w-1', 'w-2']), [behind])
})

test('a history without feeds has nothing to cross', () => {
  assert.deepEqual(rules(new MadeHistory().produce('w-0', { off: 0 })), [])
})
