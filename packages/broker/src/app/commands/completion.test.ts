import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { completionScript } from './completion.ts'

/** What bash offers when Tab is pressed behind these words. */
function complete(...words: string[]): string[] {
  const script = `${completionScript('bash')}
COMP_WORDS=(polymq "$@"); COMP_CWORD=$#; _polymq; printf '%s\\n' "\${COMPREPLY[@]}"`
  const output = execFileSync('bash', ['--norc', '-c', script, 'bash', ...words], {
    encoding: 'utf8',
  })
  return output.split('\n').filter((line) => line !== '')
}

function has(shell: string): boolean {
  try {
    execFileSync(shell, ['-c', 'exit 0'])
    return true
  } catch {
    return false
  }
}

test('bash completes nouns, verbs and flags', (t) => {
  if (!has('bash')) return t.skip('there is no bash here')
  assert.deepEqual(complete('que'), ['queue'])
  assert.deepEqual(complete('queue', 'p'), ['purge'])
  assert.deepEqual(complete('queue', 'rm', '--if'), ['--if-unused', '--if-empty'])
  assert.deepEqual(complete('group', 'reset', 'g', '--dry'), ['--dry-run'])
  assert.deepEqual(complete('pub', 'amqp:q', '--pers'), ['--persistent'])
  assert.deepEqual(complete('--kafka-p'), ['--kafka-port'])
  assert.deepEqual(complete('server', '--data'), ['--data'])
  assert.deepEqual(complete('completion', 'z'), ['zsh'])
  assert.ok(complete('').includes('doctor'))
})

test('the scripts of zsh and fish are read without complaint', (t) => {
  for (const shell of ['zsh', 'fish']) {
    if (!has(shell)) {
      t.diagnostic(`there is no ${shell} here`)
      continue
    }
    execFileSync(shell, ['-n', '-c', completionScript(shell)])
  }
  assert.match(completionScript('zsh'), /^#compdef polymq\n/)
  assert.match(
    completionScript('fish'),
    /__fish_seen_subcommand_from queue; and __fish_seen_subcommand_from rm' -l if-empty/,
  )
  assert.throws(() => completionScript('tcsh'), /bash, zsh and fish/)
})
