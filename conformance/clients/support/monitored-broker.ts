import type { StartOptions } from '../../../packages/broker/src/index.ts'
import { startTestBroker } from './data-directory.ts'

/** A broker with NATS' monitoring: one of ours, or the nats-server at POLYMQ_TEST_NATS with POLYMQ_TEST_NATS_MONITORING. */
export interface MonitoredBroker {
  readonly host: string
  readonly port: number
  /** Of the monitoring. */
  readonly url: string
  readonly isOurs: boolean
  close(): Promise<void>
}

/** `options` are for ours only. */
export async function startMonitoredBroker(
  options: Partial<StartOptions> = {},
): Promise<MonitoredBroker> {
  const { POLYMQ_TEST_NATS: peer, POLYMQ_TEST_NATS_MONITORING: monitoring } = process.env
  if (peer !== undefined && monitoring !== undefined) {
    const [host = '', port = ''] = peer.split(':')
    const close = (): Promise<void> => Promise.resolve()
    return { host, port: Number(port), url: `http://${monitoring}`, isOurs: false, close }
  }
  const broker = await startTestBroker({
    nats: { port: 0 },
    natsMonitoring: { port: 0 },
    ...options,
  })
  const { nats, natsMonitoring } = broker.addresses
  if (nats === undefined || natsMonitoring === undefined) throw new Error('not all listens')
  const url = `http://${natsMonitoring.host}:${natsMonitoring.port}`
  return { ...nats, url, isOurs: true, close: () => broker.close() }
}
