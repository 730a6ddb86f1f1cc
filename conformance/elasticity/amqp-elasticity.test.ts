/** Adding workers, taking a burst, and coming and going, through a stock client: what docs call elastic, measured. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { randomFromEnvironment } from '../amqp/random.ts'
import { Command } from '../app/command.ts'
import { uniqueName } from '../clients/support/amqp-broker.ts'
import { measureBurst } from './burst.ts'
import { checkChurn } from './churn-check.ts'
import { measureChurn } from './churn.ts'
import { measureScaling } from './scaling.ts'

const WORK_MS = 1
/** Nothing is done for so long only if something stalls; a busy machine is slow, but not that slow. */
const GAP_MS_MAX = 2000

/** A process of its own: what is measured is the broker, not its sharing a loop with the workers. */
async function startBroker(t: TestContext): Promise<string> {
  return (await Command.start(t)).amqpUrl
}

test('four workers with 1 ms of work do at least 3.5 times as much as one', async (t) => {
  const url = await startBroker(t)
  const options = { url, queue: uniqueName('scaling'), messages: 400, workMs: WORK_MS }
  const scaling = await measureScaling(options, { ratioWanted: 3.5, atLeast: 3, atMost: 9 })
  const { onePerSecond, fourPerSecond, ratio, rounds } = scaling
  t.diagnostic(
    `${onePerSecond.toFixed(0)} and ${fourPerSecond.toFixed(0)} messages/s: ${ratio.toFixed(2)} times; rounds: ${rounds}`,
  )
  assert.ok(ratio >= 3.5, `${ratio}`)
})

test('a burst of ten times what the worker does is taken, and done in order', async (t) => {
  const url = await startBroker(t)
  const queue = uniqueName('burst')
  const messages = 4000
  const burst = await measureBurst({ url, queue, messages, publishers: 4, workMs: WORK_MS })
  const { publishedPerSecond, consumedPerSecond, ratio, doneInBurst, drainMs } = burst
  t.diagnostic(
    `${publishedPerSecond.toFixed(0)} messages/s came, ${consumedPerSecond.toFixed(0)} were done: ` +
      `${ratio.toFixed(1)} times; ${doneInBurst} done in the burst, the rest in ${drainMs.toFixed(0)} ms`,
  )
  assert.ok(ratio >= 10, `${ratio}`)
  assert.ok(doneInBurst < messages / 10, `${doneInBurst}`)
})

test('workers and publishers that come and go, half of them without a word, lose and stall nothing', async (t) => {
  const url = await startBroker(t)
  const { seed } = randomFromEnvironment()
  t.diagnostic(`POLYMQ_TEST_SEED=${seed}`)
  const queue = uniqueName('churn')
  const churn = await measureChurn({ url, queue, seed, messages: 6000, workMs: WORK_MS })
  t.diagnostic(JSON.stringify(churn))
  assert.ok(churn.connections >= 100, `${churn.connections} connections`)
  assert.ok(churn.connectionsLost >= 20, `${churn.connectionsLost} lost`)
  assert.ok(churn.longestGapMs < GAP_MS_MAX, `${churn.longestGapMs} ms without a message`)
})

test('the check itself sees what is lost, doubled, invented or out of order', () => {
  const done = (value: string, redelivered: boolean = false, atMs: number = 0) => {
    return { value, redelivered, atMs }
  }
  const publisher = { sent: ['a 0', 'a 1', 'a 2'], confirmed: ['a 0', 'a 1'] }
  const check = (...lives: ReturnType<typeof done>[][]): number => {
    return checkChurn(
      [publisher],
      lives.map((each) => ({ done: each })),
    )
  }
  assert.equal(check([done('a 0'), done('a 1')]), 0)
  assert.equal(check([done('a 0')], [done('a 1'), done('a 0', true, 1)]), 1)
  assert.throws(() => check([done('a 0')]), /1 confirmed messages are lost: a 1/)
  assert.throws(
    () => check([done('a 0'), done('a 1')], [done('a 0', false, 1)]),
    /not as redelivered/,
  )
  assert.throws(() => check([done('a 0'), done('a 1'), done('a 3')]), /'a 3' was never sent/)
  assert.throws(() => check([done('a 1'), done('a 0')]), /'a 0' came after 1/)
})
