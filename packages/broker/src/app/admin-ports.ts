/** The ports of HTTP, with what their room is told of the process and of the heads: the control API, and NATS' monitoring. */
import { availableParallelism } from 'node:os'
import type { ListenPlace } from '../admin/control.ts'
import type { LazyPort } from '../admin/lazy-port.ts'
import { systemClock } from '../base/clock.ts'
import type { Broker } from '../core/broker.ts'
import type { ListenAddress, RunningBroker, StartOptions } from '../index.ts'
import type { NatsHead } from '../protocols/nats/head.ts'
import type { ResolvedData } from './data-options.ts'
import { hostsToBind } from './reach.ts'

type Addresses = RunningBroker['addresses']

export interface AdminPortsOptions {
  readonly options: StartOptions
  readonly broker: Broker
  readonly data: ResolvedData | undefined
  /** Null where NATS is off. */
  readonly nats: NatsHead | null
  /** Those that are open, for whoever closes them. */
  readonly ports: LazyPort[]
}

/** Opens those that somebody asked for, after all others: whoever is told that the broker is ready may connect to them. */
export async function openAdminPorts(
  protocols: Addresses,
  wanted: AdminPortsOptions,
): Promise<Addresses> {
  const addresses: { -readonly [Key in keyof Addresses]: Addresses[Key] } = { ...protocols }
  const host = hostsToBind(wanted.options.host)[0] as string
  const startedMs = systemClock.wallMs()
  const monitoring = await openMonitoring(protocols, { ...wanted, startedMs })
  if (monitoring !== null) addresses.natsMonitoring = { host, port: monitoring.port }
  const listeners = (): ListenPlace[] => listenPlaces(addresses)
  const control = await openControl({ ...wanted, startedMs, listeners })
  if (control !== null) addresses.management = { host, port: control.port }
  return addresses
}

function listenPlaces(addresses: Addresses): ListenPlace[] {
  const names = Object.keys(addresses) as (keyof Addresses)[]
  return names.map((protocol) => ({ protocol, ...(addresses[protocol] as ListenAddress) }))
}

async function openControl({
  options,
  broker,
  data,
  ports,
  startedMs,
  listeners,
}: AdminPortsOptions & {
  readonly startedMs: number
  readonly listeners: () => ListenPlace[]
}): Promise<LazyPort | null> {
  const { management } = options
  if (management === undefined) return null
  const { openControlListener } = await import('../admin/control-listener.ts')
  const { controlSurroundings } = await import('./control-surroundings.ts')
  const { port, hostNames = [] } = management
  const hosts = hostsToBind(options.host)
  const surroundings = controlSurroundings({ data, startedMs, listeners })
  const opened = await openControlListener({ broker, hosts, port, hostNames, surroundings })
  ports.push(opened)
  return opened
}

async function openMonitoring(
  { nats: address }: Addresses,
  {
    options,
    broker,
    nats: head,
    ports,
    startedMs,
  }: AdminPortsOptions & { readonly startedMs: number },
): Promise<LazyPort | null> {
  const { natsMonitoring } = options
  if (natsMonitoring === undefined || head === null || address === undefined) return null
  const { openNatsMonitoring } = await import('../admin/nats-monitoring/monitoring-listener.ts')
  const { port, hostNames = [] } = natsMonitoring
  const opened = await openNatsMonitoring({
    broker,
    hosts: hostsToBind(options.host),
    port,
    hostNames,
    nats: address,
    process: {
      startedMs,
      cores: availableParallelism(),
      residentBytes: () => process.memoryUsage.rss(),
      cpuMs: () => {
        const { user, system } = process.cpuUsage()
        return (user + system) / 1000
      },
    },
    loadMonitored: async () => {
      const { NatsMonitoring } = await import('../protocols/nats/monitoring.ts')
      return new NatsMonitoring(head)
    },
  })
  ports.push(opened)
  return opened
}
