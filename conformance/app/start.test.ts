/** What a start costs, and what it survives. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connect } from 'amqplib'
import { eventually } from '../clients/support/eventually.ts'
import { Command, findFreePort, freePorts, makeFolder } from './command.ts'

/** The goals are 300 ms and 80 MiB; a machine that runs other tests beside this one gets twice that. */
const READY_MS_MAX = 2 * 300
const RSS_MIB_MAX = 2 * 80

interface Measured {
  readonly readyMs: number
  readonly rssMiB: number | null
}

/** The median of five starts after the first. */
async function measure(args: readonly string[]): Promise<Measured> {
  const script = fileURLToPath(new URL('../../scripts/measure-start.mjs', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--json', ...args])
  return JSON.parse(stdout) as Measured
}

test('ready soon and small when idle: the median of five starts after the first', async (t) => {
  const { readyMs, rssMiB } = await measure([])
  t.diagnostic(`ready in ${readyMs} ms, ${rssMiB} MiB idle`)
  assert.ok(readyMs <= READY_MS_MAX, `${readyMs} ms`)
  assert.ok(rssMiB === null || rssMiB <= RSS_MIB_MAX, `${rssMiB} MiB`)
})

test('a server with nothing in its data directory is ready as soon', async (t) => {
  const { readyMs, rssMiB } = await measure(['server', `--data=${await makeFolder()}`])
  t.diagnostic(`ready in ${readyMs} ms, ${rssMiB} MiB idle`)
  assert.ok(readyMs <= READY_MS_MAX, `${readyMs} ms`)
})

/** Tells stderr of every file of the broker that is loaded. */
const tellLoads = `
import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    if (url.includes('/packages/broker/')) console.error('load ' + url)
    return next(url, context)
  },
})`

test('nothing is loaded for what is off', async (t) => {
  const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(tellLoads)}`]
  const loaded = async (args: readonly string[]): Promise<string> => {
    const command = await Command.start(t, { args, nodeArgs })
    return command.stderr
  }
  const amqpOnly = await loaded([
    '--amqp-port=0',
    '--kafka-port=off',
    '--nats-port=off',
    '--redis-port=off',
  ])
  assert.match(amqpOnly, /protocols\/amqp\/session/)
  assert.doesNotMatch(amqpOnly, /protocols\/kafka\/(session|head|codec)/)
  assert.doesNotMatch(amqpOnly, /protocols\/nats\/(session|head|publishing)/)
  assert.doesNotMatch(amqpOnly, /protocols\/redis\/(session|head|publishing)/)
  const kafkaOnly = await loaded(['--kafka-port=0', '--amqp-port=off'])
  assert.match(kafkaOnly, /protocols\/kafka\/session/)
  assert.doesNotMatch(kafkaOnly, /protocols\/amqp\/(session|head|codec\/\w+-methods)/)
  const neither = Command.run(t, { args: ['version'], nodeArgs })
  await neither.ended
  assert.match(neither.stderr, /app\/main/)
  assert.doesNotMatch(neither.stderr, /protocols|core\/broker|\/index\./)
})

test('until somebody asks the control API, neither HTTP nor what answers it is loaded', async (t) => {
  const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(tellLoads)}`]
  const command = await Command.start(t, { nodeArgs })
  assert.match(command.stderr, /admin\/control-listener/)
  assert.doesNotMatch(command.stderr, /admin\/(http-front|control-app|routes)|load \S+fastify/)
  const [url] = /http:\/\/localhost:\d+/.exec(command.stdout) ?? []
  assert.equal((await fetch(`${url}/health`)).status, 200)
  await command.untilPrinted('stderr', /admin\/control-app/)
})

test("until somebody asks NATS' monitoring, nothing that answers it is loaded", async (t) => {
  const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(tellLoads)}`]
  const port = await findFreePort()
  const args = ['--nats-port=0', `--nats-monitoring-port=${port}`]
  const command = await Command.start(t, { args, nodeArgs })
  assert.match(command.stderr, /nats-monitoring\/monitoring-listener/)
  assert.doesNotMatch(command.stderr, /admin\/http-front|monitoring-app|nats\/monitoring\./)
  assert.doesNotMatch(command.stdout, new RegExp(`${port}`), 'no line of its own')
  assert.equal((await fetch(`http://localhost:${port}/varz`)).status, 200)
  await command.untilPrinted('stderr', /monitoring-app/)
  assert.doesNotMatch(command.stderr, /load \S+fastify/)
})

test('without a data directory no thread of the disk is loaded', async (t) => {
  const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(tellLoads)}`]
  const { stderr } = await Command.start(t, { nodeArgs })
  assert.match(stderr, /storage\/memory-log/)
  assert.doesNotMatch(stderr, /storage\/disk\//)
})

test('it starts without a place for the compile cache', async (t) => {
  const env = { TMPDIR: '/dev/null/nowhere', NODE_COMPILE_CACHE: '/dev/null/nowhere' }
  const command = await Command.start(t, { env })
  assert.equal(await command.interrupt(), 0)
  assert.match(command.stderr, /^\{.*"stopping[^\n]*\}\n$/, 'not a word about it')
})

test('it goes on when nobody reads what it prints and logs', async (t) => {
  const port = await findFreePort()
  const command = Command.run(t, { args: [`--amqp-port=${port}`, '--kafka-port=off'] })
  command.child.stdout.destroy()
  command.child.stderr.destroy()
  const at = `127.0.0.1:${port}`
  const client = await eventually('an answer', () =>
    connect(`amqp://guest:guest@${at}`).catch(() => null),
  )
  // Each of these is a line that nobody reads.
  for (let attempt = 0; attempt < 3; attempt++) {
    await assert.rejects(connect(`amqp://guest:wrong@${at}`), /ACCESS_REFUSED|403/)
  }
  const channel = await client.createChannel()
  await channel.assertQueue('still-there')
  await client.close()
  assert.equal(await command.interrupt(), 0)
})

test('an old Node is told so in one sentence', async (t) => {
  // The check runs before anything else, so a version that is only pretended will do.
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '20.20.2' })`
  const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`]
  const command = Command.run(t, { args: freePorts, nodeArgs })
  assert.equal((await command.ended).code, 78)
  assert.equal(command.stderr, 'polymq needs Node 22.18 or newer; this is Node 20.20.2.\n')
})
