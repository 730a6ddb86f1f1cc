import {
  PartitionReader,
  ReaderStop,
  type DecompressLater,
} from '../core/stream/partition-reader.ts'
import type { Partition } from '../core/stream/partition.ts'
import type { Stream } from '../core/stream/stream.ts'
import { limits } from './limits.ts'
import { TopicRecord } from './topic-record.ts'

/**
 * Reads the records of all partitions of one topic, from their beginning on, as far as they have got.
 *
 * Invariant: each record is returned by one read().
 */
export class TopicReader {
  readonly stream: Stream
  readonly #readers: readonly OnePartition[]

  constructor(stream: Stream, decompress: DecompressLater) {
    this.stream = stream
    this.#readers = stream.partitions.map(
      (partition) => new OnePartition(stream.name, partition, decompress),
    )
  }

  /** What has come since the last call, at most `room` records. */
  async read(room: number): Promise<TopicRecord[]> {
    const records: TopicRecord[] = []
    for (const reader of this.#readers) await reader.read(records, room)
    return records
  }

  close(): void {
    for (const reader of this.#readers) reader.close()
  }
}

class OnePartition {
  readonly #topic: string
  readonly #partition: Partition
  readonly #reader: PartitionReader
  #woken: (() => void) | null = null

  constructor(topic: string, partition: Partition, decompress: DecompressLater) {
    this.#topic = topic
    this.#partition = partition
    this.#reader = new PartitionReader(partition, {
      offset: partition.logStart,
      decompress,
      decompressedBytesMax: limits.decompressedBytesMax,
      wake: () => this.#woken?.(),
    })
  }

  /** Fills `records` up to `room` with what is below the high watermark. */
  async read(records: TopicRecord[], room: number): Promise<void> {
    const reader = this.#reader
    while (records.length < room) {
      const record = reader.peek()
      if (record !== null) {
        records.push(new TopicRecord(this.#topic, this.#partition.index, record))
        reader.take()
      } else if (reader.stopped !== null) {
        return this.#checkStop(reader.stopped)
      } else if (reader.offset >= this.#partition.highWatermark) {
        return
      } else {
        // A batch is being decompressed.
        await new Promise<void>((resolve) => (this.#woken = resolve))
        this.#woken = null
      }
    }
  }

  #checkStop(stopped: ReaderStop): void {
    if (stopped === ReaderStop.deleted) return
    const where = `partition ${this.#partition.index} of topic '${this.#topic}'`
    throw new Error(
      `${where} cannot be read at offset ${this.#reader.offset}: its batch cannot be opened, because its compression is ` +
        'broken or unknown, or because it would become too large (16 MiB for Snappy and LZ4, 64 MiB for others)',
    )
  }

  close(): void {
    this.#reader.close()
  }
}
