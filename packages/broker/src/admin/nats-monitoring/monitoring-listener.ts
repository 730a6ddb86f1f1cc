import type { Broker } from '../../core/broker.ts'
import { LazyPort, type LazyPortOptions } from '../lazy-port.ts'
import type { MonitoredNats, MonitoredProcess } from './monitored.ts'

export interface MonitoringOptions extends Pick<LazyPortOptions, 'hosts' | 'port'> {
  readonly broker: Broker
  /** By which it may be asked, beside those of this machine and `hosts`. */
  readonly hostNames: readonly string[]
  /** Where clients of NATS are served. */
  readonly nats: { readonly host: string; readonly port: number }
  readonly process: MonitoredProcess
  readonly loadMonitored: () => Promise<MonitoredNats>
}

/** The port of NATS' monitoring. Rejects with the system's error if the first address cannot be had. */
export async function openNatsMonitoring(options: MonitoringOptions): Promise<LazyPort> {
  const { broker, hosts, port, hostNames } = options
  const logger = broker.logger.child({ sub: 'nats-monitoring' })
  const opened: LazyPort = await LazyPort.open({
    hosts,
    port,
    what: "NATS' monitoring",
    logger,
    load: async (held) => {
      const [{ HttpFront }, { MonitoringApp }, monitored] = await Promise.all([
        import('../http-front.ts'),
        import('./monitoring-app.ts'),
        options.loadMonitored(),
      ])
      const app = new MonitoringApp({
        broker,
        logger,
        monitored,
        hostNames: [...hosts, ...hostNames],
        nats: options.nats,
        http: { host: hosts[0] as string, port: opened.port },
        process: options.process,
      })
      return HttpFront.open(held, { app, logger })
    },
  })
  return opened
}
