import type { LogFields, Logger } from '../../../packages/broker/src/index.ts'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: LogFields
}

/** A logger that keeps its lines, for tests that count them. Children write to the same list. */
export function recordingLogger(lines: LogLine[], inherited: LogFields = {}): Logger {
  const record =
    (level: LogLine['level']) =>
    (message: string, fields: LogFields = {}): void => {
      lines.push({ level, message, fields: { ...inherited, ...fields } })
    }
  return {
    debug: record('debug'),
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
    child: (fields) => recordingLogger(lines, { ...inherited, ...fields }),
  }
}

/** What an operator sees at the standard level. */
export function visibleLines(lines: readonly LogLine[]): readonly LogLine[] {
  return lines.filter((line) => line.level !== 'debug')
}
