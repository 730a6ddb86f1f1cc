/**
 * Five rounds of load and `kill -9`, short ones: `npm run torture` has the long ones. Then what that
 * load would not have noticed: the checkers have to find every misbehaviour in this very history.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { randomFromEnvironment } from '../amqp/random.ts'
import { checkOne, standardChecks } from './checkers/all.ts'
import { violationLines } from './report.ts'
import { runOnce, type RunOptions, type RunResult } from './run.ts'
import { sabotage, sabotages } from './testing/sabotage.ts'

const { seed } = randomFromEnvironment()

function optionsFor(more: Partial<RunOptions>): RunOptions {
  const directory = fs.mkdtempSync(join(tmpdir(), 'polymq-kill-'))
  return {
    seed,
    directory,
    rounds: 5,
    // Some sabotage needs a life that goes on for more than a second after a delivery.
    loadMsMin: 1800,
    loadMsMax: 2600,
    phase: null,
    perSecond: 1000,
    cutsPerMinute: 20,
    bytesMax: 1_048_576,
    slotBytes: 4_194_304,
    isInMemory: false,
    isAmqpOnly: false,
    brokerArgs: [],
    keepsCopies: false,
    checks: standardChecks,
    ...more,
  }
}

/** What a failure was found in is kept. */
function remove({ directory }: RunOptions): void {
  fs.rmSync(directory, { recursive: true, force: true })
}

function assertNoViolation({ violations }: RunResult, { directory }: RunOptions): void {
  const again = `POLYMQ_TEST_SEED=${seed}, data and histories in ${directory}`
  assert.equal(violations.length, 0, [again, ...violationLines(violations)].join('\n'))
}

test('what was confirmed survives five kills under load', async (t) => {
  const options = optionsFor({})
  const result = await runOnce(options)
  assertNoViolation(result, options)
  let foundOut = 0
  for (const each of sabotages) {
    await t.test(`and a broker that ${each.name} would have been found out`, () => {
      const history = sabotage(result.history, each)
      assert.ok(history !== null, 'the load gave no occasion')
      const found = checkOne(each.check, history).map(({ rule }) => rule)
      assert.ok(
        found.some((rule) => each.found.test(rule)),
        `${each.check} found: ${found.join(', ')}`,
      )
      foundOut += 1
    })
  }
  if (foundOut === sabotages.length) remove(options)
})

test('a broker that keeps nothing is found out by one kill', async () => {
  const load = { rounds: 1, loadMsMin: 500, loadMsMax: 500, isInMemory: true, isAmqpOnly: true }
  const options = optionsFor(load)
  const { violations } = await runOnce(options)
  const found = new Set(violations.map(({ check }) => check))
  assert.ok(found.has('C8'), violationLines(violations).join('\n'))
  remove(options)
})
