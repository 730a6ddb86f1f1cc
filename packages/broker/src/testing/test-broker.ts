import { Timers } from '../base/timers.ts'
import { Broker } from '../core/broker.ts'
import type { BrokerStore } from '../core/completions.ts'
import type { Principal } from '../core/auth/principal.ts'
import type { Outcome, Caller } from '../core/outcome.ts'
import type { VirtualHost } from '../core/topology/virtual-host.ts'
import type { DecompressLater } from '../core/stream/partition-reader.ts'
import { amqpMessageFormat } from '../protocols/amqp/message-format.ts'
import { kafkaMessageFormat } from '../protocols/kafka/message-format.ts'
import { natsMessageFormat } from '../protocols/nats/message-format.ts'
import { redisMessageFormat } from '../protocols/redis/message-format.ts'
import { MemoryLog } from '../storage/memory-log.ts'
import { ManualTurn } from './manual-turn.ts'
import { RecordingLogger } from './recording-logger.ts'
import { SeededRandom } from './seeded-random.ts'

export interface TestBrokerOptions {
  readonly memoryBytesMax?: number
  readonly store?: BrokerStore
  readonly decompress?: DecompressLater
}

/** A broker without network, whose turns and clock the test moves; guest may do everything in `/`. */
export class TestBroker {
  readonly manual: ManualTurn = new ManualTurn()
  readonly logger: RecordingLogger = new RecordingLogger()
  readonly log: MemoryLog
  readonly broker: Broker

  readonly timers: Timers

  constructor(options: TestBrokerOptions = {}) {
    const { turn, clock } = this.manual
    this.log = new MemoryLog((task) => turn.schedule(task))
    this.timers = new Timers(clock, () => () => {})
    this.broker = new Broker({
      turn,
      timers: this.timers,
      messageLog: this.log,
      memoryBytesMax: options.memoryBytesMax ?? 2 ** 30,
      random: new SeededRandom(1),
      logger: this.logger,
      ...(options.store && { store: options.store }),
      ...(options.decompress && { decompress: options.decompress }),
    })
    this.broker.formats.register(amqpMessageFormat)
    this.broker.formats.register(kafkaMessageFormat)
    this.broker.formats.register(natsMessageFormat)
    this.broker.formats.register(redisMessageFormat)
    this.broker.access.addDefaultGuest()
  }

  get vhost(): VirtualHost {
    return this.broker.findVirtualHost('/') as VirtualHost
  }

  /** Runs turns until nothing is left to do. */
  run(): void {
    this.manual.runAll()
  }

  /** Lets time pass, and runs what is due. */
  advance(ms: number): void {
    this.manual.clock.advance(ms)
    this.timers.advance()
    this.run()
  }

  /** A session of `user`, who must exist. */
  newCaller(user: string = 'guest'): RecordingCaller {
    const found = this.broker.access.users.find(user)
    if (found === null) throw new Error(`no user '${user}'`)
    const principal = { name: user, userId: found.id, vhost: '/', tags: [...found.tags] }
    return new RecordingCaller(this.broker.nextId(), principal, this.vhost)
  }
}

/** A session that writes its answers down. */
export class RecordingCaller implements Caller {
  readonly id: number
  readonly principal: Principal
  readonly vhost: VirtualHost
  readonly answers: { readonly token: number; readonly outcome: Outcome }[] = []

  constructor(id: number, principal: Principal, vhost: VirtualHost) {
    this.id = id
    this.principal = principal
    this.vhost = vhost
  }

  complete(token: number, outcome: Outcome): void {
    this.answers.push({ token, outcome })
  }

  /** The newest answer. */
  get last(): Outcome | undefined {
    return this.answers.at(-1)?.outcome
  }

  /** The newest answer's error as `code: message`; undefined if it is none. */
  get lastError(): string | undefined {
    const last = this.last
    return last?.kind === 'failed' ? `${last.error.code}: ${last.error.message}` : undefined
  }
}
