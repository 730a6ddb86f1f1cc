import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { ExitError } from './exit.ts'
import { readInvocation } from './invocation.ts'
import type { Environment, Invocation } from './invocation.ts'

const GIB = 1024 ** 3
const absolute = (path: string): string => resolve('/home/ann', path)

function read(args: string[], env: Environment = {}): Invocation {
  return readInvocation({ args, env, machine: { memoryBytes: 8 * GIB, absolute } })
}

function assertUsage(args: string[], message: RegExp, env: Environment = {}): void {
  assert.throws(
    () => read(args, env),
    (error) => error instanceof ExitError && error.code === 64 && message.test(error.message),
    `${args.join(' ')}: expected ${message}`,
  )
}

test('without arguments it starts in memory with the standard ports', () => {
  const { command, settings, explicit } = read([])
  assert.equal(command, 'start')
  assert.equal(settings.amqpPort, 5672)
  assert.equal(settings.kafkaPort, 9092)
  assert.equal(settings.host, undefined)
  assert.deepEqual(settings.users, [])
  assert.equal(settings.data, undefined)
  assert.equal(explicit.size, 0)
})

test('the standard memory is 40 % of the machine, at most 2 GiB', () => {
  const memoryOf = (memoryBytes: number): number =>
    readInvocation({ args: [], env: {}, machine: { memoryBytes, absolute } }).settings.memoryBytes
  assert.equal(memoryOf(64 * GIB), 2 * GIB)
  assert.equal(memoryOf(GIB), Math.floor(0.4 * GIB))
})

test('a flag wins over its variable, a variable over the default', () => {
  assert.equal(read([], { POLYMQ_AMQP_PORT: '1' }).settings.amqpPort, 1)
  assert.equal(read(['--amqp-port', '2'], { POLYMQ_AMQP_PORT: '1' }).settings.amqpPort, 2)
  assert.equal(read(['--amqp-port=off']).settings.amqpPort, 'off')
})

test('an option given by flag or variable is known to be chosen', () => {
  const { explicit } = read(['--amqp-port', '5672'], { POLYMQ_KAFKA_PORT: '9092' })
  assert.deepEqual([...explicit], ['amqp-port', 'kafka-port'])
})

test('an empty variable counts as not set', () => {
  assert.equal(read([], { POLYMQ_AMQP_PORT: '' }).settings.amqpPort, 5672)
})

test('users are collected, and those of the command line replace those of the variable', () => {
  const fromVariable = read([], { POLYMQ_USER: 'a:1 b:2' }).settings.users
  assert.deepEqual(fromVariable, [
    { name: 'a', password: '1' },
    { name: 'b', password: '2' },
  ])
  const fromFlags = read(['--user', 'c:3', '--user=d:4'], { POLYMQ_USER: 'a:1' }).settings.users
  assert.deepEqual(fromFlags, [
    { name: 'c', password: '3' },
    { name: 'd', password: '4' },
  ])
})

test('an unknown option or command comes with a suggestion', () => {
  assertUsage(['--amqp-prot', '1'], /There is no option "--amqp-prot"\. Did you mean --amqp-port\?/)
  assertUsage(['--kafka'], /Did you mean --kafka-port\?/)
  assertUsage(['verison'], /There is no command "verison"\. Did you mean version\?/)
  assertUsage(['--xyzzy'], /See polymq --help/)
  assertUsage(['-p', '1'], /There is no option "-p"/)
})

test('a bad value comes with what is allowed, and names the flag or the variable', () => {
  assertUsage(['--amqp-port', 'x'], /^--amqp-port: .*Allowed: 1 to 65535/)
  assertUsage([], /^POLYMQ_KAFKA_PORT: .*Allowed: 1 to 65535/, { POLYMQ_KAFKA_PORT: 'tcp://x' })
  assertUsage(['--log-level', 'loud'], /Allowed: debug, info, warn, error/)
  assertUsage([], /Allowed: true, false/, { POLYMQ_INSECURE: 'perhaps' })
})

test('a flag that lost its value does not eat the next flag', () => {
  assertUsage(['--amqp-port', '--kafka-port', '1'], /--amqp-port needs a value: --amqp-port PORT/)
  assertUsage(['--amqp-port'], /needs a value/)
  assertUsage(['--insecure=yes'], /takes no value/)
})

test('help and version come even with a broken environment', () => {
  const env = { POLYMQ_AMQP_PORT: 'x' }
  assert.equal(read(['--help'], env).command, 'help')
  assert.equal(read(['-h'], env).command, 'help')
  assert.equal(read(['version'], env).command, 'version')
  assertUsage(['version', 'version'], /Nothing goes with the command version/)
})

test('an argument cannot drive the terminal by its error message', () => {
  assertUsage(['\u001b[2J'], /^There is no command "\\u001b\[2J"/)
})

test('a data directory is made absolute; with one, safe is what is on the disk', () => {
  const { command, settings } = read(['--data', 'data'])
  assert.equal(command, 'start')
  assert.equal(settings.data, '/home/ann/data')
  assert.equal(settings.durability, 'sync')
  assert.equal(settings.diskFreeBytesMin, GIB / 2)
  assert.equal(read([], { POLYMQ_DATA: '/data' }).settings.data, '/data')
  assert.equal(read(['--data=/data', '--durability=os']).settings.durability, 'os')
  assert.equal(read(['--data=/data', '--disk-free-limit=0']).settings.diskFreeBytesMin, 0)
})

test('a server must be told where, by flag or variable', () => {
  assertUsage(['server'], /must be told where\. Add --data DIR, or set POLYMQ_DATA\.$/)
  assertUsage(['server', '--durability=os'], /Add --data DIR/)
  assert.equal(read(['server', '--data=/data']).command, 'server')
  assert.equal(read(['--data=/data', 'server']).settings.data, '/data')
  assert.equal(read(['server'], { POLYMQ_DATA: '/data' }).settings.data, '/data')
})

test('without a data directory nothing can be on a disk', () => {
  assertUsage(['--durability=sync'], /^--durability sync needs a data directory; .*Add --data DIR/)
  assertUsage([], /^--durability os needs a data directory/, { POLYMQ_DURABILITY: 'os' })
  assertUsage(['--disk-free-limit=1GiB'], /^--disk-free-limit needs a data directory/)
  assertUsage(['--durability=disk', '--data=/data'], /Allowed: sync, os, memory\.$/)
  assert.equal(read(['--durability=memory']).settings.durability, 'memory')
})

test('repair only reports so far, and must be asked for just that', () => {
  const { command, settings } = read(['repair', '--data=/data', '--dry-run', '-o', 'json'])
  assert.deepEqual([command, settings.data, settings.output], ['repair', '/data', 'json'])
  assert.equal(read(['repair', '--dry-run'], { POLYMQ_DATA: '/data' }).settings.output, 'text')
  assertUsage(['repair', '--data=/data'], /only --dry-run so far: .*Nothing is changed\.$/)
  assertUsage(['repair', '--dry-run'], /which directory\. Add --data DIR, or set POLYMQ_DATA\.$/)
  assertUsage(['repair', '--dry-run', '--data=/d', '--output=xml'], /Allowed: text, json/)
})

test('an option of one command is refused with another, a variable of it is not', () => {
  assertUsage(['--dry-run'], /^--dry-run is for polymq repair only\.$/)
  assertUsage(['server', '--data=/data', '-o=json'], /^--output is for polymq repair only\.$/)
  assertUsage(['repair', '--dry-run', '--amqp-port=1'], /^--amqp-port is not for repair/)
  const env = { POLYMQ_DATA: '/data', POLYMQ_AMQP_PORT: 'x', POLYMQ_DURABILITY: 'os' }
  assert.equal(read(['repair', '--dry-run'], env).command, 'repair')
})

test('a directory without its flag is told which flag', () => {
  assertUsage(['server', '/data'], /^Nothing goes with the command server but .* --data DIR\.$/)
})

test('a certificate, its key and the authorities go together', () => {
  const cert = '--nats-tls-cert=server.crt'
  const { settings } = read([cert, '--nats-tls-key=server.key', '--nats-tls-ca=/ca.crt'])
  assert.equal(settings.natsTlsCert, resolve('/home/ann', 'server.crt'))
  assert.equal(settings.natsTlsKey, resolve('/home/ann', 'server.key'))
  assert.equal(settings.natsTlsCa, '/ca.crt')
  assertUsage([cert], /^--nats-tls-cert needs --nats-tls-key: /)
  assertUsage(['--nats-tls-key=a'], /^--nats-tls-key needs --nats-tls-cert: /)
  assertUsage(['--nats-tls-ca=a'], /^--nats-tls-ca needs --nats-tls-cert: /)
})

test('tokens are given one by one, by flag or by variable', () => {
  const both = [
    { user: 'ann', token: 'a:1' },
    { user: 'bob', token: 'b' },
  ]
  assert.deepEqual(
    read(['--nats-token=ann:a:1', '--nats-token', 'bob:b']).settings.natsTokens,
    both,
  )
  assert.deepEqual(read([], { POLYMQ_NATS_TOKEN: 'ann:a:1 bob:b' }).settings.natsTokens, both)
  assertUsage(
    ['--nats-token=secret'],
    /^--nats-token: not a value it takes\. Allowed: NAME:TOKEN\.$/,
  )
})
