import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFlags } from './flags.ts'

test('a flag has one dash or two, its value behind = or in the next word', () => {
  for (const args of [['-p', '4223'], ['--port', '4223'], ['-port=4223'], ['--p=4223']]) {
    assert.equal(readFlags(args).flags.whole('port'), 4223, args.join(' '))
  }
  assert.equal(readFlags(['-p', '-1']).flags.whole('port'), -1)
  assert.equal(readFlags(['--user', '-x']).flags.text('user'), '-x')
})

test('a switch takes a value behind = only', () => {
  assert.equal(readFlags(['-D']).flags.switch('debug'), true)
  assert.equal(readFlags(['--tls=false']).flags.switch('tls'), false)
  const { flags, words } = readFlags(['-DV', 'false', '-p', '1'])
  assert.equal(flags.switch('DV'), true)
  assert.deepEqual(words, ['false', '-p', '1'])
})

test('of a flag that is given again the last holds, whatever it is called', () => {
  assert.equal(readFlags(['-a', 'x', '--net', 'y']).flags.text('addr'), 'y')
})

test('what is wrong is told in the words of Go', () => {
  const faults = [
    [['-x'], 'flag provided but not defined: -x'],
    [['--nothing=1'], 'flag provided but not defined: -nothing'],
    [['-p'], 'flag needs an argument: -p'],
    [['-p', 'x'], 'invalid value "x" for flag -p: parse error'],
    [['-D=maybe'], 'invalid boolean value "maybe" for -D: parse error'],
    [['---p'], 'bad flag syntax: ---p'],
    [['-=1'], 'bad flag syntax: -=1'],
  ] as const
  for (const [args, message] of faults) {
    assert.throws(() => readFlags(args), { name: 'FlagError', message })
  }
})
