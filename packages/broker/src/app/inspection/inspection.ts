import { systemClock } from '../../base/clock.ts'
import type { Logger } from '../../base/log.ts'
import { Timers } from '../../base/timers.ts'
import { Turn } from '../../base/turn.ts'
import { systemRandom } from '../../core/auth/random.ts'
import { Broker } from '../../core/broker.ts'
import { Persistence } from '../../core/persistence/persistence.ts'
import type { Queue } from '../../core/queue/queue.ts'
import { MEMORY_BASE } from '../../core/queue/queue-store.ts'
import type { StoredBatches } from '../../core/stream/stored-batches.ts'
import type { Checksum, Disk, JournalShape } from '../../storage/disk.ts'
import { DamageList, type Holder } from '../../storage/inspection/damage-list.ts'
import { checkRun } from '../../storage/inspection/kept-check.ts'
import { BATCH_HEADER_BYTES } from '../../storage/journal/batch.ts'
import { ScannedRecord } from '../../storage/journal/scan.ts'
import { MemoryLog } from '../../storage/memory-log.ts'
import type { RepairReport } from '../../storage/repair-report.ts'
import { SegmentFiles } from '../../storage/segments/segment-files.ts'
import { segmentFile, SegmentPart } from '../../storage/segments/segment-file.ts'
import type { SegmentState } from '../../storage/segments/segment.ts'
import { SNAPSHOT_FILE } from '../../storage/snapshot.ts'
import { StoreLog } from '../../storage/store-log.ts'
import { InspectedStore } from './inspected-store.ts'
import { JournalLosses } from './journal-losses.ts'
import { checkSegment } from './segment-check.ts'

export interface InspectionOptions {
  /** One that changes nothing. */
  readonly disk: Disk
  readonly shape: JournalShape
  readonly checksum: Checksum
}

/**
 * One look at all of a data directory: what it holds is restored into a broker as at a start, then each chunk and each segment that
 * it names is read to its end. It takes the memory that a start takes, and a few megabytes.
 */
export class Inspection {
  readonly #options: InspectionOptions
  readonly #damages: DamageList = new DamageList()
  readonly #losses: JournalLosses = new JournalLosses()
  readonly #store: InspectedStore
  readonly #persistence: Persistence
  readonly #broker: Broker
  /** Of all queues and partitions that there are, by object id. */
  readonly #holders = new Map<number, Holder>()

  constructor(options: InspectionOptions) {
    const { disk } = options
    // No turn ever comes and no timer rings: nothing is served.
    const turn = new Turn(systemClock, () => {})
    const timers = new Timers(systemClock, () => () => {})
    const logger = silence
    this.#options = options
    this.#store = new InspectedStore({ ...options, damages: this.#damages, losses: this.#losses })
    this.#persistence = new Persistence({
      store: this.#store,
      segments: new SegmentFiles({ disk, logger }),
      turn,
      timers,
      logger,
      durability: 'sync',
      diskFreeBytesMin: 0,
      onFailure: (error) => this.#store.fail(error),
    })
    const log = new MemoryLog((task) => turn.schedule(task))
    this.#broker = new Broker({
      turn,
      timers,
      messageLog: new StoreLog(log, this.#store.journal, MEMORY_BASE),
      memoryBytesMax: Infinity,
      random: systemRandom,
      logger,
      store: this.#persistence,
    })
  }

  /** `directory` is for the report only. */
  async run(directory: string): Promise<RepairReport> {
    await this.#persistence.open(this.#broker)
    const partitions = new Map<number, StoredBatches>()
    for (const vhost of this.#broker.virtualHosts.values()) {
      for (const queue of vhost.queues.values()) await this.#checkQueue(vhost.name, queue)
      for (const { name, partitions: some } of vhost.streams.values()) {
        for (const { index, stored } of some) {
          if (stored === null) continue
          this.#holders.set(stored.id, {
            kind: 'stream',
            vhost: vhost.name,
            name,
            partition: index,
          })
          partitions.set(stored.id, stored)
          await this.#checkPartition(stored)
        }
      }
    }
    this.#losses.finish((id) => spanOf(partitions.get(id)))
    await this.#checkSetAside()
    this.#nameStopped(partitions.values())
    return this.#damages.report(directory, (object) => this.#holders.get(object) ?? null)
  }

  async #checkQueue(vhost: string, queue: Queue): Promise<void> {
    const { name, durable } = queue
    if (durable === null) return
    this.#holders.set(durable.id, { kind: 'queue', vhost, name, partition: null })
    const { reader, id: store } = this.#store
    const wants = (sequence: number): boolean => queue.wants(sequence)
    for (const run of durable.runs.values()) {
      for (const found of await checkRun(run, wants, { ...this.#options, reader, store })) {
        const { file, at: position, reason, amount } = found
        const place = { part: 'keep file chunk', file, position, reason } as const
        this.#damages.add(place)?.lose(durable.id, amount)
      }
    }
  }

  async #checkPartition(stored: StoredBatches): Promise<void> {
    if (!stored.hasFiles) return
    const { log } = stored.files
    for (const segment of log.state().segments) {
      if (segment.nextOffset <= stored.partition.logStart) continue
      await this.#checkSegment(
        stored,
        segment,
        segmentFile(log.folder, segment.base, SegmentPart.log),
      )
    }
  }

  async #checkSegment(stored: StoredBatches, segment: SegmentState, file: string): Promise<void> {
    const { logStart } = stored.partition
    await checkSegment(this.#options.disk, file, segment, ({ at, end, from, to, reason }) => {
      // Nobody misses what is before the log's start.
      if (to <= logStart) return
      const place = { part: 'segment', file, position: at, reason } as const
      const amount = { messages: to - Math.max(from, logStart), bytes: end - at }
      this.#damages.add(place)?.lose(stored.id, amount)
    })
  }

  /** Batches that were found to be damaged at an earlier start. Those whom they are about have stopped, as long as they are there. */
  async #checkSetAside(): Promise<void> {
    const { disk, shape } = this.#options
    const losses = new JournalLosses()
    for (const { name, bytes } of await disk.list(FOLDER)) {
      const position = Number(/^journal-(\d+)$/.exec(name)?.[1] ?? NaN)
      if (!Number.isSafeInteger(position) || bytes > shape.slotBytes) continue
      const file = `${FOLDER}/${name}`
      const { memory } = this.#store.journal
      const got = await disk.read(file, [{ at: 0, bytes }], Buffer.from(memory, 0, bytes))
      const reason = 'a damaged batch that an earlier start has set aside'
      const damage = this.#damages.add({ part: 'journal batch', file, position: 0, reason })
      const record = new ScannedRecord(memory)
      for (let at = BATCH_HEADER_BYTES; damage !== null && at < got; at += record.bytes) {
        if (!record.load(at, got, position + at)) break
        losses.damaged(damage, record)
      }
    }
    losses.finish(() => ({ logStart: 0, inFilesTo: 0 }))
  }

  /** Never is a directory called sound in which something has stopped, even if what it has stopped for is not found any more. */
  #nameStopped(partitions: Iterable<StoredBatches>): void {
    const named = new Set(this.#damages.objects())
    const name = (id: number): void => {
      if (named.has(id)) return
      const reason = 'what is named here has stopped for damage that is not there any more'
      const place = { part: 'snapshot', file: SNAPSHOT_FILE, position: 0, reason } as const
      this.#damages.add(place)?.lose(id, { messages: null, bytes: null })
    }
    for (const vhost of this.#broker.virtualHosts.values()) {
      for (const { durable } of vhost.queues.values()) {
        if (durable !== null && durable.stopped !== null) name(durable.id)
      }
    }
    for (const { id, partition } of partitions) if (partition.damaged !== null) name(id)
  }
}

/** Where a start puts what it does not trust. */
const FOLDER = 'damaged'

function spanOf(
  stored: StoredBatches | undefined,
): { logStart: number; inFilesTo: number } | undefined {
  if (stored === undefined) return undefined
  const inFilesTo = stored.hasFiles ? stored.files.log.state().nextOffset : 0
  return { logStart: stored.partition.logStart, inFilesTo }
}

/** What a start would log, the report says. */
const silence: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silence,
}
