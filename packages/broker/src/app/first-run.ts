/** What `polymq` prints once it is ready: where to connect, and last what is not as expected. */
import { styleText } from 'node:util'
import type { ListenAddress, RunningBroker } from '../index.ts'
import { listeners } from './listeners.ts'
import type { ListenerName } from './listeners.ts'

export interface FirstRun {
  readonly version: string
  readonly readyMs: number
  readonly addresses: RunningBroker['addresses']
  /** Names only: a password in a terminal's scroll-back is one too many. */
  readonly users: readonly string[]
  readonly warnings: readonly string[]
  readonly colour: boolean
}

export function firstRunText(run: FirstRun): string {
  const bold = (text: string): string =>
    run.colour ? styleText('bold', text, { validateStream: false }) : text
  const yellow = (text: string): string =>
    run.colour ? styleText('yellow', text, { validateStream: false }) : text
  const ready = `ready in ${Math.round(run.readyMs)} ms`
  const lines = [
    `${bold(`PolyMQ ${run.version}`)}  ${ready}   in memory: gone when it stops`,
    '',
    ...listeners.flatMap((listener) => {
      const address = run.addresses[listener.name]
      if (address === undefined) return []
      const title = listener.title.padEnd(TITLE_WIDTH)
      return [`  ${title}${connectText(listener.name, address, run.users)}`]
    }),
    '',
    ...run.warnings.map((warning) => `  ${yellow('!')} ${warning}`),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}

const TITLE_WIDTH = Math.max(...listeners.map((listener) => listener.title.length)) + 3

function connectText(name: ListenerName, address: ListenAddress, users: readonly string[]): string {
  const where = `${hostForClients(address.host)}:${address.port}`
  if (name === 'kafka') return where
  const credentials = users.length === 0 ? 'guest:guest' : encodeURIComponent(users[0]!)
  return `amqp://${credentials}@${where}`
}

const everywhere: readonly string[] = ['127.0.0.1', '::1', '0.0.0.0', '::']

/** A name that works on this machine, rather than `0.0.0.0`, which is no place to connect to. */
function hostForClients(host: string): string {
  if (everywhere.includes(host)) return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
