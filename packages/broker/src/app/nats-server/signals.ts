/** What signals do to it, and `-sl`, which sends them. */
import { readFileSync } from 'node:fs'
import type { LogLines } from './log-lines.ts'
import type { LogTarget } from './log-target.ts'
import { LaunchError } from './settings.ts'

export interface SignalsOptions {
  readonly log: LogLines
  readonly target: LogTarget
  /** Stops, and never rejects. */
  readonly close: () => Promise<void>
}

/** How nats-server 2.9 ends. */
const exitCodes = { SIGINT: 0, SIGTERM: 1 } as const

/** In Go's words. */
const names: Readonly<Record<string, string>> = {
  SIGINT: 'interrupt',
  SIGTERM: 'terminated',
  SIGHUP: 'hangup',
  SIGUSR1: 'user defined signal 1',
  SIGUSR2: 'user defined signal 2',
}

export function obeySignals({ log, target, close }: SignalsOptions): void {
  const trapped = (signal: string): void => log.info(`Trapped "${names[signal]}" signal`)
  let isStopping = false
  const stop = (signal: 'SIGINT' | 'SIGTERM'): void => {
    trapped(signal)
    const code = exitCodes[signal]
    if (isStopping) process.exit(code)
    isStopping = true
    void close().then(() => process.exit(code))
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  process.on('SIGHUP', (signal) => {
    trapped(signal)
    log.error('Failed to reload server configuration: it is read at the start only')
  })
  process.on('SIGUSR1', (signal) => {
    trapped(signal)
    reopen(target, log)
  })
  process.on('SIGUSR2', (signal) => {
    trapped(signal)
    log.error('lame duck mode is not served; the signals to stop are SIGINT and SIGTERM')
  })
}

function reopen(target: LogTarget, log: LogLines): void {
  try {
    if (target.reopen()) log.info('File log re-opened')
    else log.info('File log re-open ignored, not a file logger')
  } catch (error) {
    log.error(`Unable to re-open the log: ${error instanceof Error ? error.message : error}`)
  }
}

const commands: ReadonlyMap<string, NodeJS.Signals> = new Map([
  ['stop', 'SIGKILL'],
  ['quit', 'SIGINT'],
  ['term', 'SIGTERM'],
  ['reopen', 'SIGUSR1'],
  ['reload', 'SIGHUP'],
  ['ldm', 'SIGUSR2'],
])

/** `stop=812` or `stop=/run/nats.pid`. Throws a LaunchError. */
export function sendSignal(text: string): void {
  const [command = '', where = ''] = text.split('=', 2)
  const signal = commands.get(command)
  if (signal === undefined) throw new LaunchError(`unknown signal "${command}"`)
  if (where === '') throw new LaunchError(`-sl ${command}: say to whom, as in -sl ${command}=812`)
  const pid = /^\d+$/.test(where) ? Number(where) : pidOfFile(where)
  try {
    process.kill(pid, signal)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new LaunchError(`signal "${command}" ${pid}: ${why}`, { cause: error })
  }
}

function pidOfFile(file: string): number {
  let text: string
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new LaunchError(`cannot read the pid: ${why}`, { cause: error })
  }
  // 0 and below are groups of processes.
  if (!/^[1-9]\d*$/.test(text)) throw new LaunchError(`invalid pid: ${text}`)
  return Number(text)
}
