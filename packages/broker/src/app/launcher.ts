/**
 * From settings to a running broker: checks what must not start, decides the listeners, starts,
 * and says what was started. The broker itself is index.ts's, imported only when it is needed.
 */
import type { Logger } from '../base/log.ts'
import type { TlsFiles } from '../base/net/tls.ts'
import type { RunningBroker, StartOptions } from '../index.ts'
import type { ConfigFile } from './config/config-file.ts'
import { configError } from './exit.ts'
import { startFailure } from './failures.ts'
import type { Invocation } from './invocation.ts'
import { planListeners } from './listeners.ts'
import type { ListenerPlan, PortKnowledge } from './listeners.ts'
import type { Settings } from './options.ts'
import { PATH_CHARACTERS_MAX, printable } from './printable.ts'
import { exposureOf, hostsToBind, loopbackHosts, usersFromElsewhere } from './reach.ts'

export type StartBroker = (options: StartOptions) => Promise<RunningBroker>

export interface Launched {
  readonly broker: RunningBroker
  readonly warnings: readonly string[]
}

export interface LaunchTools {
  readonly startBroker: StartBroker
  readonly ports: PortKnowledge
  readonly log: Logger
  /** What it declares is there before anybody may connect. */
  readonly file?: ConfigFile | undefined
}

/** Throws an ExitError: 78 for what cannot be had here, 74 for what the disk no longer has. */
export async function launch(invocation: Invocation, tools: LaunchTools): Promise<Launched> {
  const openWarnings = checkReach(invocation.settings, tools.file)
  // Loaded only where it is needed, as a broker must start soon.
  const tlsFiles =
    invocation.settings.natsTlsCert === undefined ? undefined : await import('./tls-files.ts')
  const tls = await tlsFiles?.readTlsFiles(invocation.settings)
  // Ports that were free when they were probed, and taken when they were bound.
  const lost = new Set<number>()
  const ports: PortKnowledge = {
    isTaken: async (port) => lost.has(port) || (await tools.ports.isTaken(port)),
    ownerOf: (port) => tools.ports.ownerOf(port),
  }
  for (;;) {
    const plan = await planListeners(invocation, ports)
    try {
      const broker = await tools.startBroker(startOptions(invocation, plan, { ...tools, tls }))
      return { broker, warnings: [...openWarnings, ...plan.warnings] }
    } catch (error) {
      const port = takenPort(error)
      // Once a port: the second time the plan has no such port, or has thrown.
      if (port === undefined || lost.has(port)) {
        throw (
          declarationFailure(error, tools.file) ??
          tlsFiles?.tlsFailure(error, invocation.settings) ??
          startFailure(error, invocation.settings)
        )
      }
      lost.add(port)
    }
  }
}

/** With the place in the file: what is declared there cannot be, or is there otherwise. */
function declarationFailure(error: unknown, file: ConfigFile | undefined): Error | undefined {
  if (!(error instanceof Error && error.name === 'DeclarationError' && 'path' in error))
    return undefined
  const path = String(error.path)
  const place = file?.placeOf(path) ?? path
  const message = `${place}: ${printable(error.message, PATH_CHARACTERS_MAX)}.`
  return configError(message, { cause: error })
}

function startOptions(
  invocation: Invocation,
  plan: ListenerPlan,
  { log, file, tls }: LaunchTools & { readonly tls: TlsFiles | undefined },
): StartOptions {
  const { settings } = invocation
  const amqpPort = plan.ports.get('amqp')
  const kafkaPort = plan.ports.get('kafka')
  const natsPort = plan.ports.get('nats')
  const natsMonitoringPort = plan.ports.get('natsMonitoring')
  const redisPort = plan.ports.get('redis')
  const managementPort = plan.ports.get('management')
  const hostNames = settings.managementHostNames
  const advertised = settings.kafkaAdvertised
  return {
    host: settings.host,
    memoryBytes: settings.memoryBytes,
    users: settings.users,
    insecure: settings.insecure,
    data: dataOptions(settings),
    amqp: amqpPort === undefined ? undefined : { port: amqpPort },
    kafka: kafkaPort === undefined ? undefined : { port: kafkaPort, advertised },
    nats: natsPort === undefined ? undefined : { port: natsPort, tls, tokens: settings.natsTokens },
    natsMonitoring:
      natsMonitoringPort === undefined ? undefined : { port: natsMonitoringPort, hostNames },
    redis: redisPort === undefined ? undefined : { port: redisPort },
    management: managementPort === undefined ? undefined : { port: managementPort, hostNames },
    log,
    declarations: file?.declarations,
  }
}

function dataOptions(settings: Readonly<Settings>): StartOptions['data'] {
  const { data: directory, durability, diskFreeBytesMin } = settings
  return directory === undefined ? undefined : { directory, durability, diskFreeBytesMin }
}

/** The addresses at which to ask whether a port is free. */
export function hostsToProbe(host: string | undefined): readonly string[] {
  return host === '0.0.0.0' || host === '::' ? loopbackHosts : hostsToBind(host)
}

/**
 * A broker that others can reach, without a user of its own, must be asked for by name. Whether users are in
 * a data directory only the broker can tell; it refuses then, if there are none.
 */
function checkReach(settings: Readonly<Settings>, file: ConfigFile | undefined): string[] {
  const users = [...settings.users, ...usersFromElsewhere(file?.declarations)]
  const exposure = exposureOf({ host: settings.host, users })
  if (settings.insecure) return [`--insecure: ${effectOfInsecure(settings, exposure)}.`]
  if (exposure === null || settings.data !== undefined) return []
  throw configError(
    `--host ${settings.host} lets other machines connect, and ${exposure}. ` +
      'Add --user NAME:PASSWORD (or --insecure, if you mean it).',
  )
}

function effectOfInsecure(settings: Readonly<Settings>, exposure: string | null): string {
  if (exposure === null) return 'nothing here needs it; leave it out'
  const effect = `${settings.host} lets other machines connect, and`
  return settings.data === undefined || settings.users.length > 0
    ? `${effect} ${exposure}`
    : `${effect} nothing checks whether the data directory has a user for them`
}

/** The port that the system did not give us because somebody has it. */
function takenPort(error: unknown): number | undefined {
  if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) return undefined
  // With port 0 there is nothing to plan anew.
  return 'port' in error && typeof error.port === 'number' && error.port > 0
    ? error.port
    : undefined
}
