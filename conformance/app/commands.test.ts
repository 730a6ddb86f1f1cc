/** The commands that ask a running broker, as processes of their own, beside stock clients. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { connect } from 'amqplib'
import { Kafka, logLevel } from 'kafkajs'
import { connect as connectNats } from 'nats'
import { eventually } from '../clients/support/eventually.ts'
import { Command, freePorts } from './command.ts'

/** What the control API's address is, as it is printed. */
function controlUrl(broker: Command): string {
  return /http:\/\/\S+/.exec(broker.stdout)?.[0] ?? assert.fail(broker.stdout)
}

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

type Ask = (...args: string[]) => Promise<Ran>

async function askOf(
  t: TestContext,
): Promise<{ readonly broker: Command; readonly ask: Ask; readonly env: { POLYMQ_URL: string } }> {
  const broker = await Command.start(t)
  const env = { POLYMQ_URL: controlUrl(broker) }
  const ask: Ask = async (...args) => {
    const command = Command.run(t, { args, env })
    const { code } = await command.ended
    return { code, stdout: command.stdout, stderr: command.stderr }
  }
  return { broker, ask, env }
}

async function succeed(ask: Ask, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ask(...args)
  assert.equal(code, 0, `polymq ${args.join(' ')}: ${stderr}`)
  return stdout
}

test('what the command declares, stock clients use; what they publish, it shows', async (t) => {
  const { broker, ask } = await askOf(t)
  await succeed(ask, 'exchange', 'create', 'orders', '--type', 'topic')
  await succeed(ask, 'queue', 'create', 'billing')
  await succeed(ask, 'binding', 'create', 'orders', 'billing', '--key', 'order.#')
  const client = await connect(broker.amqpUrl)
  const channel = await client.createConfirmChannel()
  channel.publish('orders', 'order.new', Buffer.from('\u001b[2Jone'))
  await channel.waitForConfirms()
  const looked = await succeed(ask, 'tail', 'amqp:billing')
  assert.equal(looked, 'amqp:orders order.new \\u001b[2Jone\n')
  const queue = JSON.parse(await succeed(ask, 'queue', 'get', 'billing', '-o', 'json')) as object
  assert.deepEqual(
    { ...queue, reason: null },
    { ...queue, name: 'billing', ready: 1, unacked: 0, reason: null },
  )
  await succeed(
    ask,
    'pub',
    'amqp:orders/order.paid',
    'two',
    '-H',
    'a=1',
    '--content-type',
    'text/plain',
  )
  await channel.get('billing', { noAck: true })
  const got = await channel.get('billing', { noAck: true })
  assert.ok(got !== false)
  assert.deepEqual(
    [got.content.toString(), got.properties.headers?.['a'], got.properties.contentType],
    ['two', '1', 'text/plain'],
  )
  const connections = await succeed(ask, 'connection', 'ls', '-o', 'json')
  const [own] = JSON.parse(connections) as { id: number; protocol: string }[]
  assert.equal(own?.protocol, 'amqp')
  // amqplib tells of a connection that was closed on it as an error first.
  client.on('error', () => {})
  const closed = once(client, 'close')
  await succeed(ask, 'connection', 'rm', String(own?.id), '--yes')
  await closed
  assert.equal((await ask('queue', 'get', 'nowhere')).code, 1)
  assert.equal((await ask('queue', 'create', 'billing', '--transient')).code, 1)
  assert.equal((await ask('queue', 'rm', 'billing')).code, 64)
  await succeed(ask, 'queue', 'rm', 'billing', '--yes')
})

test('sub shows what is published from then on, one line each, and ends with 130 at Ctrl-C', async (t) => {
  const { ask, env } = await askOf(t)
  const sub = Command.run(t, { args: ['sub', 'amqp:amq.topic/#'], env })
  await sub.untilPrinted('stderr', /Waiting for messages/)
  await succeed(ask, 'pub', 'amqp:amq.topic/a.b', '{"id":1}')
  await sub.untilPrinted('stdout', /\n/)
  assert.equal(sub.stdout, 'amqp:amq.topic a.b {"id":1}\n')
  assert.equal(await sub.interrupt(), 130)
  const counted = Command.run(t, {
    args: ['sub', 'kafka:fresh', '-n', '2', '--create', '-f', '%p/%o %k %b\\n'],
    env,
  })
  await counted.untilPrinted('stderr', /Waiting for messages/)
  assert.match(
    await succeed(ask, 'pub', 'kafka:fresh', 'x', '--key', 'k'),
    /partition 0 at offset 0/,
  )
  await succeed(ask, 'pub', 'kafka:fresh', 'y')
  assert.equal((await counted.ended).code, 0)
  assert.equal(counted.stdout, '0/0 k x\n0/1 - y\n')
})

test('many messages, from a flag and from a file, arrive all and in order', async (t) => {
  const { ask, env } = await askOf(t)
  await succeed(ask, 'queue', 'create', 'q')
  assert.deepEqual(
    JSON.parse(await succeed(ask, 'pub', 'amqp:q', 'x', '-n', '500', '-o', 'json')),
    {
      published: 500,
      routed: 500,
    },
  )
  assert.equal(await succeed(ask, 'queue', 'purge', 'q', '--yes'), '500 removed\n')
  const bin = fileURLToPath(new URL('../../packages/broker/bin/polymq.js', import.meta.url))
  const pub = spawn(process.execPath, [bin, 'pub', 'amqp:q', '--lines'], {
    env: { ...process.env, ...env },
  })
  t.after(() => pub.kill('SIGKILL'))
  pub.stdin.end(Array.from({ length: 50 }, (_, index) => `line ${index}\n`).join(''))
  assert.deepEqual(await once(pub, 'close'), [0, null])
  const lines = await succeed(ask, 'sub', 'amqp:q', '-n', '50', '-f', '%b\\n')
  assert.equal(lines, Array.from({ length: 50 }, (_, index) => `line ${index}\n`).join(''))
})

test('tail --follow shows the last of a stream, then what comes, of all partitions', async (t) => {
  const { ask, env } = await askOf(t)
  await succeed(ask, 'stream', 'create', 's', '--partitions', '3')
  for (const body of ['one', 'two', 'three', 'four'])
    await succeed(ask, 'pub', 'kafka:s', body, '--key', body)
  const tail = Command.run(t, { args: ['tail', 'kafka:s', '-n', '2', '-F', '-f', '%b\\n'], env })
  await tail.untilPrinted('stdout', /four\n/)
  assert.equal(tail.stdout, 'three\nfour\n')
  // Which partition is followed first is not said: publish until one of each has come.
  await eventually('a record of a later time', async () => {
    await succeed(ask, 'pub', 'kafka:s', 'later')
    return tail.stdout.includes('later\n')
  })
  assert.equal(await tail.interrupt(), 130)
})

test('a group of a Kafka client is listed and moved, the move shown first', async (t) => {
  const { broker, ask } = await askOf(t)
  const kafka = new Kafka({ brokers: [broker.kafkaAddress], logLevel: logLevel.NOTHING })
  await succeed(ask, 'stream', 'create', 's')
  for (const body of ['one', 'two', 'three']) await succeed(ask, 'pub', 'kafka:s', body)
  const consumer = kafka.consumer({ groupId: 'g' })
  await consumer.connect()
  await consumer.subscribe({ topic: 's', fromBeginning: true })
  let seen = 0
  await consumer.run({ eachMessage: async () => void seen++ })
  await eventually('all read', () => seen === 3)
  await eventually('a member', async () => /stable +1/.test(await succeed(ask, 'group', 'ls')))
  assert.equal(
    (await ask('group', 'reset', 'g', '--to', 'first', '--yes')).code,
    1,
    'it has members',
  )
  await consumer.stop()
  await consumer.disconnect()
  const dry = await ask('group', 'reset', 'g', '--to', 'first', '--dry-run')
  assert.match(dry.stdout, /^STREAM +PARTITION +BEFORE +AFTER\ns +0 +3 +0\n$/)
  assert.match(await succeed(ask, 'group', 'get', 'g'), /^LAG +0$/m)
  await succeed(ask, 'group', 'reset', 'g', '--to', '1', '--yes')
  assert.match(await succeed(ask, 'group', 'get', 'g'), /^LAG +2$/m)
  await succeed(ask, 'group', 'rm', 'g', '--yes')
  assert.equal((await ask('group', 'get', 'g')).code, 1)
})

test('users are created, permitted and refused', async (t) => {
  const { ask, env } = await askOf(t)
  await succeed(ask, 'user', 'create', 'ann', '--password', 'secret', '--tag', 'management')
  await succeed(
    ask,
    'user',
    'permit',
    'ann',
    '--configure',
    '',
    '--write',
    'mine.*',
    '--read',
    '.*',
  )
  const url = env.POLYMQ_URL.replace('http://', 'http://ann:secret@')
  const denied = await ask('queue', 'create', 'q', '--url', url)
  assert.equal(denied.code, 77)
  assert.match(denied.stderr, /^polymq: .*refused for user 'ann'/)
  const wrong = await ask(
    'queue',
    'ls',
    '--url',
    env.POLYMQ_URL.replace('http://', 'http://ann:wrong@'),
  )
  assert.equal(wrong.code, 77)
  assert.doesNotMatch(wrong.stderr, /wrong@/)
  assert.match(await succeed(ask, 'user', 'ls'), /^ann +management/m)
  await succeed(ask, 'vhost', 'create', 'shop')
  assert.match(await succeed(ask, 'vhost', 'ls'), /^shop /m)
  await succeed(ask, 'user', 'rm', 'ann', '--yes')
})

test('top and doctor say what is there, doctor exits 1 for a port that somebody else has', async (t) => {
  const { broker, ask } = await askOf(t)
  await succeed(ask, 'queue', 'create', 'busy')
  assert.match(await succeed(ask, 'top', '--seconds', '0.1'), /\nQueues\nNAME .*\nbusy /)
  const ours = [`--amqp-port=${broker.amqpPort}`, '--kafka-port=off', '--management-port=off']
  const well = await ask('doctor', ...ours)
  assert.equal(well.code, 0, well.stdout)
  assert.match(
    well.stdout,
    new RegExp(
      `^ok +port of AMQP 0-9-1 +${broker.amqpPort} is served by the PolyMQ that runs`,
      'm',
    ),
  )
  const other = await Command.start(t)
  const ill = await ask('doctor', `--amqp-port=${other.amqpPort}`, '--kafka-port=off', '-o', 'json')
  assert.equal(ill.code, 1)
  const checks = JSON.parse(ill.stdout) as { check: string; state: string; remedy: string | null }[]
  const failed = checks.filter(({ state }) => state === 'failed')
  assert.deepEqual(
    failed.map(({ check }) => check),
    ['port of AMQP 0-9-1'],
  )
  assert.match(failed[0]?.remedy ?? '', /--amqp-port \d+/)
})

test('without a broker a command exits 69, prints nothing to stdout and says what to do', async (t) => {
  const command = Command.run(t, { args: ['queue', 'ls', '--url', 'http://127.0.0.1:1'] })
  assert.equal((await command.ended).code, 69)
  assert.equal(command.stdout, '')
  assert.match(
    command.stderr,
    /^polymq: No broker answers at .* Start one by polymq, or say where it is: --url/,
  )
})

test('-h is one screen, and a mistyped command is told what was meant', async (t) => {
  const help = Command.run(t, { args: ['-h'] })
  assert.equal((await help.ended).code, 0)
  assert.match(help.stdout, /\nMessages\n {2}pub, sub, tail\n/)
  const typo = Command.run(t, { args: ['queue', 'sl'] })
  assert.equal((await typo.ended).code, 64)
  assert.match(typo.stderr, /Did you mean queue ls\?\n$/)
})

/** Tells stderr of every file that is loaded. */
const tellLoads = `
import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    console.error('load ' + url)
    return next(url, context)
  },
})`

test('a command loads its own files, and nothing of a broker', async (t) => {
  const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(tellLoads)}`]
  const command = Command.run(t, { args: ['queue', 'ls', '--url', 'http://127.0.0.1:1'], nodeArgs })
  assert.equal((await command.ended).code, 69)
  assert.match(command.stderr, /commands\/resource-commands/)
  assert.doesNotMatch(
    command.stderr,
    /core\/broker|protocols|\/admin\/|\/index\.ts|publish|doctor|node_modules/,
  )
})

test('pub and sub speak to clients of NATS', async (t) => {
  const broker = await Command.start(t, { args: [...freePorts, '--nats-port=0'] })
  const env = { POLYMQ_URL: controlUrl(broker) }
  const servers = /nats:\/\/(\S+)/.exec(broker.stdout)?.[1] ?? assert.fail(broker.stdout)
  const client = await connectNats({ servers })
  t.after(() => client.close())
  const heard: string[] = []
  client.subscribe('to.nats.*', { callback: (_, message) => heard.push(message.string()) })
  await client.flush()
  const listed = Command.run(t, { args: ['subscription', 'ls'], env })
  assert.equal((await listed.ended).code, 0, listed.stderr)
  assert.match(listed.stdout, /^CONNECTION +PATTERN [^\n]*\n *\d+ +to\.nats\.\* +nats /)
  const published = Command.run(t, { args: ['pub', 'nats:to.nats.one', 'hello'], env })
  assert.equal((await published.ended).code, 0, published.stderr)
  await eventually('it came', () => heard[0] === 'hello')
  const listening = Command.run(t, { args: ['sub', 'nats:from.>', '-n', '1', '-f', '%k %b'], env })
  await listening.untilPrinted('stderr', /Waiting/)
  client.publish('from.nats.one', 'there')
  assert.equal((await listening.ended).code, 0, listening.stderr)
  assert.equal(listening.stdout, 'from.nats.one there')
})
