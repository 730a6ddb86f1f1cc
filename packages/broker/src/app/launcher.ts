/**
 * From settings to a running broker: checks what must not start, decides the listeners, starts,
 * and says what was started. The broker itself is index.ts's, imported only when it is needed.
 */
import type { Logger } from '../base/log.ts'
import type { RunningBroker, StartOptions } from '../index.ts'
import { configError } from './exit.ts'
import { planListeners } from './listeners.ts'
import type { ListenerPlan, PortKnowledge } from './listeners.ts'
import type { Invocation, Settings } from './options.ts'
import { printable } from './printable.ts'
import { exposureOf, hostsToBind, loopbackHosts } from './reach.ts'

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

/** Throws an ExitError (78) for what cannot be had here. */
export async function launch(invocation: Invocation, tools: LaunchTools): Promise<Launched> {
  const openWarnings = checkReach(invocation.settings)
  // Ports that were free when they were probed, and taken when they were bound.
  const lost = new Set<number>()
  const ports: PortKnowledge = {
    isTaken: async (port) => lost.has(port) || (await tools.ports.isTaken(port)),
    ownerOf: (port) => tools.ports.ownerOf(port),
  }
  for (;;) {
    const plan = await planListeners(invocation, ports)
    try {
      const broker = await tools.startBroker(startOptions(invocation, plan, tools.log))
      return { broker, warnings: [...openWarnings, ...plan.warnings] }
    } catch (error) {
      const port = takenPort(error)
      // Once a port: the second time the plan has no such port, or has thrown.
      if (port === undefined || lost.has(port)) throw startFailure(error)
      lost.add(port)
    }
  }
}

function startOptions(invocation: Invocation, plan: ListenerPlan, log: Logger): StartOptions {
  const { settings } = invocation
  const amqpPort = plan.ports.get('amqp')
  const kafkaPort = plan.ports.get('kafka')
  const advertised = settings.kafkaAdvertised
  return {
    host: settings.host,
    memoryBytes: settings.memoryBytes,
    users: settings.users,
    insecure: settings.insecure,
    amqp: amqpPort === undefined ? undefined : { port: amqpPort },
    kafka: kafkaPort === undefined ? undefined : { port: kafkaPort, advertised },
    log,
  }
}

/** The addresses at which to ask whether a port is free. */
export function hostsToProbe(host: string | undefined): readonly string[] {
  return host === '0.0.0.0' || host === '::' ? loopbackHosts : hostsToBind(host)
}

/** A broker that others can reach, without a user of its own, must be asked for by name. */
function checkReach(settings: Readonly<Settings>): string[] {
  const exposure = exposureOf(settings)
  const effect =
    exposure === null
      ? 'nothing here needs it; leave it out'
      : `${settings.host} lets other machines connect, and ${exposure}`
  if (settings.insecure) return [`--insecure: ${effect}.`]
  if (exposure === null) return []
  throw configError(`--host ${effect}. Add --user NAME:PASSWORD (or --insecure, if you mean it).`)
}

/** The port that the system did not give us because somebody has it. */
function takenPort(error: unknown): number | undefined {
  if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) return undefined
  // With port 0 there is nothing to plan anew.
  return 'port' in error && typeof error.port === 'number' && error.port > 0
    ? error.port
    : undefined
}

/** System errors of binding, and what the broker itself refuses. */
const configFailures: ReadonlySet<unknown> = new Set([
  'EADDRINUSE',
  'EACCES',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ExposedError',
  'UserError',
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
