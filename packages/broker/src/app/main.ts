/** The command `polymq`, apart from which broker it starts: cli.ts brings that. */
import { flushCompileCache } from 'node:module'
import type { Logger } from '../base/log.ts'
import { isAnswered } from '../base/net/probe.ts'
import { findConfig } from './config/find-config.ts'
import type { ConfigFile } from './config/config-file.ts'
import { ExitCode, ExitError } from './exit.ts'
import { failureOf } from './failures.ts'
import { firstRunText, readyFields } from './first-run.ts'
import { helpText } from './help.ts'
import { readInvocation, wordsForNatsServer, wordsForOthers } from './invocation.ts'
import type { Invocation } from './invocation.ts'
import { hostsToProbe, launch } from './launcher.ts'
import type { Launched, StartBroker } from './launcher.ts'
import { createLogger } from './logger.ts'
import type { LogFormat } from './options.ts'
import { findPortOwner } from './port-owner.ts'
import type { InspectStore } from './repair.ts'
import { closeOnSignal } from './shutdown.ts'
import { keepYoungGenerationSmall } from './small-heap.ts'
import { thisMachine, wantsColour } from './this-machine.ts'
import { readVersion } from './version.ts'

export interface Main {
  /** Imports the broker; called only when one is to be started. */
  readonly loadBroker: () => Promise<StartBroker>
  /** Likewise what looks into a data directory. */
  readonly loadInspector: () => Promise<InspectStore>
}

/** Runs the command line of this process and sets its exit code. */
export async function main(tools: Main): Promise<void> {
  process.on('uncaughtException', exitWith)
  // Whoever reads the addresses or the log may stop (`polymq | head -1`); the broker goes on.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  try {
    await run(tools)
  } catch (error) {
    exitWith(error)
  }
}

async function run(tools: Main): Promise<void> {
  const input = { args: process.argv.slice(2), env: process.env, machine: thisMachine() }
  const natsServerArgs = wordsForNatsServer(input.args)
  if (natsServerArgs !== undefined) return startNatsServer(natsServerArgs, tools)
  const others = wordsForOthers(input.args)
  if (others !== undefined) {
    process.exitCode = await runOther(others)
    return
  }
  const file = await findConfig(input)
  const invocation = readInvocation({ ...input, file })
  switch (invocation.command) {
    case 'help':
      process.stdout.write(helpText())
      return
    case 'version':
      process.stdout.write(`${readVersion()}\n`)
      return
    case 'repair':
      process.exitCode = await repairData(invocation, tools)
      return
    case 'server':
    case 'start':
      await start(invocation, tools, file)
  }
}

/** A broker that is told all that it does as nats-server would be; loaded only then. */
async function startNatsServer(args: readonly string[], { loadBroker }: Main): Promise<void> {
  const { runNatsServer } = await import('./nats-server/nats-server.ts')
  const code = await runNatsServer({ args, env: process.env, loadBroker })
  if (code !== undefined) process.exitCode = code
}

/** A command that is not about a broker of this process; loaded only then, as a broker must start soon. */
async function runOther(args: readonly string[]): Promise<ExitCode> {
  const [{ runCommand }, { ProcessTerminal }] = await Promise.all([
    import('./commands/run-command.ts'),
    import('./commands/terminal.ts'),
  ])
  const terminal = new ProcessTerminal(process.env, wantsColour)
  return runCommand({ args, env: process.env, terminal })
}

async function repairData({ settings }: Invocation, tools: Main): Promise<ExitCode> {
  const { repair } = await import('./repair.ts')
  return repair({
    directory: settings.data ?? '',
    output: settings.output,
    inspect: async (directory) => (await tools.loadInspector())(directory),
    write: (text) => process.stdout.write(text),
  })
}

async function start(
  invocation: Invocation,
  tools: Main,
  file: ConfigFile | undefined,
): Promise<void> {
  const { settings } = invocation
  if (settings.data !== undefined) keepYoungGenerationSmall()
  const format = logFormatOf(invocation)
  const log = terminalLogger(invocation, format)
  const hosts = hostsToProbe(settings.host)
  const launched = await launch(invocation, {
    log,
    startBroker: async (options) => (await tools.loadBroker())(options),
    ports: { isTaken: (port) => isAnswered(port, hosts), ownerOf: findPortOwner },
    file,
  })
  const { broker } = launched
  broker.failed.catch((error: unknown) => exitWith(failureOf(error)))
  closeOnSignal({
    host: process,
    close: () => broker.close(),
    nowMs: () => performance.now(),
    log,
  })
  announce(invocation, launched, { log, format, file })
  // Node writes its compile cache when it exits; a broker may be killed first.
  flushCompileCache()
}

/** For the person who has started it, and for whoever reads the log of a server. */
function announce(
  { command, settings }: Invocation,
  { broker, warnings }: Launched,
  {
    log,
    format,
    file,
  }: {
    readonly log: Logger
    readonly format: LogFormat
    readonly file: ConfigFile | undefined
  },
): void {
  const readyMs = performance.now()
  const { addresses } = broker
  const { data: directory, durability } = settings
  const data = directory === undefined ? undefined : { directory, durability }
  const config = file?.path
  if (command === 'start' || process.stdout.isTTY) {
    const users = usersToShow(settings, file)
    const colour = wantsColour(process.stdout, process.env)
    const version = readVersion()
    const encrypted = settings.natsTlsCert === undefined ? [] : (['nats'] as const)
    const run = { version, readyMs, addresses, encrypted, data, config, users, warnings, colour }
    process.stdout.write(firstRunText(run))
  }
  if (command === 'server') log.info('ready', readyFields({ readyMs, addresses, data, config }))
  // Whoever collects the log does not see the text above.
  if (command === 'server' || format === 'json') for (const warning of warnings) log.warn(warning)
}

/** guest, whom everybody knows, is there unless somebody has said what guest is. */
function usersToShow({ users }: Invocation['settings'], file: ConfigFile | undefined): string[] {
  const declared = file?.declarations.users ?? []
  const isGuestDeclared = declared.some(({ name }) => name === 'guest')
  return [...users, ...(isGuestDeclared ? declared : [])].map(({ name }) => name)
}

/** Nobody looks at a server's terminal: its log is for machines unless they are told otherwise. */
function logFormatOf({ command, settings }: Invocation): LogFormat {
  if (settings.logFormat !== undefined) return settings.logFormat
  return command === 'start' && process.stderr.isTTY ? 'pretty' : 'json'
}

function terminalLogger(invocation: Invocation, format: LogFormat): Logger {
  return createLogger({
    level: invocation.settings.logLevel,
    format,
    colour: wantsColour(process.stderr, process.env),
    write: (line) => process.stderr.write(line),
    now: () => new Date(),
  })
}

function exitWith(error: unknown): void {
  if (error instanceof ExitError) {
    process.stderr.write(`polymq: ${error.message}\n`)
    process.exit(error.code)
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`polymq: this is a bug in PolyMQ, please report it.\n${stack}\n`)
  process.exit(ExitCode.Bug)
}
