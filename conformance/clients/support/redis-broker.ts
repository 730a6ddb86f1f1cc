import type { StartOptions } from '../../../packages/broker/src/index.ts'
import { startTestBroker } from './data-directory.ts'
import { recordingLogger, visibleLines, type LogLine } from './recording-logger.ts'

/**
 * The broker that the Redis suites talk to: one of ours in this process, or, to compare, whatever listens at POLYMQ_TEST_REDIS
 * (`host:port`, no password). Log lines exist for ours only.
 */
export interface RedisBroker {
  readonly host: string
  readonly port: number
  readonly isOurs: boolean
  /** Lines at info and above so far. */
  lines(): readonly LogLine[]
  close(): Promise<void>
}

export async function startRedisBroker(options: Partial<StartOptions> = {}): Promise<RedisBroker> {
  const peer = process.env['POLYMQ_TEST_REDIS']
  if (peer !== undefined) return peerAt(peer)
  const lines: LogLine[] = []
  const broker = await startTestBroker({
    redis: { port: 0 },
    log: recordingLogger(lines),
    ...options,
  })
  const { host, port } = broker.addresses.redis ?? { host: '', port: 0 }
  return {
    host,
    port,
    isOurs: true,
    lines: () => visibleLines(lines),
    close: () => broker.close(),
  }
}

function peerAt(address: string): RedisBroker {
  const [host = '', port = ''] = address.split(':')
  return {
    host,
    port: Number(port),
    isOurs: false,
    lines: () => [],
    close: () => Promise.resolve(),
  }
}
