/** Log lines as nats-server writes them, which test suites read: `[812] 2026/11/26 17:10:02.123000 [INF] Server is ready`. */
import type { LogFields, Logger } from '../../base/log.ts'
import { printable } from '../printable.ts'

export interface LogLinesOptions {
  readonly write: (line: string) => void
  readonly now: () => Date
  readonly pid: number
  readonly debug: boolean
  readonly time: boolean
}

type Label = 'DBG' | 'INF' | 'WRN' | 'ERR' | 'FTL'

const STACK_CHARACTERS_MAX = 4096
const MESSAGE_CHARACTERS_MAX = 1024

export class LogLines implements Logger {
  readonly #options: LogLinesOptions
  readonly #fields: LogFields

  constructor(options: LogLinesOptions, fields: LogFields = {}) {
    this.#options = options
    this.#fields = fields
  }

  debug(message: string, fields?: LogFields): void {
    if (this.#options.debug) this.#log('DBG', message, fields)
  }

  info(message: string, fields?: LogFields): void {
    this.#log('INF', message, fields)
  }

  warn(message: string, fields?: LogFields): void {
    this.#log('WRN', message, fields)
  }

  error(message: string, fields?: LogFields): void {
    this.#log('ERR', message, fields)
  }

  /** What ends the start. */
  fatal(message: string): void {
    this.#log('FTL', message, undefined)
  }

  child(fields: LogFields): LogLines {
    return new LogLines(this.#options, { ...this.#fields, ...fields })
  }

  #log(label: Label, message: string, fields: LogFields | undefined): void {
    const { pid, time, now, write } = this.#options
    const { sub, ...rest } = { ...this.#fields, ...fields }
    const room = sub === undefined ? '' : `${printable(String(sub))}: `
    const details = Object.entries(rest).map(([name, value]) => {
      const text = printable(String(value), name === 'stack' ? STACK_CHARACTERS_MAX : undefined)
      return ` ${printable(name)}=${text}`
    })
    const stamp = time ? `${stampOf(now())} ` : ''
    const said = printable(message, MESSAGE_CHARACTERS_MAX)
    write(`[${pid}] ${stamp}[${label}] ${room}${said}${details.join('')}\n`)
  }
}

/** In the time of this place. */
function stampOf(at: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${at.getFullYear()}/${two(at.getMonth() + 1)}/${two(at.getDate())}`
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  return `${day} ${time}.${String(at.getMilliseconds()).padStart(3, '0')}000`
}
