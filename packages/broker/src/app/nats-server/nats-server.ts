/**
 * `polymq nats-server`: starts a broker where something wants to start nats-server, with the same flags, configuration, log lines,
 * ports file and exit codes. It is a translation, and what cannot be translated ends the start.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { systemRandom } from '../../core/auth/random.ts'
import type { RunningBroker } from '../../index.ts'
import type { Environment } from '../invocation.ts'
import type { StartBroker } from '../launcher.ts'
import { readVersion } from '../version.ts'
import { ConfigError } from './config-tree.ts'
import { FlagError, readFlags, type Flags } from './flags.ts'
import { LogLines } from './log-lines.ts'
import { LogTarget } from './log-target.ts'
import { hostPort, portsFileOf, portsText, removePortsFile, writePortsFile } from './ports-file.ts'
import { readSettings } from './read-settings.ts'
import { LaunchError, type NatsSettings } from './settings.ts'
import { obeySignals, sendSignal } from './signals.ts'
import { planStart, type StartPlan } from './start-options.ts'
import { usage } from './usage.ts'

export interface NatsServerRun {
  readonly args: readonly string[]
  readonly env: Environment
  readonly loadBroker: () => Promise<StartBroker>
}

const FAILED = 1

/** Resolves with the exit code, or with undefined while a broker runs. */
export async function runNatsServer(run: NatsServerRun): Promise<number | undefined> {
  try {
    const { flags, words } = readFlags(run.args)
    if (flags.switch('version') === true || words[0]?.toLowerCase() === 'version') {
      return await tellVersion()
    }
    if (flags.switch('help') === true || words[0]?.toLowerCase() === 'help') return tell(usage)
    if (flags.switch('help_tls') === true) return tell(usage)
    if (words[0] !== undefined) throw new LaunchError(`unrecognized command: "${words[0]}"`)
    return await obey(flags, run)
  } catch (error) {
    if (error instanceof FlagError) {
      // nats-server ends so too: what starts it learns of a wrong flag by the text alone.
      process.stderr.write(`${error.message}\n`)
      return tell(usage)
    }
    if (error instanceof LaunchError || error instanceof ConfigError) return fail(error.message)
    throw error
  }
}

/** On standard output it is what a script compares. */
async function tellVersion(): Promise<number> {
  process.stderr.write(`PolyMQ ${readVersion()}, in place of nats-server\n`)
  return tell(`nats-server: v${await natsVersion()}\n`)
}

/** Of the nats-server whose protocol is spoken. */
async function natsVersion(): Promise<string> {
  return (await import('../../protocols/nats/head.ts')).NATS_VERSION
}

function tell(text: string): number {
  process.stdout.write(text)
  return 0
}

function fail(message: string): number {
  process.stderr.write(`nats-server: ${message}\n`)
  return FAILED
}

async function obey(flags: Flags, { env, loadBroker }: NatsServerRun): Promise<number | undefined> {
  const signal = flags.text('signal') ?? ''
  if (signal !== '') {
    sendSignal(signal)
    return 0
  }
  const config = flags.text('config') ?? ''
  const isCheck = flags.switch('t') === true
  if (isCheck && config === '') {
    throw new LaunchError('must specify [-c, --config] option to check configuration file syntax')
  }
  const readFile = (file: string): string => readFileSync(file, 'utf8')
  const settings = readSettings(flags, { read: readFile, env })
  const plan = planStart(settings, { readFile, random: systemRandom })
  if (!isCheck) return serve(settings, { plan, config, loadBroker })
  process.stderr.write(`nats-server: configuration file ${config} is valid\n`)
  return 0
}

async function serve(
  settings: NatsSettings,
  {
    plan,
    config,
    loadBroker,
  }: {
    readonly plan: StartPlan
    readonly config: string
    readonly loadBroker: NatsServerRun['loadBroker']
  },
): Promise<number | undefined> {
  const target = openLog(settings)
  const log = new LogLines({
    write: (line) => target.write(line),
    now: () => new Date(),
    pid: process.pid,
    debug: settings.debug,
    time: settings.logTime,
  })
  log.info('Starting nats-server')
  log.info(`  Version:  ${await natsVersion()}, as served by PolyMQ ${readVersion()}`)
  if (settings.serverName !== undefined) log.info(`  Name:     ${settings.serverName}`)
  if (config !== '') log.info(`Using configuration file: ${config}`)
  for (const note of plan.notes) log.warn(note)
  let broker: RunningBroker
  try {
    broker = await (await loadBroker())({ ...plan.options, log })
  } catch (error) {
    log.fatal(whyNotStarted(error, settings))
    return FAILED
  }
  const files = announce(broker, { settings, log })
  obeySignals({ log, target, close: () => close(broker, { log, files }) })
  // Node writes its compile cache when it exits; a test suite kills.
  flushCompileCache()
  return undefined
}

function openLog({ logFile }: NatsSettings): LogTarget {
  try {
    return new LogTarget(logFile)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new LaunchError(`error opening file: ${why}`, { cause: error })
  }
}

/** What the person can mend; all else is a fault of ours. The last is of a limit that cannot be. */
const mendable: ReadonlySet<unknown> = new Set([
  'EACCES',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ExposedError',
  'UserError',
  'RangeError',
])

function whyNotStarted(error: unknown, { host, tls }: NatsSettings): string {
  if (!(error instanceof Error)) throw error
  const code = 'code' in error ? error.code : error.name
  if (code === 'EADDRINUSE') {
    const port = 'port' in error ? Number(error.port) : 0
    const where = hostPort({ host: host ?? 'localhost', port })
    return `Error listening on port: ${where}, "listen tcp ${where}: bind: address already in use"`
  }
  if (mendable.has(code)) return error.message
  if (tls !== undefined && error.name === 'TlsError' && 'part' in error) {
    const { certFile, keyFile, clientCaFile } = tls
    const files = { cert: certFile, key: keyFile, ca: clientCaFile }
    const file = files[error.part as keyof typeof files]
    return `error parsing X509 certificate/key pair: ${file}: ${error.message}`
  }
  throw error
}

/** Files and log lines by which it is known to be ready. Returns the files that go with it. */
function announce(
  { addresses }: RunningBroker,
  { settings, log }: { readonly settings: NatsSettings; readonly log: LogLines },
): readonly string[] {
  const { nats, natsMonitoring } = addresses
  const hasTls = settings.tls !== undefined
  if (natsMonitoring !== undefined) {
    log.info(`Starting http monitor on ${hostPort(natsMonitoring)}`)
  }
  if (nats !== undefined) log.info(`Listening for client connections on ${hostPort(nats)}`)
  if (hasTls) log.info('TLS required for client connections')
  const { pidFile, portsFileDir } = settings
  if (pidFile !== undefined) {
    write(log, `Could not write pidfile: `, () => writeFileSync(pidFile, String(process.pid)))
  }
  const portsFile = portsFileDir === undefined ? undefined : portsFileOf(portsFileDir, process.pid)
  if (portsFile !== undefined) {
    const text = portsText(addresses, { hasTls })
    write(log, `Error writing ports file (${portsFile}): `, () => writePortsFile(portsFile, text))
  }
  log.info('Server is ready')
  return portsFile === undefined ? [] : [portsFile]
}

/** nats-server serves without such a file too. */
function write(log: LogLines, complaint: string, action: () => void): void {
  try {
    action()
  } catch (error) {
    log.error(`${complaint}${error instanceof Error ? error.message : String(error)}`)
  }
}

async function close(
  broker: RunningBroker,
  { log, files }: { readonly log: LogLines; readonly files: readonly string[] },
): Promise<void> {
  log.info('Initiating Shutdown...')
  try {
    await broker.close()
  } catch (error) {
    log.error(`the broker did not close cleanly: ${String(error)}`)
  }
  for (const file of files) removePortsFile(file)
  log.info('Server Exiting..')
}
