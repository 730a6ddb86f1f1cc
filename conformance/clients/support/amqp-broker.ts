import type { StartOptions } from '../../../packages/broker/src/index.ts'
import { startTestBroker } from './data-directory.ts'
import { recordingLogger, visibleLines, type LogLine } from './recording-logger.ts'

/**
 * The broker that the AMQP suites talk to: one of ours in this process, or, to compare, whatever
 * listens at POLYMQ_TEST_AMQP_URL (a RabbitMQ with guest/guest). Log lines exist for ours only.
 */
export interface AmqpBroker {
  readonly host: string
  readonly port: number
  readonly url: string
  readonly isOurs: boolean
  /** Lines at info and above so far. */
  lines(): readonly LogLine[]
  close(): Promise<void>
}

export async function startAmqpBroker(options: Partial<StartOptions> = {}): Promise<AmqpBroker> {
  const peer = process.env['POLYMQ_TEST_AMQP_URL']
  if (peer !== undefined) return peerAt(new URL(peer))
  const lines: LogLine[] = []
  const broker = await startTestBroker({
    amqp: { port: 0 },
    log: recordingLogger(lines),
    ...options,
  })
  const { host, port } = broker.addresses.amqp ?? { host: '', port: 0 }
  return {
    host,
    port,
    url: `amqp://guest:guest@${host}:${port}/`,
    isOurs: true,
    lines: () => visibleLines(lines),
    close: () => broker.close(),
  }
}

function peerAt({ hostname, port, href }: URL): AmqpBroker {
  return {
    host: hostname,
    port: Number(port),
    url: href,
    isOurs: false,
    lines: () => [],
    close: () => Promise.resolve(),
  }
}

let named = 0

/** A name that no other test uses, of this run or another. */
export function uniqueName(what: string): string {
  named += 1
  return `${what}-${process.pid}-${named}`
}
