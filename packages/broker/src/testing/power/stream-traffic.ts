import type { Durability } from '../../core/commits.ts'
import { Safety, safetyOf } from '../../core/commits.ts'
import { AppendError, type Appended, type Partition } from '../../core/stream/partition.ts'
import { ReadPlace, Seek } from '../../core/stream/read-place.ts'
import {
  assignOffset,
  readBaseOffset,
  readBaseSequence,
  readBatchBytes,
  readLastOffset,
  readRecordCount,
} from '../../core/stream/record-batch.ts'
import type { StreamConfig } from '../../core/stream/stream-config.ts'
import type { Stream } from '../../core/stream/stream.ts'
import { newBatch } from '../batches.ts'
import type { Life } from './life.ts'
import {
  BatchEntry,
  offsetKey,
  PartitionHistory,
  StreamHistory,
  streamKey,
  type OffsetPlace,
} from './stream-history.ts'
import type { Step } from './timeline.ts'

/** A partition of a running broker, and what is known of it. */
export interface LivingPartition {
  readonly stream: Stream
  readonly partition: Partition
  readonly history: PartitionHistory
}

/** What an idempotent producer sent last to one partition. */
interface Sent {
  readonly batch: Buffer
  readonly baseOffset: number
}

/** Batches that are read at a time. */
const READ_BATCHES = 20

/** Appends to streams and reads them, and notes what was asked and what was promised. */
export class StreamTraffic {
  readonly living: LivingPartition[] = []
  readonly #life: Life
  readonly #places = new Map<string, OffsetPlace>()
  readonly #sent = new Map<Partition, Sent>()
  /** Each life has producers of its own, as clients that come back have. */
  readonly #producerId: number

  constructor(life: Life) {
    this.#life = life
    this.#producerId = life.random.integer(1, 2 ** 40)
    life.watch(() => this.#look())
  }

  /** Takes over what a start has brought. */
  adopt(): void {
    for (const stream of this.#life.durable.vhost.streams.values()) {
      const history = this.#life.history.streams.get(stream.id.toString('hex'))
      if (history !== undefined) this.#add(stream, history)
    }
    for (const declaration of this.#life.durable.broker.definitions.declarations()) {
      if (declaration?.kind !== 'offset') continue
      const place = { ...declaration, stream: declaration.stream.toString('hex') }
      this.#places.set(offsetKey(place), place)
    }
  }

  #look(): void {
    for (const { partition, history } of this.living) history.look(this.#life.moment, partition)
  }

  find(name: string): Stream | undefined {
    return this.#life.durable.vhost.streams.find(name)
  }

  create(name: string, options: { partitions: number; config: Partial<StreamConfig> }): void {
    const { durable, history, moment } = this.#life
    const { streams } = durable.vhost
    const config = { ...streams.defaultConfig, ...options.config }
    const stream = streams.create(name, { ...options, config, settings: new Map() })
    const id = stream.id.toString('hex')
    const { durability } = config
    const known = new StreamHistory(
      name,
      id,
      stream.partitions.map(() => new PartitionHistory(durability)),
    )
    history.streams.set(id, known)
    this.#add(stream, known)
    this.#answer([history.timeline(streamKey(name)).ask(id, moment)])
  }

  #add(stream: Stream, history: StreamHistory): void {
    for (const [index, partition] of stream.partitions.entries()) {
      this.living.push({
        stream,
        partition,
        history: history.partitions[index] as PartitionHistory,
      })
    }
  }

  delete(stream: Stream): void {
    const { durable, history, moment } = this.#life
    const id = stream.id.toString('hex')
    const steps = [history.timeline(streamKey(stream.name)).ask(null, moment)]
    for (const [key, place] of this.#places) {
      if (place.stream === id) steps.push(history.timeline(key).ask(null, moment))
    }
    const left = this.living.filter((each) => each.stream !== stream)
    this.living.splice(0, this.living.length, ...left)
    durable.vhost.streams.delete(stream)
    this.#answer(steps)
  }

  /** All that was declared so far is safe: what a head waits for before it answers. */
  #answer(steps: readonly Step[]): void {
    const commit = (): void => {
      for (const step of steps) step.answeredAt = Math.min(step.answeredAt, this.#life.moment)
    }
    this.#life.durable.broker.whenSafe({ commit }, Safety.synced)
  }

  append(living: LivingPartition, options: { isIdempotent: boolean; wantsConfirm: boolean }): void {
    const { random, moment } = this.#life
    const { partition, history } = living
    const records = random.integer(1, 4)
    const bytes = random.chance(0.1) ? random.integer(0, 3000) : random.integer(0, 300)
    const fill = String(random.integer(0, 2 ** 31))
    const timestamp = this.#life.durable.manual.clock.wallMs()
    const batch = newBatch({ records, bytes, fill, timestamp, ...this.#producer(living, options) })
    const appended = this.#append(living, batch)
    if (appended === null) return
    const stored = Buffer.from(batch)
    assignOffset(stored, 0, appended.baseOffset, partition.leaderEpoch)
    const extent = { baseOffset: appended.baseOffset, nextOffset: partition.logEnd, at: moment }
    const entry = new BatchEntry(stored, extent)
    history.batches.push(entry)
    if (options.isIdempotent) this.#sent.set(partition, { batch, baseOffset: appended.baseOffset })
    if (!options.wantsConfirm) return
    const commit = (): void => void (entry.confirmedAt = this.#life.moment)
    const durability: Durability = partition.config.durability
    this.#life.durable.broker.whenSafe({ commit }, safetyOf(durability))
  }

  #producer({ partition }: LivingPartition, { isIdempotent }: { isIdempotent: boolean }) {
    if (!isIdempotent) return {}
    const last = this.#sent.get(partition)?.batch
    const baseSequence =
      last === undefined ? 0 : readBaseSequence(last, 0) + readRecordCount(last, 0)
    const id = this.#producerId
    return { producer: { id, epoch: 0, baseSequence, isTransactional: false } }
  }

  #append({ partition }: LivingPartition, batch: Buffer): Appended | null {
    const appended: Appended = { baseOffset: -1, logAppendTimeMs: -1 }
    const error = partition.append(batch, 0, batch.length, appended)
    if (error === null) return appended
    if (error !== AppendError.tooLarge) this.#life.complain(`a batch was refused: ${error}`)
    return null
  }

  /** As a producer does that got no answer: it must not be there twice. */
  appendAgain(living: LivingPartition): void {
    const sent = this.#sent.get(living.partition)
    if (sent === undefined) return
    const { logEnd } = living.partition
    const appended = this.#append(living, sent.batch)
    if (appended?.baseOffset === sent.baseOffset && living.partition.logEnd === logEnd) return
    this.#life.complain(`a batch that was sent again is at ${String(appended?.baseOffset)} too`)
  }

  commitOffset(group: string, { stream, partition }: LivingPartition, offset: number): void {
    const { durable, history, moment } = this.#life
    const place = { group, stream: stream.id.toString('hex'), partition: partition.index }
    const key = offsetKey(place)
    this.#places.set(key, place)
    const commit = { offset, leaderEpoch: -1, metadata: '', committedMs: 0, retentionMs: null }
    durable.vhost.committedOffsets.commit(group, [{ stream, partition: partition.index, commit }])
    this.#answer([history.timeline(key).ask(String(offset), moment)])
  }

  /** Reads some batches from a place where there may be some, and compares them. */
  async read({ stream, partition, history }: LivingPartition): Promise<void> {
    const from = this.#life.random.integer(partition.logStart, partition.highWatermark)
    const found = await readBatches(partition, from, READ_BATCHES, () => this.#life.tick())
    for (const bytes of found) {
      const offset = readBaseOffset(bytes, 0)
      const entry = history.batches.find(({ baseOffset }) => baseOffset === offset)
      if (entry?.bytes.equals(bytes) === true) continue
      this.#life.complain(
        `stream ${stream.name}/${partition.index} has something else at ${offset}`,
      )
    }
  }
}

/** Attempts to come to a batch that has to be read from the disk, with others between them. */
const ATTEMPTS_MAX = 10_000

/** Batches from the one on that has `offset`, as a reader with patience gets them; fewer if they go, or the partition stops. */
export async function readBatches(
  partition: Partition,
  offset: number,
  count: number,
  pause: () => Promise<void>,
): Promise<Buffer[]> {
  const place = new ReadPlace()
  const found: Buffer[] = []
  let next = offset
  for (let attempts = 0; next < partition.highWatermark && found.length < count; attempts++) {
    if (attempts > ATTEMPTS_MAX) throw new Error(`offset ${next} is never read`)
    // What has had its time goes, also while somebody reads.
    if (!partition.holds(next)) break
    const seek = partition.seek(place, next)
    if (seek === Seek.none) break
    if (seek === Seek.onDisk) {
      partition.load(next).wait({ wake: () => {} })
      await pause()
      continue
    }
    do {
      place.locate()
      const { buffer, offset: at } = place
      found.push(Buffer.from(buffer.subarray(at, at + readBatchBytes(buffer, at))))
      next = readLastOffset(buffer, at) + 1
    } while (found.length < count && next < partition.highWatermark && place.cursor.next())
  }
  return found
}
