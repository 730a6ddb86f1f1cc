/**
 * From settings to a running broker: checks what must not start, decides the listeners, starts,
 * and says what was started. The broker itself is index.ts's, imported only when it is needed.
 */
import type { Logger } from '../base/log.ts'
import type { RunningBroker, StartOptions } from '../index.ts'
import { configError } from './exit.ts'
import { planListeners } from './listeners.ts'
import type { PortKnowledge } from './listeners.ts'
import type { Invocation, Settings } from './options.ts'
import { printable } from './printable.ts'

export type StartBroker = (options: StartOptions) => Promise<RunningBroker>

export interface Launched {
  readonly broker: RunningBroker
  readonly warnings: readonly string[]
}

export interface LaunchTools {
  readonly startBroker: StartBroker
  readonly ports: PortKnowledge
  readonly log: Logger
}

export const loopbackHosts: readonly string[] = ['127.0.0.1', '::1']

/** Throws an ExitError (78) for what cannot be had here. */
export async function launch(invocation: Invocation, tools: LaunchTools): Promise<Launched> {
  const { settings } = invocation
  const openWarnings = checkReach(settings)
  const plan = await planListeners(invocation, tools.ports)
  const amqpPort = plan.ports.get('amqp')
  const kafkaPort = plan.ports.get('kafka')
  const options: StartOptions = {
    host: bindHost(settings.host),
    memoryBytes: settings.memoryBytes,
    users: settings.users,
    insecure: settings.insecure,
    amqp: amqpPort === undefined ? undefined : { port: amqpPort },
    kafka:
      kafkaPort === undefined
        ? undefined
        : { port: kafkaPort, advertised: settings.kafkaAdvertised },
    log: tools.log,
  }
  const broker = await tools.startBroker(options).catch((error: unknown) => {
    throw startFailure(error)
  })
  return { broker, warnings: [...openWarnings, ...plan.warnings] }
}

/** The addresses at which a port must be free. */
export function hostsToBind(settings: Readonly<Settings>): readonly string[] {
  const host = bindHost(settings.host)
  if (host === undefined || host === '0.0.0.0' || host === '::') return loopbackHosts
  return [host]
}

/** `localhost` is both loopback addresses: clients try either. */
function bindHost(host: string | undefined): string | undefined {
  return host === 'localhost' ? undefined : host
}

/** A broker that others can reach, without a user of its own, must be asked for by name. */
function checkReach(settings: Readonly<Settings>): string[] {
  const host = bindHost(settings.host)
  const isOpen = host !== undefined && !isLoopback(host) && settings.users.length === 0
  if (isOpen && !settings.insecure) {
    throw configError(
      `--host ${host} lets other machines connect, and no user is set. ` +
        'Add --user NAME:PASSWORD (or --insecure, if you mean it).',
    )
  }
  if (!settings.insecure) return []
  const effect = isOpen
    ? `${host} lets other machines connect, and no user is set.`
    : 'nothing here needs it; leave it out.'
  return [`--insecure: ${effect}`]
}

function isLoopback(host: string): boolean {
  return host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** System errors of binding, and the broker's own refusal to be exposed. */
const configFailures: ReadonlySet<unknown> = new Set([
  'EADDRINUSE',
  'EACCES',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ExposedError',
])

/**
 * What the person at the terminal can mend becomes an ExitError: a port taken since it was probed,
 * one below 1024, an interface that is not there. All else stays a bug.
 */
function startFailure(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const kind = 'code' in error ? error.code : error.name
  if (!configFailures.has(kind)) return error
  return configError(`Cannot start: ${printable(error.message)}.`, { cause: error })
}
