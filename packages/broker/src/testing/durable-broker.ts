import { Timers } from '../base/timers.ts'
import { Broker } from '../core/broker.ts'
import type { Durability } from '../core/commits.ts'
import { limits } from '../core/limits.ts'
import { Persistence } from '../core/persistence/persistence.ts'
import { MEMORY_BASE } from '../core/queue/queue-store.ts'
import type { VirtualHost } from '../core/topology/virtual-host.ts'
import type { Disk, JournalShape } from '../storage/disk.ts'
import { checksum } from '../storage/disk/checksum.ts'
import type { ChunkLimits } from '../storage/keep/keep-writer.ts'
import { MemoryLog } from '../storage/memory-log.ts'
import { SegmentFiles } from '../storage/segments/segment-files.ts'
import { StoreLog } from '../storage/store-log.ts'
import { Store } from '../storage/store.ts'
import { ManualTurn } from './manual-turn.ts'
import { RecordingLogger } from './recording-logger.ts'
import { amqpMessageFormat } from '../protocols/amqp/message-format.ts'
import { kafkaMessageFormat } from '../protocols/kafka/message-format.ts'
import { SeededRandom } from './seeded-random.ts'
import { RecordingCaller } from './test-broker.ts'

/** A ring so small that a test sees it wrap and be cut. */
export const smallShape: JournalShape = { slotBytes: 65_536, slots: 8 }

export interface DurableBrokerOptions {
  readonly disk: Disk
  readonly shape?: JournalShape
  readonly chunk?: ChunkLimits
  readonly durability?: Durability
  readonly seed?: number
  /** The store lets others have their turn. */
  readonly onPause?: () => void
}

/** A broker without network over a disk of the test's, whose turns and clock the test moves; guest may do everything in `/`. */
export class DurableBroker {
  readonly manual: ManualTurn = new ManualTurn()
  readonly logger: RecordingLogger = new RecordingLogger()
  readonly timers: Timers
  readonly store: Store
  readonly persistence: Persistence
  readonly broker: Broker
  /** What the store reported as the end of it; null if it lives. */
  failure: Error | null = null

  constructor(options: DurableBrokerOptions) {
    const { disk, shape = smallShape, durability = 'sync', seed = 1 } = options
    const { turn, clock } = this.manual
    const { logger } = this
    const random = new SeededRandom(seed)
    this.timers = new Timers(clock, () => () => {})
    const { timers } = this
    this.store = new Store({
      disk,
      shape,
      checksum,
      chunk: options.chunk ?? { bytesMax: 8192, messagesMax: limits.pageMessagesMax },
      timers,
      logger,
      newStoreId: () => random.integer(1, 2 ** 40),
      pause: () => {
        options.onPause?.()
        return this.#nextTurn()
      },
    })
    this.persistence = new Persistence({
      store: this.store,
      segments: new SegmentFiles({ disk, logger }),
      turn,
      timers,
      logger,
      durability,
      diskFreeBytesMin: 0,
      onFailure: (error) => (this.failure = error),
    })
    const log = new MemoryLog((task) => turn.schedule(task))
    this.broker = new Broker({
      turn,
      timers,
      messageLog: new StoreLog(log, this.store.journal, MEMORY_BASE),
      memoryBytesMax: 2 ** 30,
      random,
      logger,
      store: this.persistence,
    })
    this.broker.formats.register(amqpMessageFormat)
    this.broker.formats.register(kafkaMessageFormat)
  }

  /** Reads what the disk has. Turns that recovery needs are run. */
  async open(): Promise<this> {
    const opened = this.persistence.open(this.broker)
    let isOpen = false
    const done = opened.finally(() => (isOpen = true))
    done.catch(() => {})
    while (!isOpen) {
      this.manual.runAll()
      await pause()
    }
    await done
    if (this.broker.access.users.count === 0) this.broker.access.addDefaultGuest()
    return this
  }

  get vhost(): VirtualHost {
    return this.broker.findVirtualHost('/') as VirtualHost
  }

  newCaller(): RecordingCaller {
    const user = this.broker.access.users.find('guest')
    if (user === null) throw new Error('there is no guest')
    const principal = { name: 'guest', userId: user.id, vhost: '/', tags: [...user.tags] }
    return new RecordingCaller(this.broker.nextId(), principal, this.vhost)
  }

  /** Runs turns, and lets the disk answer, until nothing is left to do. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_ROUNDS;) {
      quiet = this.manual.runAll() > 0 ? 0 : quiet + 1
      await pause()
    }
  }

  /** So much time passes. */
  async advance(ms: number): Promise<void> {
    this.manual.clock.advance(ms)
    this.timers.advance()
    await this.settle()
  }

  /** Closes in peace. */
  async close(): Promise<void> {
    let isClosed = false
    const closed = this.persistence.close().finally(() => (isClosed = true))
    closed.catch(() => {})
    while (!isClosed) {
      this.manual.runAll()
      await pause()
    }
    await closed
  }

  #nextTurn(): Promise<void> {
    return new Promise((resolve) => {
      const run = (): false => {
        resolve()
        return false
      }
      this.manual.turn.schedule({ queued: false, run })
    })
  }
}

/** A disk in memory answers within microtasks; so many rounds of them without a turn, and nothing is under way. */
const QUIET_ROUNDS = 3

function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
