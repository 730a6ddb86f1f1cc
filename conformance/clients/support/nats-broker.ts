import type { StartOptions } from '../../../packages/broker/src/index.ts'
import { startTestBroker } from './data-directory.ts'
import { recordingLogger, visibleLines, type LogLine } from './recording-logger.ts'

/**
 * The broker that the NATS suites talk to: one of ours in this process, or, to compare, whatever listens at POLYMQ_TEST_NATS (`host:port`, no
 * login). Log lines exist for ours only.
 */
export interface NatsBroker {
  readonly host: string
  readonly port: number
  readonly isOurs: boolean
  /** Lines at info and above so far. */
  lines(): readonly LogLine[]
  close(): Promise<void>
}

export async function startNatsBroker(options: Partial<StartOptions> = {}): Promise<NatsBroker> {
  const peer = process.env['POLYMQ_TEST_NATS']
  if (peer !== undefined) return peerAt(peer)
  const lines: LogLine[] = []
  const log = recordingLogger(lines)
  const broker = await startTestBroker({ nats: { port: 0 }, log, ...options })
  const { host, port } = broker.addresses.nats ?? { host: '', port: 0 }
  return { host, port, isOurs: true, lines: () => visibleLines(lines), close: broker.close }
}

function peerAt(address: string): NatsBroker {
  const [host = '', port = ''] = address.split(':')
  return {
    host,
    port: Number(port),
    isOurs: false,
    lines: () => [],
    close: () => Promise.resolve(),
  }
}
