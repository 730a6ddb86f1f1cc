/** What is told once a broker is ready: where to connect, whether anything is kept, and last what is not as expected. */
import { styleText } from 'node:util'
import type { LogFields } from '../base/log.ts'
import type { Durability } from '../core/commits.ts'
import type { ListenAddress, RunningBroker } from '../index.ts'
import { listeners } from './listeners.ts'
import type { ListenerName } from './listeners.ts'
import { PATH_CHARACTERS_MAX, printable } from './printable.ts'

export interface FirstRun {
  readonly version: string
  readonly readyMs: number
  readonly addresses: RunningBroker['addresses']
  /** Listeners that speak TLS. */
  readonly encrypted?: readonly ListenerName[]
  /** Undefined: in memory. */
  readonly data: { readonly directory: string; readonly durability: Durability } | undefined
  /** The configuration file that was read, as it is shown. */
  readonly config?: string | undefined
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
    `${bold(`PolyMQ ${run.version}`)}  ${ready}   ${keptText(run.data)}`,
    ...(run.config === undefined ? [] : [`configured by ${run.config}`]),
    '',
    ...listeners.flatMap((listener) => {
      const address = run.addresses[listener.name]
      if (address === undefined || unlisted.has(listener.name)) return []
      const title = listener.title.padEnd(TITLE_WIDTH)
      return [`  ${title}${connectText(listener.name, address, run)}`]
    }),
    '',
    ...run.warnings.map((warning) => `  ${yellow('!')} ${warning}`),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}

/** The same for a log. */
export function readyFields(
  run: Pick<FirstRun, 'readyMs' | 'addresses' | 'data' | 'config'>,
): LogFields {
  const entries = listeners.flatMap(({ name }) => {
    const address = run.addresses[name]
    return address === undefined ? [] : [[name, placeText(address)]]
  })
  return {
    readyMs: Math.round(run.readyMs),
    ...(Object.fromEntries(entries) as LogFields),
    ...(run.data && { data: run.data.directory, durability: run.data.durability }),
    ...(run.config !== undefined && { config: run.config }),
  }
}

function keptText(data: FirstRun['data']): string {
  if (data === undefined) return 'in memory: gone when it stops'
  return `data in ${printable(data.directory, PATH_CHARACTERS_MAX)}, durability ${data.durability}`
}

/** Tools know where it is, and nobody who starts a broker for the first time looks for it. */
const unlisted: ReadonlySet<ListenerName> = new Set(['natsMonitoring'])

const TITLE_WIDTH =
  Math.max(
    ...listeners.filter(({ name }) => !unlisted.has(name)).map(({ title }) => title.length),
  ) + 3

function connectText(
  name: ListenerName,
  address: ListenAddress,
  { users, encrypted = [] }: FirstRun,
): string {
  const where = placeText(address)
  if (name === 'kafka') return where
  if (name === 'nats') return `${encrypted.includes('nats') ? 'tls' : 'nats'}://${where}`
  if (name === 'redis') return `redis://${where}`
  if (name === 'management') return `http://${where}`
  const credentials = users.length === 0 ? 'guest:guest' : encodeURIComponent(users[0]!)
  return `amqp://${credentials}@${where}`
}

function placeText({ host, port }: ListenAddress): string {
  return `${hostForClients(host)}:${port}`
}

const everywhere: readonly string[] = ['127.0.0.1', '::1', '0.0.0.0', '::']

/** A name that works on this machine, rather than `0.0.0.0`, which is no place to connect to. */
function hostForClients(host: string): string {
  if (everywhere.includes(host)) return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
