/**
 * Log lines: JSON for machines, short and aligned for a person. Everything in a line may stem from
 * a peer, so all of it goes through printable(). Ours and not a library's: see
 * docs/internals/dependencies.md for what pino costs here.
 */
import { styleText } from 'node:util'
import type { LogFields, Logger } from '../base/log.ts'
import { logLevels } from './options.ts'
import type { LogFormat, LogLevel } from './options.ts'
import { printable } from './printable.ts'

export interface LoggerOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  readonly colour: boolean
  /** Takes one line with its line break. */
  readonly write: (line: string) => void
  readonly now: () => Date
}

/** Only our own stacks go in a field of this name; they are longer than what a peer may write. */
const STACK = 'stack'
const STACK_CHARACTERS_MAX = 4096

const reserved: ReadonlySet<string> = new Set(['ts', 'level', 'msg'])

const colours = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const

export function createLogger(options: LoggerOptions): Logger {
  return new LineLogger(options, {})
}

class LineLogger implements Logger {
  readonly #options: LoggerOptions
  readonly #fields: LogFields
  readonly #levelMin: number

  constructor(options: LoggerOptions, fields: LogFields) {
    this.#options = options
    this.#fields = fields
    this.#levelMin = logLevels.indexOf(options.level)
  }

  debug(message: string, fields?: LogFields): void {
    this.#log('debug', message, fields)
  }

  info(message: string, fields?: LogFields): void {
    this.#log('info', message, fields)
  }

  warn(message: string, fields?: LogFields): void {
    this.#log('warn', message, fields)
  }

  error(message: string, fields?: LogFields): void {
    this.#log('error', message, fields)
  }

  child(fields: LogFields): Logger {
    return new LineLogger(this.#options, { ...this.#fields, ...fields })
  }

  #log(level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (logLevels.indexOf(level) < this.#levelMin) return
    const { format, colour, now, write } = this.#options
    const { sub, ...rest } = { ...this.#fields, ...fields }
    const line = { ts: now(), level, sub, message, rest }
    write(format === 'json' ? jsonLine(line) : prettyLine(line, colour))
  }
}

interface Line {
  readonly ts: Date
  readonly level: LogLevel
  readonly sub: LogFields[string] | undefined
  readonly message: string
  readonly rest: LogFields
}

function jsonLine(line: Line): string {
  // A field of the call must not pass for one of the line's own.
  const fields = Object.entries(line.rest).filter(([name]) => !reserved.has(name))
  const entries = fields.map(([name, value]) => [printable(name), safeValue(name, value)] as const)
  const json = JSON.stringify({
    ts: line.ts.toISOString(),
    level: line.level,
    ...(line.sub === undefined ? {} : { sub: safeValue('sub', line.sub) }),
    msg: printable(line.message),
    ...Object.fromEntries(entries),
  })
  return `${json}\n`
}

function prettyLine(line: Line, colour: boolean): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text
  const { [STACK]: stack, ...rest } = line.rest
  const fields = Object.entries(rest).map(
    ([name, value]) => ` ${paint('dim', `${name}=`)}${safeValue(name, value)}`,
  )
  const time = paint('dim', line.ts.toISOString().slice(11, 23))
  const level = paint(colours[line.level], line.level.padEnd(5))
  const sub = line.sub === undefined ? '' : `${safeValue('sub', line.sub)}: `
  const trace = stack === undefined ? '' : `${prettyStack(String(stack))}`
  return `${time} ${level} ${sub}${printable(line.message)}${fields.join('')}\n${trace}`
}

function prettyStack(stack: string): string {
  const lines = stack.slice(0, STACK_CHARACTERS_MAX).split('\n')
  return lines.map((each) => `    ${printable(each.trim())}\n`).join('')
}

function safeValue(name: string, value: LogFields[string]): LogFields[string] {
  if (typeof value !== 'string') return value
  return printable(value, name === STACK ? STACK_CHARACTERS_MAX : undefined)
}
