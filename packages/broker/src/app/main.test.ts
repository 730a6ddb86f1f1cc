/** The command as a person meets it: a process, its two outputs and its exit code. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const bin = fileURLToPath(new URL('../../bin/polymq.js', import.meta.url))
const mainModule = new URL('./main.ts', import.meta.url).href
const diskModule = new URL('../storage/disk.ts', import.meta.url).href
const storeFailedModule = new URL('./store-failed.ts', import.meta.url).href

/** The command with what is given instead of its own broker and inspector. */
const withMain = (tools: string): string[] => [
  '--input-type=module-typescript',
  '--eval',
  `import { main } from ${JSON.stringify(mainModule)}
   import { DiskError } from ${JSON.stringify(diskModule)}
   import { StoreFailedError } from ${JSON.stringify(storeFailedModule)}
   const diskError = new DiskError('EIO', { operation: 'sync', file: 'journal/slot-03' })
   ${tools}`,
  'polymq',
]

/** A broker that opens nothing; how it closes, and whether its disk fails, is the test's. */
const withFakeBroker = (close: string, failed: string = 'new Promise(() => {})'): string[] =>
  withMain(`
   await main({ loadBroker: async () => async (options) => {
     setInterval(() => {}, 1000)
     options.log.info('started', { memory: options.memoryBytes, host: String(options.host) })
     const failed = ${failed}
     failed.catch(() => {})
     return {
       addresses: { amqp: { host: '127.0.0.1', port: 1 } },
       failed,
       close: async () => { ${close} },
     }
   } })`)

interface Command {
  readonly child: ChildProcessWithoutNullStreams
  readonly output: { stdout: string; stderr: string }
  readonly ended: Promise<number | null>
}

function run(t: TestContext, args: string[], env: Record<string, string> = {}): Command {
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, args, {
    // Taken or not, its standard port is nobody's business here.
    env: { PATH, POLYMQ_MANAGEMENT_PORT: 'off', ...env },
  })
  // A test that fails must not leave a process behind: the runner would wait for it.
  t.after(() => child.kill('SIGKILL'))
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return { child, output, ended }
}

/** The two outputs come in no order to one another: wait for what is needed of each. */
async function untilPrinted(
  command: Command,
  output: 'stdout' | 'stderr',
  pattern: RegExp,
): Promise<void> {
  while (!pattern.test(command.output[output])) {
    const ended = await Promise.race([
      once(command.child[output], 'data').then(() => false),
      command.ended.then(() => true),
    ])
    if (ended) assert.fail(`ended before ${pattern}: ${JSON.stringify(command.output)}`)
  }
}

test('version prints the version, help the options, and both exit 0', async (t) => {
  const version = run(t, [bin, 'version'])
  assert.equal(await version.ended, 0)
  assert.match(version.output.stdout, /^\d+\.\d+\.\d+.*\n$/)
  const help = run(t, [bin, '--help'])
  assert.equal(await help.ended, 0)
  assert.match(help.output.stdout, /--amqp-port PORT/)
})

test('a wrong command line exits 64 and prints nothing to stdout', async (t) => {
  const command = run(t, [bin, '--amqp-prot', '1'])
  assert.equal(await command.ended, 64)
  assert.match(command.output.stderr, /^polymq: .*Did you mean --amqp-port\?\n$/)
  assert.equal(command.output.stdout, '')
})

test('another interface without a user exits 78 and says which flag to add', async (t) => {
  const command = run(t, [bin, '--host', '0.0.0.0'])
  assert.equal(await command.ended, 78)
  assert.match(command.output.stderr, /--user NAME:PASSWORD/)
})

test('a chosen port that is taken exits 78', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const command = run(t, [bin, '--amqp-port', String(port), '--kafka-port', 'off'])
  assert.equal(await command.ended, 78)
  assert.match(command.output.stderr, new RegExp(`Port ${port} is in use by`))
})

test('a started broker prints addresses to stdout, logs JSON lines to stderr, and stops at SIGINT with 0', async (t) => {
  const command = run(t, [...withFakeBroker(''), '--amqp-port=0', '--kafka-port=off'])
  await untilPrinted(command, 'stdout', /amqp:\/\/guest:guest@localhost:1\n/)
  command.child.kill('SIGINT')
  assert.equal(await command.ended, 0)
  assert.match(
    command.output.stdout,
    /^PolyMQ \S+ {2}ready in \d+ ms {3}in memory: gone when it stops\n/,
  )
  for (const line of command.output.stderr.trim().split('\n')) {
    assert.ok('msg' in (JSON.parse(line) as object), line)
  }
})

test('--insecure is printed at each start, and in the log', async (t) => {
  const command = run(t, [...withFakeBroker(''), '--amqp-port=0', '--host=0.0.0.0', '--insecure'])
  await untilPrinted(command, 'stderr', /"msg":"--insecure/)
  await untilPrinted(command, 'stdout', /! --insecure: 0\.0\.0\.0 lets other machines connect/)
  command.child.kill('SIGTERM')
  assert.equal(await command.ended, 0)
})

test('a second Ctrl-C does not wait for the broker', async (t) => {
  const never = 'await new Promise(() => {})'
  const command = run(t, [...withFakeBroker(never), '--amqp-port=0', '--kafka-port=off'])
  await untilPrinted(command, 'stdout', /ready in/)
  // Again and again, until one comes late enough not to count as an echo of the first.
  const pressing = setInterval(() => command.child.kill('SIGINT'), 20)
  t.after(() => clearInterval(pressing))
  assert.equal(await command.ended, 130)
})

test('an interface that this machine has not exits 78', async (t) => {
  // 192.0.2.0/24 is for documentation: nobody has it.
  const args = ['--host=192.0.2.1', '--user=a:b', '--amqp-port=0', '--kafka-port=off']
  const command = run(t, [bin, ...args])
  assert.equal(await command.ended, 78)
  assert.match(command.output.stderr, /^polymq: Cannot start: .*EADDRNOTAVAIL/m)
})

test('a fault of ours exits 70 with its stack', async (t) => {
  const command = run(t, [
    ...withFakeBroker('throw new Error("broken")'),
    '--kafka-port=off',
    '--amqp-port=0',
  ])
  await untilPrinted(command, 'stdout', /ready in/)
  command.child.kill('SIGINT')
  assert.equal(await command.ended, 70)
  assert.match(command.output.stderr, /broken/)
})

test('colours only where they are wanted', async (t) => {
  const args = [...withFakeBroker(''), '--amqp-port=0', '--kafka-port=off', '--log-format=pretty']
  for (const [env, expected] of [
    [{}, false],
    [{ FORCE_COLOR: '1' }, true],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false],
  ] as const) {
    const command = run(t, args, env)
    await untilPrinted(command, 'stdout', /localhost:1\n/)
    command.child.kill('SIGINT')
    await command.ended
    assert.equal(command.output.stdout.includes('\u001b['), expected, JSON.stringify(env))
  }
})

const offPorts = ['kafka', 'nats', 'redis', 'management'].map((name) => `--${name}-port=off`)
const server = ['server', '--data=/var/lib/polymq', '--amqp-port=0', ...offPorts]

test('a server says in its log where it listens and keeps its data, and prints nothing', async (t) => {
  const command = run(t, [...withFakeBroker(''), ...server, '--durability=os'])
  await untilPrinted(command, 'stderr', /"msg":"ready".*\n/)
  command.child.kill('SIGTERM')
  assert.equal(await command.ended, 0)
  assert.equal(command.output.stdout, '')
  const lines = command.output.stderr.trim().split('\n')
  const ready = lines.map((line) => JSON.parse(line)).find((line) => line.msg === 'ready')
  const { amqp, kafka, data, durability, readyMs } = ready as Record<string, unknown>
  assert.deepEqual([amqp, kafka], ['localhost:1', undefined])
  assert.deepEqual([data, durability], ['/var/lib/polymq', 'os'])
  assert.ok(Number(readyMs) > 0)
})

test('at a terminal a server prints the addresses too, and logs JSON lines all the same', async (t) => {
  const pretend = `data:text/javascript,process.stdout.isTTY = process.stderr.isTTY = true`
  const env = { NO_COLOR: '1' }
  const command = run(t, ['--import', pretend, ...withFakeBroker(''), ...server], env)
  await untilPrinted(command, 'stdout', /data in \/var\/lib\/polymq, durability sync\n[^]*\n/)
  await untilPrinted(command, 'stderr', /^\{.*"msg":"ready".*\}\n/m)
  command.child.kill('SIGTERM')
  assert.equal(await command.ended, 0)
  const pretty = run(t, [...withFakeBroker(''), ...server, '--log-format=pretty'])
  await untilPrinted(pretty, 'stderr', /info +ready .*data=\/var\/lib\/polymq/)
})

test('a disk that fails ends the command with 74 and two lines, what and what now', async (t) => {
  const failed = `Promise.reject(new StoreFailedError('/var/lib/polymq', diskError))`
  const command = run(t, [...withFakeBroker('', failed), ...server])
  assert.equal(await command.ended, 74)
  const told = command.output.stderr.split('\n').slice(-3)
  assert.match(
    told[0]!,
    /^polymq: the disk failed at sync of journal\/slot-03 in \/var\/lib\/pol.*EIO/,
  )
  assert.match(told[1]!, /^The next start recovers all that was confirmed\./)
  assert.equal(told[2], '')
})

test('repair prints its report to stdout and exits by it', async (t) => {
  const tools = (damages: string): string[] =>
    withMain(`await main({ loadInspector: async () => async (directory) => {
      return { directory, damages: ${damages}, damagesLeftOut: 0 }
    } })`)
  const folder = await mkdtemp(join(tmpdir(), 'polymq-main-'))
  t.after(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'journal'))
  const args = ['repair', `--data=${folder}`, '--dry-run']
  const sound = run(t, [...tools('[]'), ...args])
  assert.equal(await sound.ended, 0)
  assert.match(sound.output.stdout, /^\/.*\/polymq-main-\w+ is sound: .*\n$/)
  const damage = {
    part: 'segment',
    file: 'streams/1/0',
    position: 0,
    reason: 'unreadable',
    losses: [],
    lossesLeftOut: 0,
  }
  const damaged = run(t, [...tools(JSON.stringify([damage])), ...args, '-o', 'json'])
  assert.equal(await damaged.ended, 1)
  assert.equal((JSON.parse(damaged.output.stdout) as { sound: boolean }).sound, false)
  assert.equal(damaged.output.stderr, '')
})
