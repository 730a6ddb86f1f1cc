/** The command `polymq`, apart from which broker it starts: cli.ts brings that. */
import { flushCompileCache } from 'node:module'
import { totalmem } from 'node:os'
import type { Logger } from '../base/log.ts'
import { isAnswered } from '../base/net/probe.ts'
import { ExitCode, ExitError } from './exit.ts'
import { firstRunText } from './first-run.ts'
import { helpText } from './help.ts'
import { hostsToProbe, launch } from './launcher.ts'
import type { StartBroker } from './launcher.ts'
import { createLogger } from './logger.ts'
import { readInvocation } from './options.ts'
import type { Environment, Invocation } from './options.ts'
import { findPortOwner } from './port-owner.ts'
import { closeOnSignal } from './shutdown.ts'
import { readVersion } from './version.ts'

export interface Main {
  /** Imports the broker; called only when one is to be started. */
  readonly loadBroker: () => Promise<StartBroker>
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
  const invocation = readInvocation({
    args: process.argv.slice(2),
    env: process.env,
    machine: { memoryBytes: usableMemoryBytes() },
  })
  switch (invocation.command) {
    case 'help':
      process.stdout.write(helpText())
      return
    case 'version':
      process.stdout.write(`${readVersion()}\n`)
      return
    case 'start':
      await start(invocation, tools)
  }
}

async function start(invocation: Invocation, tools: Main): Promise<void> {
  const { settings } = invocation
  const format = settings.logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json')
  const log = terminalLogger(invocation, format)
  const hosts = hostsToProbe(settings.host)
  const { broker, warnings } = await launch(invocation, {
    log,
    startBroker: async (options) => (await tools.loadBroker())(options),
    ports: { isTaken: (port) => isAnswered(port, hosts), ownerOf: findPortOwner },
  })
  closeOnSignal({
    host: process,
    close: () => broker.close(),
    nowMs: () => performance.now(),
    log,
  })
  process.stdout.write(
    firstRunText({
      version: readVersion(),
      readyMs: performance.now(),
      addresses: broker.addresses,
      users: settings.users.map((user) => user.name),
      warnings,
      colour: wantsColour(process.stdout, process.env),
    }),
  )
  // Whoever collects the log does not see the text above.
  if (format === 'json') for (const warning of warnings) log.warn(warning)
  // Node writes its compile cache when it exits; a broker may be killed first.
  flushCompileCache()
}

function terminalLogger(invocation: Invocation, format: 'pretty' | 'json'): Logger {
  return createLogger({
    level: invocation.settings.logLevel,
    format,
    colour: wantsColour(process.stderr, process.env),
    write: (line) => process.stderr.write(line),
    now: () => new Date(),
  })
}

/** In a container, what it may use, which can be far less than what the machine has. */
function usableMemoryBytes(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

function wantsColour(stream: { readonly isTTY?: boolean }, env: Environment): boolean {
  if (env.NO_COLOR) return false
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0'
  return stream.isTTY === true && env.TERM !== 'dumb'
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
