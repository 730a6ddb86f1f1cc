import { limits } from '../../core/limits.ts'
import type { PageLoad } from '../../core/stream/batch-pages.ts'
import type { Partition, Pin } from '../../core/stream/partition.ts'
import { ReadPlace, Seek } from '../../core/stream/read-place.ts'
import { Compression, readCompression, readLastOffset } from '../../core/stream/record-batch.ts'
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
export class PlannedPartition implements Pin {
  /** Null if there is none: `errorCode` says why. */
  partition: Partition | null = null
  errorCode: KafkaError = KafkaError.NONE
  /** Of the first batch, if there are any. */
  baseOffset: number = 0
  batches: number = 0
  bytes: number = 0
  /** The first batch must be read from the disk, and then it can be answered. */
  load: PageLoad | null = null
}

/**
 * Which batches answer a Fetch: chosen by the index alone, before a byte is copied, so that the
 * answer's size is known first. What is on the disk alone is chosen from the pages that are there.
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
  /** Partitions of which something is being read from the disk for this request. */
  loads: number = 0
  /** What counts towards minBytes: where limits keep a batch out, as if a part of it were sent. */
  #readyBytes: number = 0
  readonly #table: FetchRequestTable
  readonly #place = new ReadPlace()
  #version: number = 0

  constructor(table: FetchRequestTable) {
    this.#table = table
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
    this.loads = 0
    for (let index = 0; index < table.partitionCount; index++) {
      const entry = this.entries[index] as PlannedPartition
      entry.batches = 0
      entry.bytes = 0
      entry.load = null
      if (entry.partition !== null) this.#choose(entry, index, room)
      if (entry.errorCode !== KafkaError.NONE) this.hasError = true
      this.bytes += entry.bytes
      room -= entry.bytes
    }
    this.#place.clear()
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

  /** Whether there are records to answer with, and none of them in memory. */
  get mustRead(): boolean {
    return this.loads > 0 && this.bytes === 0 && !this.hasError
  }

  #choose(entry: PlannedPartition, index: number, room: number): void {
    const partition = entry.partition as Partition
    const offset = this.#table.fetchOffset[index] as number
    entry.errorCode = this.#checkPartition(partition, index, offset)
    if (entry.errorCode !== KafkaError.NONE || offset >= partition.highWatermark) return
    if (room <= 0 && this.bytes > 0) return
    const found = partition.seek(this.#place, offset)
    if (found === Seek.onDisk) this.#load(entry, offset)
    if (found !== Seek.found) return
    entry.baseOffset = this.#place.cursor.baseOffset
    const limit = Math.min(room, this.#table.partitionMaxBytes[index] as number)
    // Kafka would cut the last batch off there, and not wait for more than it may send.
    this.#readyBytes += this.#take(entry, limit) ? Math.max(entry.bytes, limit) : entry.bytes
    if (partition.hasZstd && this.#version < zstdFrom) this.#refuseZstd(entry)
  }

  /** Not more than fit the answer: what is asked for on top waits for the next request. */
  #load(entry: PlannedPartition, offset: number): void {
    if (this.loads >= limits.batchPagesPerFetchMax) return
    entry.load = (entry.partition as Partition).load(offset)
    this.loads++
  }

  #checkPartition(partition: Partition, index: number, offset: number): KafkaError {
    if (partition.deleted) {
      const isById = this.#version >= topicIdsFrom
      return isById ? KafkaError.UNKNOWN_TOPIC_ID : KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    }
    if (partition.damaged !== null) return KafkaError.KAFKA_STORAGE_ERROR
    const epoch = this.#table.currentLeaderEpoch[index] as number
    if (epoch !== -1 && epoch !== partition.leaderEpoch) {
      return epoch < partition.leaderEpoch
        ? KafkaError.FENCED_LEADER_EPOCH
        : KafkaError.UNKNOWN_LEADER_EPOCH
    }
    const isKnown = offset >= partition.logStart && offset <= partition.logEnd
    return isKnown ? KafkaError.NONE : KafkaError.OFFSET_OUT_OF_RANGE
  }

  /** True if there is more than `room`, or than is in memory. */
  #take(entry: PlannedPartition, room: number): boolean {
    const partition = entry.partition as Partition
    const place = this.#place
    const { cursor } = place
    for (;;) {
      if (cursor.baseOffset >= partition.highWatermark) return false
      const { bytes } = cursor
      const isFirst = this.bytes + entry.bytes === 0
      if (entry.bytes + bytes > room && !isFirst) return true
      entry.bytes += bytes
      entry.batches++
      if (entry.bytes >= room) return true
      if (cursor.next()) continue
      const { page } = place
      if (page === null || page.to >= partition.highWatermark) return false
      if (partition.seek(place, page.to) !== Seek.found) return true
    }
  }

  #refuseZstd(entry: PlannedPartition): void {
    const partition = entry.partition as Partition
    const place = this.#place
    let offset = entry.baseOffset
    for (let left = entry.batches; left > 0; left--) {
      if (partition.seek(place, offset) !== Seek.found) return
      place.locate()
      if (readCompression(place.buffer, place.offset) === Compression.zstd) {
        entry.errorCode = KafkaError.UNSUPPORTED_COMPRESSION_TYPE
        entry.batches = 0
        entry.bytes = 0
        return
      }
      offset = readLastOffset(place.buffer, place.offset) + 1
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
