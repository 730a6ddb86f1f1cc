import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Case } from './case.ts'
import { Report } from './report.ts'
import { runCase } from './run-case.ts'

const nowhere = {
  broker: { amqpUrl: '', kafka: '', nats: '', redis: '', natsServer: [] },
  tools: {
    'amqp-tools': '',
    kcat: '',
    'redis-tools': '',
    'python3-pika': '',
    'python3-confluent-kafka': '',
    'python3-redis': '',
    'nats-py': '',
  },
}

function node(script: string): { readonly file: string; readonly args: readonly string[] } {
  return { file: process.execPath, args: ['-e', script] }
}

async function failureOf(run: Case['run'], deadlineMs = 10_000): Promise<string | null> {
  return (await runCase({ name: 'a case', deadlineMs, run }, nowhere)).failure
}

test('a case passes whose clients exit as they should', async () => {
  const failure = await failureOf(async ({ run }) => {
    assert.equal((await run(node('console.log("said")'))).stdout, 'said\n')
    await run({ ...node('process.exit(3)'), exits: 3 })
    await run({ ...node('process.exit(3)'), exits: 'failure' })
  })
  assert.equal(failure, null)
})

test('a case fails whose client exits otherwise, and the failure has all that the client said', async () => {
  const failure = await failureOf(async ({ run }) => {
    await run(node('console.log("out"); console.error("err"); process.exit(2)'))
  })
  assert.match(failure ?? '', /was to exit with 0, not 2\n\$ .*\n\| out\n! err/)
})

test('a program that is not there is a failure, not a crash', async () => {
  const failure = await failureOf(async ({ run }) => {
    await run({ file: '/nonexistent/client', args: [] })
  })
  assert.match(failure ?? '', /ENOENT/)
})

test('a case that misses its deadline fails, and its clients are ended with all they started', async () => {
  // The grandchild holds the output open: were it left alive, its parent's output would never end.
  const script = `
    const sleep = ['-e', 'setInterval(() => {}, 1e6)']
    require('node:child_process').spawn(process.execPath, sleep, { stdio: 'inherit' })
    setInterval(() => {}, 1e6)`
  const failure = await failureOf(async ({ start }) => {
    await start(node(script)).ended
  }, 500)
  assert.match(failure ?? '', /^not done in 500 ms\n\$ .*still running/s)
})

test('the report ends with what was skipped and why, and the sums alone on the last line', () => {
  const lines: string[] = []
  const report = new Report((line) => lines.push(line))
  report.add({ name: 'good', durationMs: 100, failure: null })
  report.skip(2, 'no kcat')
  report.skip(3, 'no kcat')
  report.close()
  assert.deepEqual(lines.slice(-2), ['5 skipped: no kcat', '1 passed, 0 failed, 5 skipped'])
  assert.equal(report.hasFailures, false)
})
