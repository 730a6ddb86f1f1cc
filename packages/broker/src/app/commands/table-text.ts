/** Tables for people. What the broker says stems from its clients: no cell may drive the terminal. */
import { styleText } from 'node:util'
import { escapeUnsafe, printable } from '../printable.ts'

/** The longest cell; names have at most 255 bytes. */
const CELL_CHARACTERS_MAX = 300

export interface TableOptions {
  readonly colour: boolean
}

/** Columns are fields of the rows. Numbers stand at the right. No line where there is no row. */
export function tableText(
  rows: readonly Readonly<Record<string, unknown>>[],
  columns: readonly string[],
  { colour }: TableOptions,
): string {
  if (rows.length === 0) return ''
  const cells = rows.map((row) => columns.map((column) => cellText(row[column])))
  const titles = columns.map(titleOf)
  const isNumber = columns.map((column) => rows.every((row) => typeof row[column] === 'number'))
  const widths = titles.map((title, index) => {
    return Math.max(title.length, ...cells.map((line) => line[index]?.length ?? 0))
  })
  const lineOf = (line: readonly string[]): string => {
    const padded = line.map((cell, index) => {
      const width = widths[index] ?? 0
      return isNumber[index] === true ? cell.padStart(width) : cell.padEnd(width)
    })
    return padded.join('  ').trimEnd()
  }
  const head = lineOf(titles)
  return [bold(head, colour), ...cells.map(lineOf), ''].join('\n')
}

/** One thing: a line for each of its fields. */
export function recordText(
  record: Readonly<Record<string, unknown>>,
  tables: Readonly<Record<string, readonly string[]>>,
  options: TableOptions,
): string {
  const fields = Object.entries(record)
    .filter(([name]) => !Object.hasOwn(tables, name))
    .flatMap(([name, value]) => spreadOut(name, value))
  const width = Math.max(0, ...fields.map(([name]) => titleOf(name).length)) + 2
  const lines = fields.map(([name, value]) => {
    return `${bold(titleOf(name).padEnd(width), options.colour)}${cellText(value)}`.trimEnd()
  })
  const parts = Object.entries(tables).map(([name, columns]) => {
    const rows = (record[name] ?? []) as readonly Readonly<Record<string, unknown>>[]
    return rows.length === 0 ? '' : `\n${tableText(rows, columns, options)}`
  })
  return `${lines.join('\n')}\n${parts.join('')}`
}

/** A group of fields of ours becomes a line each; what clients have named stays together, as they wrote it. */
function spreadOut(name: string, value: unknown): (readonly [string, unknown])[] {
  const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isGroup || name === 'arguments') return [[name, value]]
  return Object.entries(value).map(([field, each]) => [`${name} ${field}`, each] as const)
}

/** One line that JSON.parse understands; what could drive a terminal is escaped, which JSON allows anywhere in a string. */
export function jsonLine(value: unknown): string {
  return `${escapeUnsafe(JSON.stringify(value))}\n`
}

/** The same over several lines, for things that a person looks at too. */
export function jsonText(value: unknown): string {
  const lines = JSON.stringify(value, undefined, 2).split('\n')
  return `${lines.map(escapeUnsafe).join('\n')}\n`
}

export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '-'
  if (typeof value === 'string') return value === '' ? "''" : printable(value, CELL_CHARACTERS_MAX)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(cellText).join(', ')
  if (typeof value === 'object' && Object.keys(value).length === 0) return '-'
  return printable(JSON.stringify(value), CELL_CHARACTERS_MAX)
}

/** `routingKey` is ROUTING KEY. */
function titleOf(field: string): string {
  return field.replace(/([a-z])([A-Z])/g, '$1 $2').toUpperCase()
}

function bold(text: string, colour: boolean): string {
  return colour ? styleText('bold', text, { validateStream: false }) : text
}
