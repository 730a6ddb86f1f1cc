import { systemClock } from '../base/clock.ts'
import { Listener } from '../base/net/listener.ts'
import { OutputBuffers } from '../base/net/output-buffers.ts'
import { Timers } from '../base/timers.ts'
import { Turn } from '../base/turn.ts'
import { Broker } from '../core/broker.ts'
import type { BrokerStore } from '../core/completions.ts'
import type { ProtocolHead } from '../protocols/head.ts'
import { MemoryLog } from '../storage/memory-log.ts'
import { RecordingLogger } from './recording-logger.ts'
import { SeededRandom } from './seeded-random.ts'

/** A head on a real port whose broker the test can reach into: permissions, limits, alarms, the log. */
export interface OpenBroker<Head extends ProtocolHead> {
  readonly host: string
  readonly port: number
  readonly broker: Broker
  readonly head: Head
  readonly logger: RecordingLogger
  close(): Promise<void>
}

export async function openBroker<Head extends ProtocolHead>(
  newHead: (broker: Broker) => Head,
  store?: BrokerStore,
): Promise<OpenBroker<Head>> {
  const turn = new Turn(systemClock)
  const timers = new Timers(systemClock)
  const logger = new RecordingLogger()
  const broker = new Broker({
    turn,
    timers,
    messageLog: new MemoryLog((task) => turn.schedule(task)),
    memoryBytesMax: 2 ** 28,
    random: new SeededRandom(1),
    logger,
    ...(store && { store }),
  })
  broker.access.addDefaultGuest()
  const head = newHead(broker)
  const host = '127.0.0.1'
  const listener = await Listener.open({
    hosts: [host],
    port: 0,
    turn,
    timers,
    buffers: new OutputBuffers(),
    nextId: () => broker.nextId(),
    accept: (connection) => head.accept(connection),
  })
  const close = async (): Promise<void> => {
    head.close()
    await listener.close()
    timers.close()
  }
  return { host, port: listener.port, broker, head, logger, close }
}
