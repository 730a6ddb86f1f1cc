import type { Broker } from '../../core/broker.ts'
import { BatchCursor } from '../../core/stream/batch-index.ts'
import type { Partition } from '../../core/stream/partition.ts'
import { Compression, readCompression } from '../../core/stream/record-batch.ts'
import type { Stream } from '../../core/stream/stream.ts'
import type { FetchRequestTable } from './codec/fetch.ts'
import { KafkaError } from './errors.ts'
import { kafkaLimits } from './limits.ts'
import type { Session } from './session.ts'

/** Fetch 10 is the first whose reader knows zstd. [KIP-110] */
const zstdFrom = 10
const topicIdsFrom = 13
const entriesKept = 4096

/** What a Fetch will answer for one partition. */
export class PlannedPartition {
  /** Null if there is none: `errorCode` says why. */
  partition: Partition | null = null
  errorCode: KafkaError = KafkaError.NONE
  readonly cursor: BatchCursor = new BatchCursor()
  batches: number = 0
  bytes: number = 0
}

/**
 * Which batches answer a Fetch: chosen by the index alone, before a byte is copied, so that the
 * answer's size is known first.
 *
 * Whole batches in the order of the request, the first one however large it is, further ones while
 * they fit what the request and fetchBytesMax allow. [KIP-74] Filled anew by each evaluate().
 */
export class FetchPlan {
  /** By partition of the request; those behind its partitionCount are spare. */
  readonly entries: PlannedPartition[] = []
  /** By topic of the request. */
  readonly topics: (Stream | null)[] = []
  /** By topic: partitions asked for. */
  partitionCounts: number[] = []
  bytes: number = 0
  hasError: boolean = false
  /** What counts towards minBytes: where limits keep a batch out, as if a part of it were sent. */
  #readyBytes: number = 0
  readonly #table: FetchRequestTable
  readonly #log: Broker['messages']
  readonly #walk = new BatchCursor()
  #version: number = 0

  constructor(table: FetchRequestTable, log: Broker['messages']) {
    this.#table = table
    this.#log = log
  }

  /** Finds what the request names, once; it stays good while the request waits. */
  resolve(session: Session, version: number): void {
    const table = this.#table
    this.#version = version
    this.topics.length = 0
    this.partitionCounts.length = 0
    const errors: KafkaError[] = []
    for (let topic = 0; topic < table.topicCount; topic++) {
      const stream = this.#findStream(session, topic)
      errors.push(checkTopic(session, version, { stream, name: table.topicNames[topic] as string }))
      this.topics.push(stream ?? null)
      this.partitionCounts.push(0)
    }
    for (let index = 0; index < table.partitionCount; index++) {
      const topic = table.topicIndex[index] as number
      this.partitionCounts[topic] = (this.partitionCounts[topic] as number) + 1
      this.#resolvePartition(index, topic, errors[topic] as KafkaError)
    }
  }

  #findStream(session: Session, topic: number): Stream | undefined {
    const streams = session.vhost?.streams
    return this.#version >= topicIdsFrom
      ? streams?.findById(this.#table.topicId(topic))
      : streams?.find(this.#table.topicNames[topic] as string)
  }

  #resolvePartition(index: number, topic: number, topicError: KafkaError): void {
    if (index === this.entries.length) this.entries.push(new PlannedPartition())
    const entry = this.entries[index] as PlannedPartition
    entry.errorCode = topicError
    entry.partition = null
    if (topicError !== KafkaError.NONE) return
    const partition = this.topics[topic]?.partitions[this.#table.partition[index] as number]
    if (partition === undefined) entry.errorCode = KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    else entry.partition = partition
  }

  /** Chooses from what can be read now. */
  evaluate(): void {
    const table = this.#table
    let room = Math.min(table.maxBytes, kafkaLimits.fetchBytesMax)
    this.bytes = 0
    this.#readyBytes = 0
    this.hasError = false
    for (let index = 0; index < table.partitionCount; index++) {
      const entry = this.entries[index] as PlannedPartition
      entry.batches = 0
      entry.bytes = 0
      if (entry.partition !== null) this.#choose(entry, index, room)
      if (entry.errorCode !== KafkaError.NONE) this.hasError = true
      this.bytes += entry.bytes
      room -= entry.bytes
    }
  }

  /** Gives back what one large request took. */
  trim(): void {
    if (this.entries.length > entriesKept) this.entries.length = entriesKept
  }

  /** Whether the request need not wait for more. */
  get isEnough(): boolean {
    const { minBytes, maxBytes, partitionCount } = this.#table
    const wanted = Math.min(minBytes, maxBytes, kafkaLimits.fetchBytesMax)
    return this.hasError || partitionCount === 0 || this.#readyBytes >= wanted
  }

  #choose(entry: PlannedPartition, index: number, room: number): void {
    const partition = entry.partition as Partition
    const offset = this.#table.fetchOffset[index] as number
    entry.errorCode = this.#checkPartition(partition, index, offset)
    if (entry.errorCode !== KafkaError.NONE || offset >= partition.highWatermark) return
    if (!partition.batches.seek(entry.cursor, offset)) return
    const limit = Math.min(room, this.#table.partitionMaxBytes[index] as number)
    // Kafka would cut the last batch off there, and not wait for more than it may send.
    this.#readyBytes += this.#take(entry, limit) ? Math.max(entry.bytes, limit) : entry.bytes
    if (partition.hasZstd && this.#version < zstdFrom) this.#refuseZstd(entry)
  }

  #checkPartition(partition: Partition, index: number, offset: number): KafkaError {
    if (partition.deleted) {
      const isById = this.#version >= topicIdsFrom
      return isById ? KafkaError.UNKNOWN_TOPIC_ID : KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    }
    const epoch = this.#table.currentLeaderEpoch[index] as number
    if (epoch !== -1 && epoch !== partition.leaderEpoch) {
      return epoch < partition.leaderEpoch
        ? KafkaError.FENCED_LEADER_EPOCH
        : KafkaError.UNKNOWN_LEADER_EPOCH
    }
    const isKnown = offset >= partition.logStart && offset <= partition.logEnd
    return isKnown ? KafkaError.NONE : KafkaError.OFFSET_OUT_OF_RANGE
  }

  /** True if there is more than `room`. */
  #take(entry: PlannedPartition, room: number): boolean {
    const { highWatermark } = entry.partition as Partition
    const walk = this.#walk
    walk.set(entry.cursor)
    do {
      if (walk.baseOffset >= highWatermark) return false
      const { bytes } = walk
      const isFirst = this.bytes + entry.bytes === 0
      if (entry.bytes + bytes > room && !isFirst) return true
      entry.bytes += bytes
      entry.batches++
    } while (entry.bytes < room && walk.next())
    return entry.bytes >= room
  }

  #refuseZstd(entry: PlannedPartition): void {
    const walk = this.#walk
    walk.set(entry.cursor)
    for (let left = entry.batches; left > 0; left--) {
      this.#log.locate(walk.position)
      if (readCompression(this.#log.buffer, this.#log.offset) === Compression.zstd) {
        entry.errorCode = KafkaError.UNSUPPORTED_COMPRESSION_TYPE
        entry.batches = 0
        entry.bytes = 0
        return
      }
      walk.next()
    }
  }
}

function checkTopic(
  session: Session,
  version: number,
  { stream, name }: { readonly stream: Stream | undefined; readonly name: string },
): KafkaError {
  if (version >= topicIdsFrom && stream === undefined) return KafkaError.UNKNOWN_TOPIC_ID
  if (!session.may('read', 'stream', stream?.name ?? name)) {
    return KafkaError.TOPIC_AUTHORIZATION_FAILED
  }
  return stream === undefined ? KafkaError.UNKNOWN_TOPIC_OR_PARTITION : KafkaError.NONE
}
