import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExitError } from '../exit.ts'
import { readInvocation } from '../invocation.ts'
import type { Environment, Invocation } from '../invocation.ts'
import { readConfigTree, type ConfigFile } from './config-file.ts'
import { Problems } from './problems.ts'
import { parseYamlTree } from './yaml-tree.ts'

const machine = {
  memoryBytes: 8 * 1024 ** 3,
  absolute: (path: string): string => `/home/ann/${path}`,
}

function readFile(text: string): { readonly file: ConfigFile; readonly problems: string[] } {
  const problems = new Problems()
  const tree = parseYamlTree(text, 'polymq.yaml', problems)
  const file = readConfigTree(tree, { file: '/etc/polymq.yaml', path: 'polymq.yaml', problems })
  return { file, problems: problems.text === '' ? [] : problems.text.split('\n') }
}

function read(text: string, args: string[] = [], env: Environment = {}): Invocation {
  const { file, problems } = readFile(text)
  assert.deepEqual(problems, [])
  return readInvocation({ args, env, machine, file })
}

test('a flag wins over a variable, a variable over the file, the file over the default', () => {
  const text = 'kafka:\n  port: 3\n'
  assert.equal(read(text).settings.kafkaPort, 3)
  assert.equal(read(text, [], { POLYMQ_KAFKA_PORT: '2' }).settings.kafkaPort, 2)
  const flag = read(text, ['--kafka-port=1'], { POLYMQ_KAFKA_PORT: '2' })
  assert.equal(flag.settings.kafkaPort, 1)
  assert.equal(read('').settings.kafkaPort, 9092)
})

test('each value that was given is known with where it came from', () => {
  const { given, explicit } = read('amqp.port: off\nkafka: { port: 3 }\n', ['--host=::1'], {
    POLYMQ_MEMORY: '1GiB',
  })
  const sources = Object.fromEntries([...given].map(([name, { source }]) => [name, source]))
  assert.deepEqual(sources, {
    'amqp-port': 'polymq.yaml:1:12',
    'kafka-port': 'polymq.yaml:2:16',
    host: '--host',
    memory: 'POLYMQ_MEMORY',
  })
  assert.deepEqual([...explicit].sort(), Object.keys(sources).sort())
})

test('a path in the file is meant from where the file is, a path of a flag from here', () => {
  assert.equal(read('data: ./data').settings.data, '/etc/data')
  assert.equal(read('', ['--data=data']).settings.data, '/home/ann/data')
})

test('every setting of the file is read as its flag is', () => {
  const { settings } = read(`
amqp: { port: off }
kafka: { port: 0, advertised: 'mq.example.org:9092' }
management: { port: 1, hostName: [a.example.org, b.example.org] }
host: 127.0.0.1
insecure: true
data: /var/lib/polymq
durability: os
diskFreeLimit: 1GiB
memory: 25%
log: { level: warn, format: json }
`)
  assert.deepEqual(
    [settings.amqpPort, settings.kafkaPort, settings.kafkaAdvertised?.host, settings.host],
    ['off', 0, 'mq.example.org', '127.0.0.1'],
  )
  assert.deepEqual(settings.managementHostNames, ['a.example.org', 'b.example.org'])
  assert.deepEqual(
    [settings.insecure, settings.data, settings.durability, settings.diskFreeBytesMin],
    [true, '/var/lib/polymq', 'os', 1024 ** 3],
  )
  assert.deepEqual(
    [settings.memoryBytes, settings.logLevel, settings.logFormat],
    [2 * 1024 ** 3, 'warn', 'json'],
  )
})

test('a key that is unknown or set twice is refused with its line and a suggestion', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      'kafka:\n  prot: 1',
      /^polymq\.yaml:2:3: there is no key kafka\.prot\. Did you mean kafka\.port\?$/,
    ],
    ['\n\nqueus: []', /^polymq\.yaml:3:1: there is no key queus\. Did you mean queues\?$/],
    ['xyzzy: 1', /^polymq\.yaml:1:1: there is no key xyzzy\. Known here: amqp\.port, /],
    ['disk-free-limit: 1GiB', /Did you mean diskFreeLimit\?$/],
    ['kafka: { port: 1 }\nkafka.port: 2', /^polymq\.yaml:2:1: kafka\.port is set twice$/],
    ['host: a\nhost: b', /^polymq\.yaml:2:1: this is not YAML: Map keys must be unique/],
    [
      'queues:\n  - name: q\n    durabel: true',
      /^polymq\.yaml:3:5: there is no key durabel\. Did you mean durable\?$/,
    ],
    [
      'streams:\n  - name: s\n    config: { retentionMS: 1 }',
      /^polymq\.yaml:3:15: .*Did you mean retentionMs\?$/,
    ],
    ["'\\u001b[2J': 1", /there is no key \\u001b/],
  ]
  for (const [text, says] of cases) assert.match(readFile(text).problems.join('\n'), says, text)
})

test('a value of the wrong type is refused with line and column', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      'kafka: 9092',
      /^polymq\.yaml:1:8: kafka takes keys, as in kafka\.port, and this is a number$/,
    ],
    ['kafka:\n  port: [1]', /^polymq\.yaml:2:9: kafka\.port takes PORT, and this is a list$/],
    ['kafka:\n  port:', /^polymq\.yaml:2:3: kafka\.port takes PORT, and this is empty$/],
    ['insecure: perhaps', /^polymq\.yaml:1:11: insecure takes true or false, and this is a text$/],
    ['host: true', /^polymq\.yaml:1:7: host takes ADDRESS, and this is a boolean$/],
    ['queues: { name: q }', /^polymq\.yaml:1:9: queues takes a list, and this is a map of keys$/],
    ['queues: [q]', /^polymq\.yaml:1:10: expected keys such as name, and this is a text$/],
    ['queues: [{}]', /^polymq\.yaml:1:10: name is missing$/],
    [
      'queues: [{ name: q, durable: 1 }]',
      /^polymq\.yaml:1:30: durable takes true or false, and this is a number$/,
    ],
    ['streams: [{ name: s, partitions: 0 }]', /partitions takes a whole number from 1 on/],
    ['feeds: [{ name: f, stream: s, exchange: e, from: 5 }]', /from takes one of first, last/],
    ['- a', /^polymq\.yaml:1:1: a configuration is a map of keys, and this is a list$/],
    ['a: &x 1\nb: *x', /^polymq\.yaml:2:4: aliases \(\*x\) are not read: write it out here$/m],
    ['host: "a', /^polymq\.yaml:1:\d+: this is not YAML: /],
    [`data: ${'['.repeat(20)}${']'.repeat(20)}`, /more than 16 levels deep/],
  ]
  for (const [text, says] of cases) assert.match(readFile(text).problems.join('\n'), says, text)
})

test('a value that its flag would not take is refused with its place, and exits 78', () => {
  const refused = (text: string, says: RegExp): void =>
    assert.throws(
      () => read(text),
      (error) => error instanceof ExitError && error.code === 78 && says.test(error.message),
      text,
    )
  refused(
    'kafka:\n  port: 70000',
    /^polymq\.yaml:2:9: kafka\.port: not a value it takes\. Allowed: 1 to 65535/,
  )
  refused('log.level: loud', /^polymq\.yaml:1:12: log\.level: .*debug, info, warn, error/)
  refused('durability: os', /^polymq\.yaml:1:13: --durability os needs a data directory/)
})

test('all that is wrong is told at once, from the top down, and no more than a screen of it', () => {
  const { problems } = readFile(`insecure: x\nqueues:\n${'  - nam: q\n'.repeat(20)}zzz: 1\n`)
  assert.match(problems[0] ?? '', /^polymq\.yaml:1:/)
  assert.match(problems[1] ?? '', /^polymq\.yaml:3:/)
  assert.equal(problems.length, 11)
  assert.match(problems.at(-1) ?? '', /^… and 32 more$/)
})

test('nesting that would use up the stack is refused, not a crash', () => {
  assert.notDeepEqual(readFile('['.repeat(100_000)).problems, [])
})

test('a password may be a number, and is taken as it is written', () => {
  const { file } = readFile('users: [{ name: ann, password: 007 }]')
  assert.equal(file.declarations.users?.[0]?.password, '007')
})
