import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExitError } from './exit.ts'
import { helpText } from './help.ts'
import { options, readInvocation } from './options.ts'
import type { Environment, Invocation } from './options.ts'

const GIB = 1024 ** 3

function read(args: string[], env: Environment = {}): Invocation {
  return readInvocation({ args, env, machine: { memoryBytes: 8 * GIB } })
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
  assert.equal(explicit.size, 0)
})

test('the standard memory is 40 % of the machine, at most 2 GiB', () => {
  const memoryOf = (memoryBytes: number): number =>
    readInvocation({ args: [], env: {}, machine: { memoryBytes } }).settings.memoryBytes
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

test('every option has a variable made from its name, and is in the help text', () => {
  const help = helpText()
  for (const { name, variable } of options) {
    assert.equal(variable, `POLYMQ_${name.toUpperCase().replaceAll('-', '_')}`)
    assert.ok(help.includes(`--${name}`), name)
    assert.ok(help.includes(variable), variable)
  }
})

test('the help text fits a terminal of 100 columns', () => {
  for (const line of helpText().split('\n')) assert.ok(line.length <= 100, line)
})
