/** What does not start, with which exit code and which words; nothing of it on stdout. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command, freePorts, occupy } from './command.ts'

interface Refusal {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly code: number
  readonly says: RegExp
}

const long = 'x'.repeat(300)

const refusals: readonly Refusal[] = [
  {
    args: ['--amqp-prot=1'],
    code: 64,
    says: /no option "--amqp-prot"\. Did you mean --amqp-port\?/,
  },
  { args: ['serve'], code: 64, says: /There is no command "serve"/ },
  { args: ['--amqp-port=70000'], code: 64, says: /^polymq: --amqp-port: .*1 to 65535/ },
  { args: ['--amqp-port'], code: 64, says: /--amqp-port needs a value/ },
  { args: ['--user=ann'], code: 64, says: /NAME:PASSWORD/ },
  { args: ['--memory=5'], code: 64, says: /16MiB to/ },
  { args: ['--insecure=yes'], code: 64, says: /--insecure takes no value/ },
  { args: [], env: { POLYMQ_KAFKA_PORT: 'x' }, code: 64, says: /^polymq: POLYMQ_KAFKA_PORT: / },
  { args: ['--host=0.0.0.0'], code: 78, says: /no user is set\. Add --user NAME:PASSWORD/ },
  { args: ['--host=::'], code: 78, says: /--host :: lets other machines connect/ },
  {
    args: ['--host=0.0.0.0', '--user=guest:guest'],
    code: 78,
    says: /everybody knows the password/,
  },
  {
    args: [...freePorts, `--user=${long}:x`],
    code: 78,
    says: /Cannot start: user refused, name must be .*: 'x+…/,
  },
  {
    args: ['--amqp-port=off', '--kafka-port=off', '--nats-port=off', '--redis-port=off'],
    code: 78,
    says: /No listener is left to start/,
  },
  {
    args: [...freePorts, '--nats-port=0', '--nats-token=nobody:secret'],
    code: 78,
    says: /Cannot start: NATS token of 'nobody': there is no such user\.$/m,
  },
  {
    args: [
      ...freePorts,
      '--nats-port=0',
      '--nats-tls-cert=/nowhere.crt',
      '--nats-tls-key=/nowhere.crt',
    ],
    code: 78,
    says: /^polymq: Cannot use --nats-tls-cert \/nowhere\.crt: there is no such file\.$/m,
  },
  {
    args: ['--nats-tls-cert=/nowhere.crt'],
    code: 64,
    says: /--nats-tls-cert needs --nats-tls-key/,
  },
  { args: ['server'], code: 64, says: /must be told where\. Add --data DIR, or set POLYMQ_DATA\./ },
  {
    args: [],
    env: { POLYMQ_DURABILITY: 'sync' },
    code: 64,
    says: /--durability sync needs a data directory.*Add --data DIR/,
  },
  { args: ['--disk-free-limit=1GiB'], code: 64, says: /--disk-free-limit needs a data directory/ },
  { args: ['--data=~/polymq'], code: 64, says: /^polymq: --data: .*~ is for shells/ },
  { args: ['repair', '--data=/nowhere'], code: 64, says: /has only --dry-run so far: / },
  { args: ['repair', '--dry-run'], code: 64, says: /which directory\. Add --data DIR/ },
  { args: ['--dry-run'], code: 64, says: /^polymq: --dry-run is for polymq repair only/ },
]

for (const { args, env = {}, code, says } of refusals) {
  const line = [...Object.entries(env).map((entry) => entry.join('=')), 'polymq', ...args].join(' ')
  test(`${line.slice(0, 80)} exits ${code} and says why`, async (t) => {
    const command = Command.run(t, { args, env })
    assert.deepEqual(await command.ended, { code, signal: null })
    assert.match(command.stderr, says)
    assert.match(command.stderr, /^polymq: .*\n$/, 'one sentence, no stack')
    assert.equal(command.stdout, '')
  })
}

test('a chosen port that is taken exits 78 and names who has it', async (t) => {
  const port = await occupy(t)
  const command = Command.run(t, { args: [`--kafka-port=${port}`, '--amqp-port=0'] })
  assert.equal((await command.ended).code, 78)
  const owner = process.platform === 'linux' ? `.*\\(pid ${process.pid}\\)` : '.*'
  assert.match(command.stderr, new RegExp(`^polymq: Port ${port} is in use by ${owner}\\. Use `))
  assert.equal(command.stdout, '')
})

test('a server does not start with a port less, chosen or not', async (t) => {
  const port = await occupy(t, 9092)
  const command = Command.run(t, { args: ['server', '--data=/nowhere', '--amqp-port=0'] })
  assert.equal((await command.ended).code, 78)
  assert.match(
    command.stderr,
    new RegExp(`^polymq: Port ${port} is in use by .*, or off to serve no`),
  )
})

test('--insecure starts where nobody else could log in, and is printed and logged each time', async (t) => {
  const command = await Command.start(t, { args: [...freePorts, '--host=0.0.0.0', '--insecure'] })
  const warning = '--insecure: 0.0.0.0 lets other machines connect, and no user is set.'
  assert.equal(command.stdout.trimEnd().split('\n').at(-1), `  ! ${warning}`)
  await command.untilPrinted('stderr', /\n/)
  assert.equal(command.log[0]?.['msg'], warning)
  assert.equal(await command.interrupt(), 0)
})

test('another interface with a user starts without a word', async (t) => {
  const args = [...freePorts, '--host=0.0.0.0', '--user=ann:secret']
  const command = await Command.start(t, { args })
  assert.doesNotMatch(command.stdout, /!/)
  assert.match(command.stdout, /amqp:\/\/ann@localhost:\d+\n/)
})

test('version and help go to stdout and exit 0, whatever the environment', async (t) => {
  const env = { POLYMQ_AMQP_PORT: 'x' }
  for (const [args, says] of [
    [['version'], /^\d+\.\d+\.\d+\n$/],
    [['--version'], /^\d+\.\d+\.\d+\n$/],
    [['help'], /^polymq: .*\n\nUsage\n[^]*--kafka-advertised HOST:PORT/],
    [['-h'], /Exit codes: 0 ok, 1 not there, .* 64 usage/],
  ] as const) {
    const command = Command.run(t, { args, env })
    assert.deepEqual(await command.ended, { code: 0, signal: null })
    assert.match(command.stdout, says)
    assert.equal(command.stderr, '')
  }
})
