import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExitError } from '../exit.ts'
import { commands as brokerCommands } from '../options.ts'
import { wordsForOthers } from '../invocation.ts'
import type { ParsedCommand } from './command.ts'
import { helpOf } from './command-help.ts'
import { commandTable } from './command-table.ts'
import { readCommandLine } from './parse-command.ts'

function read(...args: string[]): ParsedCommand {
  const line = readCommandLine(args)
  assert.ok('command' in line)
  return line.command
}

function help(...args: string[]): string {
  const line = readCommandLine(args)
  assert.ok('help' in line)
  return helpOf(line.help)
}

function assertUsage(args: string[], message: RegExp): void {
  assert.throws(
    () => readCommandLine(args),
    (error) => error instanceof ExitError && error.code === 64 && message.test(error.message),
    `${args.join(' ')}: expected ${message}`,
  )
}

test('a command has one word or two, and its flags may stand anywhere behind them', () => {
  const pub = read('pub', '-n', '3', 'amqp:q', '--header', 'a=1', 'x', '-H', 'b=2')
  assert.equal(pub.spec.name, 'pub')
  assert.deepEqual(Object.fromEntries(pub.arguments), { ADDRESS: 'amqp:q', BODY: 'x' })
  assert.deepEqual(pub.options.get('header'), ['a=1', 'b=2'])
  assert.deepEqual(pub.options.get('count'), ['3'])
  const ls = read('queue', 'ls', '-o=json')
  assert.deepEqual([ls.spec.name, ls.options.get('output')], ['queue ls', ['json']])
})

test('a body that looks like a flag stands behind two dashes, and a dash alone is the standard input', () => {
  assert.equal(read('pub', 'amqp:q', '--', '-h').arguments.get('BODY'), '-h')
  assert.equal(read('pub', 'amqp:q', '-').arguments.get('BODY'), '-')
})

test('what is unknown comes with a suggestion', () => {
  assertUsage(['queeu', 'ls'], /There is no command "queeu"\. Did you mean queue\?/)
  assertUsage(['sever'], /Did you mean server\?/)
  assertUsage(['queue', 'sl'], /There is no command "queue sl"\. Did you mean queue ls\?/)
  assertUsage(['queue', 'frobnicate'], /It is polymq queue ls\|get\|create\|rm\|purge\./)
  assertUsage(
    ['queue', 'ls', '--vohst', 'x'],
    /polymq queue ls has no option "--vohst"\. Did you mean --vhost\?/,
  )
  assertUsage(['\u001b[2J'], /"\\u001b\[2J"/)
})

test('what is missing or too much is said, with where to read on', () => {
  assertUsage(['queue'], /^What about the queue\? It is polymq queue ls\|/)
  assertUsage(['queue', 'get'], /needs QUEUE\. See polymq queue get -h\./)
  assertUsage(['queue', 'get', 'a', 'b'], /does not know what to do with "b"\. Quote/)
  assertUsage(['feed', 'create', 'f', '--stream', 's'], /needs --exchange EXCHANGE/)
  assertUsage(['queue', 'ls', '--vhost'], /--vhost needs a value: --vhost NAME\./)
  assertUsage(['queue', 'ls', '--vhost', '--all-vhosts'], /--vhost needs a value/)
  assertUsage(['queue', 'ls', '--all-vhosts=yes'], /takes no value/)
  assertUsage(['queue', 'ls', '-o', 'xml'], /Allowed: table, json\./)
  assertUsage(['group', 'create', 'g'], /A group is there once a consumer of it/)
})

test('doctor and config show take the flags of a broker, other commands do not', () => {
  const { brokerArgs, options } = read('doctor', '--data', './d', '--insecure', '-o', 'json')
  assert.deepEqual([brokerArgs, options.get('output')], [['--data=./d', '--insecure'], ['json']])
  assertUsage(['config', 'show', '--kafka-prot', '1'], /Did you mean --kafka-port\?/)
  assertUsage(['queue', 'ls', '--data', 'x'], /has no option "--data"/)
})

test('help is there of all, of a noun, and of each command, and fits 100 columns', () => {
  const screen = help('help')
  for (const { name } of commandTable)
    assert.ok(screen.includes(name.split(' ').at(-1) ?? ''), name)
  assert.ok(screen.split('\n').length <= 48, 'one screen')
  assert.equal(screen.split('\nExamples\n')[1]?.split('\n\n')[0]?.split('\n').length, 3)
  assert.match(help('queue', '-h'), /polymq queue purge QUEUE/)
  assert.match(help('help', 'server'), /--amqp-port PORT/)
  for (const spec of commandTable) {
    const text = help(...spec.name.split(' '), '--help')
    assert.equal(text, help('help', ...spec.name.split(' ')))
    for (const { name } of spec.options ?? [])
      assert.ok(text.includes(`--${name}`), `${spec.name} ${name}`)
  }
  const texts = [screen, ...commandTable.map(({ name }) => help(...name.split(' '), '-h'))]
  for (const line of texts.flatMap((text) => text.split('\n'))) assert.ok(line.length <= 100, line)
})

test('words of a broker stay with it, all others go to the table', () => {
  for (const args of [
    [],
    ['--amqp-port', '1'],
    ['server', '--data=x'],
    ['version'],
    ['help'],
    ['--help'],
  ]) {
    assert.equal(wordsForOthers(args), undefined, args.join(' '))
  }
  assert.deepEqual(wordsForOthers(['-h']), ['help'])
  assert.deepEqual(wordsForOthers(['queue', 'ls']), ['queue', 'ls'])
  assert.deepEqual(wordsForOthers(['help', 'queue']), ['help', 'queue'])
  for (const word of brokerCommands)
    assert.ok(!commandTable.some(({ name }) => name === word), word)
})

test('flags of one command have names and letters of their own', () => {
  for (const { name, options = [] } of commandTable) {
    const flags = options.flatMap((option) => [option.name, option.short ?? []].flat())
    assert.equal(new Set(flags).size, flags.length, name)
  }
})

test('everything destructive can be said yes to in advance', () => {
  for (const { name, options = [], isDestructive } of commandTable) {
    const isRemoval = /\b(rm|purge|reset)$/.test(name)
    assert.equal(isDestructive === true, isRemoval, name)
    assert.equal(
      options.some((option) => option.name === 'yes'),
      isRemoval,
      name,
    )
  }
})
