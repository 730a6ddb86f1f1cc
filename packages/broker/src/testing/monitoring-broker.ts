/** A broker whose NATS' monitoring has a real port and shows a head that is none. */
import { systemClock } from '../base/clock.ts'
import { Timers } from '../base/timers.ts'
import { Turn } from '../base/turn.ts'
import type { LazyPort } from '../admin/lazy-port.ts'
import { openNatsMonitoring } from '../admin/nats-monitoring/monitoring-listener.ts'
import { Broker } from '../core/broker.ts'
import { MemoryLog } from '../storage/memory-log.ts'
import { basic, type Ended } from './control-broker.ts'
import { FakeMonitoredNats } from './monitored-nats.ts'
import { RecordingLogger } from './recording-logger.ts'
import { SeededRandom } from './seeded-random.ts'

export interface MonitoringReply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export class MonitoringBroker {
  readonly broker: Broker
  readonly monitored: FakeMonitoredNats
  readonly logger: RecordingLogger
  readonly port: LazyPort

  private constructor(parts: Pick<MonitoringBroker, 'broker' | 'monitored' | 'logger' | 'port'>) {
    this.broker = parts.broker
    this.monitored = parts.monitored
    this.logger = parts.logger
    this.port = parts.port
  }

  static async open(t: Ended): Promise<MonitoringBroker> {
    const turn = new Turn(systemClock)
    const timers = new Timers(systemClock)
    const logger = new RecordingLogger()
    const messageLog = new MemoryLog((task) => turn.schedule(task))
    const random = new SeededRandom(1)
    const broker = new Broker({ turn, timers, messageLog, memoryBytesMax: 2 ** 28, random, logger })
    broker.access.addDefaultGuest()
    const monitored = new FakeMonitoredNats()
    const startedMs = Date.now() - 3_723_000
    const port = await openNatsMonitoring({
      broker,
      hosts: ['127.0.0.1'],
      port: 0,
      hostNames: ['nats.example.org'],
      nats: { host: '127.0.0.1', port: 4222 },
      process: { startedMs, cores: 2, residentBytes: () => 1000, cpuMs: () => 0 },
      loadMonitored: async () => monitored,
    })
    t.after(async () => {
      await port.close()
      timers.close()
    })
    return new MonitoringBroker({ broker, monitored, logger, port })
  }

  async ask(
    path: string,
    { login, headers = {}, method = 'GET' }: AskOptions = {},
  ): Promise<MonitoringReply> {
    const response = await fetch(`http://127.0.0.1:${this.port.port}${path}`, {
      method,
      headers: { ...(login !== undefined && { authorization: basic(login) }), ...headers },
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text }
  }

  /** What is answered by 200 and JSON. */
  async get(path: string): Promise<Record<string, unknown>> {
    const { status, text } = await this.ask(path)
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`)
    return JSON.parse(text) as Record<string, unknown>
  }
}

export interface AskOptions {
  readonly login?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
}
