/**
 * The documentation against the tables that it is about. A row that is missing or says something else is printed as it should be:
 * copy it into the file.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { commandTable } from './commands/command-table.ts'
import { usageOf } from './commands/command-help.ts'
import { declarationSections } from './declarations/declarations.ts'
import { permissionShape, shapes, streamConfigShape, type Shape } from './declarations/shapes.ts'
import { ExitCode } from './exit.ts'
import { options } from './options.ts'

function readDoc(name: string): string {
  return readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), 'utf8')
}

/** Of the table under a heading, its rows; without what stands between the cells to please the eye. */
function rowsUnder(doc: string, heading: string): string[] {
  const [, section = ''] = doc.split(`\n## ${heading}\n`)
  const lines = section.split('\n## ')[0]?.split('\n') ?? []
  return lines.filter((line) => line.startsWith('| ')).slice(1)
}

function assertRows(rows: readonly string[], expected: readonly string[]): void {
  assert.deepEqual(rows.join('\n'), expected.join('\n'))
}

function code(text: string | undefined): string {
  return text === undefined ? '' : `\`${text}\``
}

test('docs/configuration.md has every setting, as the one list of options says it', () => {
  const expected = options
    .filter(({ commands }) => commands.includes('start'))
    .map(({ name, key, variable, placeholder, standard, help }) => {
      const flag = placeholder === undefined ? `--${name}` : `--${name} ${placeholder}`
      return `| ${[code(key), code(flag), code(variable), standard, help].join(' | ')} |`
    })
  assertRows(rowsUnder(readDoc('configuration.md'), 'Settings'), expected)
})

test('docs/configuration.md has every key of the declarations', () => {
  const keysOf = (shape: Shape): string =>
    Object.entries(shape)
      .map(([key, { required }]) => (required === true ? `**${key}**` : key))
      .join(', ')
  const expected = [
    ...declarationSections.map((section) => `| ${code(section)} | ${keysOf(shapes[section])} |`),
    `| ${code('permissions')} of a user | ${keysOf(permissionShape)} |`,
    `| ${code('config')} of a stream | ${keysOf(streamConfigShape)} |`,
  ]
  assertRows(rowsUnder(readDoc('configuration.md'), 'Keys of the declarations'), expected)
})

test('docs/cli.md has every command and every exit code', () => {
  const doc = readDoc('cli.md')
  const expected = commandTable.map((spec) => `| ${code(usageOf(spec))} | ${spec.summary} |`)
  assertRows(rowsUnder(doc, 'Commands'), expected)
  const codes = rowsUnder(doc, 'Exit codes').map((row) => Number(row.split(' ', 2)[1]))
  assert.deepEqual(
    codes,
    Object.values(ExitCode).toSorted((a, b) => a - b),
  )
})
