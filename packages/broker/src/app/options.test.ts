import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ExitCode } from './exit.ts'
import { helpText } from './help.ts'
import { options } from './options.ts'

test('every option of a broker has a variable made from its name', () => {
  for (const { name, variable, commands } of options) {
    if (!commands.includes('start')) continue
    assert.equal(variable, `POLYMQ_${name.toUpperCase().replaceAll('-', '_')}`)
  }
})

test('the production profile takes what the other takes', () => {
  for (const { name, commands } of options) {
    assert.equal(commands.includes('server'), commands.includes('start'), name)
  }
})

test('every option and every variable is in the help text', () => {
  const help = helpText()
  for (const { name, variable } of options) {
    assert.ok(help.includes(`--${name}`), name)
    assert.ok(help.includes(variable ?? ''), variable)
  }
})

test('README and help name every option and every exit code', () => {
  const readme = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8')
  for (const { name, short } of options) {
    assert.match(readme, new RegExp(short === undefined ? `--${name}\\b` : `\\B-${short} `), name)
  }
  for (const text of [readme, helpText()]) {
    const codes = /^Exit codes: [^]*?\.$/m.exec(text)?.[0] ?? ''
    const numbers = (codes.match(/\d+/g) ?? []).map(Number)
    assert.deepEqual(
      numbers,
      Object.values(ExitCode).toSorted((a, b) => a - b),
    )
  }
})

test('the help text fits a terminal of 100 columns', () => {
  for (const line of helpText().split('\n')) assert.ok(line.length <= 100, line)
})
