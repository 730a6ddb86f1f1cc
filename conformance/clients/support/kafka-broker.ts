import type { StartOptions } from '../../../packages/broker/src/index.ts'
import { startTestBroker } from './data-directory.ts'
import { recordingLogger, visibleLines, type LogLine } from './recording-logger.ts'

/**
 * The broker that the Kafka suites talk to: one of ours in this process, or, to compare, whatever
 * listens at POLYMQ_TEST_KAFKA (`host:port`, plaintext). Log lines exist for ours only.
 */
export interface KafkaBroker {
  readonly host: string
  readonly port: number
  /** `host:port`, as clients want it. */
  readonly address: string
  readonly isOurs: boolean
  /** Lines at info and above so far. */
  lines(): readonly LogLine[]
  close(): Promise<void>
}

export async function startKafkaBroker(options: Partial<StartOptions> = {}): Promise<KafkaBroker> {
  const peer = process.env['POLYMQ_TEST_KAFKA']
  if (peer !== undefined) return peerAt(peer)
  const lines: LogLine[] = []
  const broker = await startTestBroker({
    kafka: { port: 0 },
    log: recordingLogger(lines),
    ...options,
  })
  const { host, port } = broker.addresses.kafka ?? { host: '', port: 0 }
  return {
    host,
    port,
    address: `${host}:${port}`,
    isOurs: true,
    lines: () => visibleLines(lines),
    close: () => broker.close(),
  }
}

function peerAt(address: string): KafkaBroker {
  const [host = '', port = ''] = address.split(':')
  return {
    host,
    port: Number(port),
    address,
    isOurs: false,
    lines: () => [],
    close: () => Promise.resolve(),
  }
}

let named = 0

/** A topic or group name that no other test uses, of this run or another. */
export function uniqueTopic(what: string): string {
  named += 1
  return `${what}-${process.pid}-${named}`
}
