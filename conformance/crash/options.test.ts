import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTortureOptions, tortureHelp } from './options.ts'

function read(...args: readonly string[]): ReturnType<typeof readTortureOptions> {
  return readTortureOptions(args, 42)
}

/** The words that stand for options that cannot be. */
function refusal(...args: readonly string[]): string {
  const read = readTortureOptions(args, 42)
  return typeof read === 'string' ? read : assert.fail('they were taken')
}

test('rounds, power cuts, and what is standard', () => {
  const options = read('--kill', '30')
  assert.ok(typeof options !== 'string')
  assert.deepEqual(
    [options.kills, options.powerCuts, options.seed, options.seconds, options.phase],
    [30, 0, 42, 5, null],
  )
  const power = read('--power', '100000', '--seed', '7')
  assert.ok(typeof power !== 'string')
  assert.deepEqual([power.kills, power.powerCuts, power.seed], [0, 100_000, 7])
})

test('a phase by its name', () => {
  const options = read('--kill=1', '--phase', 'cut')
  assert.equal(typeof options === 'string' ? options : options.phase, 'cut')
  assert.match(refusal('--kill=1', '--phase', 'lunch'), /no phase lunch.*recovery/)
})

test('nothing to do, a question, or what makes no sense is answered with words', () => {
  assert.equal(read(), tortureHelp)
  assert.equal(read('--help'), tortureHelp)
  assert.match(refusal('--kill', 'many'), /whole number/)
  assert.match(refusal('--kil', '3'), /--kil/)
})
