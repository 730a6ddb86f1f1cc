/**
 * Every example runs as a person runs it: a process of its own, which ends by itself. Each checks its own claim, so its
 * exit code says whether that held; here it is seen to it that it also says what it is about.
 */
import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { openBroker } from './support/broker.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const PATIENCE_MS = 60_000

/** Runs an example; rejects with what it printed if it does not end well and in time. */
async function run(file: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { PATH = '' } = process.env
  // What Node and kafkajs have to say to whoever uses them the first time.
  const quiet = { NODE_NO_WARNINGS: '1', KAFKAJS_NO_PARTITIONER_WARNING: '1' }
  const options = { timeout: PATIENCE_MS, env: { PATH, ...quiet, ...env } }
  const [script, ...args] = file.split(' ')
  const child = promisify(execFile)(process.execPath, [`${here}${script}`, ...args], options)
  try {
    const { stdout, stderr } = await child
    assert.equal(stderr, '', 'nothing on the error output')
    return stdout
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${file} failed\n${stdout}${stderr}`, { cause: error })
  }
}

/** What the last lines say, or some of those before. */
const claims: Readonly<Record<string, RegExp>> = {
  'basics/adding-workers-under-load.ts': /times as fast/,
  'basics/at-least-once.ts': /None was lost, and one was done twice/,
  'basics/at-most-once.ts': /7 messages were never worked through/,
  'basics/buffering-a-burst.ts': /all done in order/,
  'basics/crossing.ts': /kafkajs reads offset 0: a cake[^]*each side has read what the other/,
  'basics/exactly-once-handling.ts': /4 deliveries, 25 euros/,
  'basics/exactly-once-sending.ts': /ordinary .*: 2 records\nidempotent .*: 1 record\n/,
  'basics/filtering.ts': /bike takes a letter[^]*truck takes a piano/,
  'basics/point-to-point.ts': /each task was done once/,
  'basics/publish-subscribe-log.ts': /latecomer reads offset 0: the shop is open/,
  'basics/publish-subscribe.ts': /latecomer reads: the shop closes at eight/,
  'basics/request-reply.ts': /each got its own answer/,
  'basics/routing.ts': /kitchen .* gets order\.cake\.france/,
  'demo/demo.mjs --seconds 3': /office +kafkajs +logs as offset 0[^]*What to try next/,
  'crawler/main.ts': /pages that were lost +[1-9]\d* +0\n/,
  'shop/main.ts': /orders that were lost +[1-9]\d* +0\n/,
}

// Most of their time they wait: several at once, on two cores as well.
describe('examples', { concurrency: 3 }, () => {
  for (const [file, claim] of Object.entries(claims)) {
    test(`${file} ends well and shows what it claims`, async () => {
      assert.match(await run(file), claim)
    })
  }

  for (const [file, line] of [
    ['clients/amqplib.ts', /^Hello from amqplib\n$/],
    ['clients/rabbitmq-client.ts', /^Hello from rabbitmq-client\n$/],
    ['clients/kafkajs.ts', /offset 0: Hello from kafkajs\n/],
    ['clients/platformatic-kafka.ts', /^offset 0: Hello from @platformatic\/kafka\n$/],
  ] as const) {
    test(`${file} talks to a broker that runs already`, async (t) => {
      const broker = await openBroker()
      t.after(() => broker.close())
      const env = { AMQP_URL: broker.amqpUrl, KAFKA_BROKERS: broker.kafkaAddress }
      assert.match(await run(file, env), line)
    })
  }
})

/** Starts the demo and calls `look` with all that it has printed so far, until it ends. Resolves with its last words. */
async function watchDemo(
  t: TestContext,
  env: Readonly<Record<string, string>>,
  look: (text: string, child: ChildProcess) => void,
): Promise<string> {
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, [`${here}demo/demo.mjs`, '--seconds', '60'], {
    env: { PATH, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.after(() => child.kill('SIGKILL'))
  const ended = once(child, 'close')
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += chunk
    look(text, child)
  }
  assert.deepEqual(await ended, [0, null])
  return text
}

/** Calls once, however often it is asked. */
function onlyOnce(call: () => unknown): () => void {
  let isCalled = false
  return () => {
    if (!isCalled) call()
    isCalled = true
  }
}

test('Ctrl-C ends the demo with a word and leaves nothing', async (t) => {
  const broker = await openBroker()
  t.after(() => broker.close())
  const { amqpUrl: AMQP_URL, kafkaAddress: KAFKA_BROKERS } = broker
  // A second Ctrl-C would not wait for it to close.
  const interrupt = onlyOnce(() => demo?.kill('SIGINT'))
  let demo: ChildProcess | undefined
  const text = await watchDemo(t, { AMQP_URL, KAFKA_BROKERS }, (printed, child) => {
    demo = child
    if (/office +kafkajs/.test(printed)) interrupt()
  })
  assert.match(text, /What to try next/)
  const admin = new Kafka({ brokers: [KAFKA_BROKERS], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  assert.deepEqual(await admin.listTopics(), [])
  await admin.disconnect()
})

test('who does what the demo proposes takes part in it', async (t) => {
  const bin = fileURLToPath(new URL('../packages/broker/bin/polymq.js', import.meta.url))
  let demo: ChildProcess | undefined
  let proposed = ''
  const takePart = onlyOnce(() => {
    const command = proposed.replace('npm exec -- polymq', `"${process.execPath}" "${bin}"`)
    spawn('sh', ['-c', command], { stdio: 'ignore' })
  })
  const interrupt = onlyOnce(() => demo?.kill('SIGINT'))
  const text = await watchDemo(t, {}, (printed, child) => {
    demo = child
    proposed = /npm exec -- polymq pub .*/.exec(printed)?.[0] ?? ''
    if (/office +kafkajs/.test(printed)) takePart()
    if (/office .*a cake for me/.test(printed)) interrupt()
  })
  assert.match(text, /kitchen +amqplib +has the order "a cake for me"/)
})

test('the demo says what it knows when it is asked for something else', async () => {
  await assert.rejects(run('demo/demo.mjs --second 3'), /knows one option, --seconds/)
})

test('the basics run against a broker that runs already, twice, and leave nothing in each other’s way', async (t) => {
  const broker = await openBroker()
  t.after(() => broker.close())
  const env = { AMQP_URL: broker.amqpUrl, KAFKA_BROKERS: broker.kafkaAddress }
  for (const file of [
    'basics/routing.ts',
    'basics/at-least-once.ts',
    'basics/exactly-once-sending.ts',
  ]) {
    await run(file, env)
    await run(file, env)
  }
})

test('every example is run here and listed in the README', () => {
  const readme = readFileSync(`${here}README.md`, 'utf8')
  const files = globSync('{basics,clients}/*.ts', { cwd: here })
  assert.ok(files.length > 10)
  for (const file of [...files, 'shop/main.ts', 'crawler/main.ts', 'demo/demo.mjs']) {
    assert.ok(readme.includes(`(${file})`), `${file} is not in examples/README.md`)
    if (file.startsWith('basics/')) assert.ok(file in claims, `${file} is not run by a test`)
  }
})
