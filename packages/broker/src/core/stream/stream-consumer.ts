import type { Logger } from '../../base/log.ts'
import { Ring } from '../../base/ring.ts'
import type { Task, Turn } from '../../base/turn.ts'
import type { Consumer, Delivery } from '../consumer.ts'
import { limits } from '../limits.ts'
import { Origin, Publication, type MessageFormats } from '../message.ts'
import type { DecompressLater } from './partition-reader.ts'
import { PlacedReader } from './placed-reader.ts'
import type { ReadRecord } from './read-record.ts'
import { addressOfRecord, fillFromRecord } from './record-message.ts'
import type { RecordScratch } from './record-scratch.ts'
import type { Stream } from './stream.ts'
import type { StreamPlace } from './stream-place.ts'

/** What consumers of streams need of their broker. */
export interface StreamConsumerContext {
  readonly turn: Turn
  readonly logger: Logger
  readonly formats: MessageFormats
  readonly decompress: DecompressLater
  /** One for all: each shows its record, and forgets it. */
  readonly delivery: Delivery
  readonly scratch: RecordScratch
}

export interface StreamConsumerOptions {
  /** Names it, as ConsumerEntry's does. */
  readonly id: number
  readonly consumer: Consumer
  readonly stream: Stream
  readonly from: StreamPlace
  /** None of its partitions can be read any more. */
  readonly ended: () => void
}

/** Exchange and routing key, each of at most 255 bytes after an octet with its length. */
const ADDRESS_BYTES = 512

/**
 * Somebody who is given all records of a stream, from a place on: of each partition in order, the partitions by turns.
 *
 * Nobody shares with it, nothing that it has is taken away from others, and what it does with a record is its own affair: settling one
 * is room for another. Invariant: it holds one batch, and reads no further than its consumer is ready for.
 */
export class StreamConsumer implements Task {
  queued: boolean = false
  readonly id: number
  readonly consumer: Consumer
  readonly stream: Stream
  readonly #context: StreamConsumerContext
  readonly #ended: () => void
  readonly #readers: readonly PlacedReader[]
  #readersLeft: number
  /** Those that may have records. */
  readonly #line: Ring<PlacedReader>
  /** Whose turn it is, and how many batches it had begun before. */
  #current: PlacedReader | null = null
  #batchesBefore: number = 0
  #isClosed: boolean = false
  readonly #publication = new Publication(Origin.kafka)

  constructor(options: StreamConsumerOptions, context: StreamConsumerContext) {
    const { id, consumer, stream, from, ended } = options
    this.id = id
    this.consumer = consumer
    this.stream = stream
    this.#context = context
    this.#ended = ended
    this.#publication.address = Buffer.allocUnsafeSlow(ADDRESS_BYTES)
    const wake = (reader: PlacedReader): void => this.#wake(reader)
    this.#readers = stream.partitions.map((partition) => {
      return new PlacedReader(partition, from, context, wake)
    })
    this.#readersLeft = this.#readers.length
    this.#line = new Ring(this.#readers.length)
    for (const reader of this.#readers) this.#wake(reader)
  }

  #wake(reader: PlacedReader): void {
    if (reader !== this.#current && !reader.inLine) this.#standInLine(reader)
    this.ready()
  }

  #standInLine(reader: PlacedReader): void {
    reader.inLine = true
    this.#line.push(reader)
  }

  /** The consumer may take more. */
  ready(): void {
    if (!this.#isClosed) this.#context.turn.schedule(this)
  }

  /** Gives nothing any more. */
  close(): void {
    this.#isClosed = true
    for (const reader of this.#readers) reader.close()
  }

  /** Delivers a bounded number of records of one partition, and of others if it has none. */
  run(): boolean {
    let bytes: number = limits.deliveryBytesPerRun
    for (let left: number = limits.deliveriesPerRun; left > 0 && bytes > 0; left--) {
      if (this.#isClosed) return false
      const current = (this.#current ??= this.#next())
      if (current === null) return false
      const record = current.peek()
      if (record === null) {
        // Of those that are being read, one at a time.
        if (current.isLoading) return false
        this.#leave(current)
      } else if (this.consumer.ready()) {
        bytes -= this.#deliver(current, record)
      } else return false
    }
    this.#rotate()
    return !this.#isClosed
  }

  #next(): PlacedReader | null {
    const next = this.#line.shift()
    if (next === undefined) return null
    next.inLine = false
    this.#batchesBefore = next.batches
    return next
  }

  /** It has no more records now: it comes back when it is woken. Or never. */
  #leave(reader: PlacedReader): void {
    this.#current = null
    const stopped = reader.reader?.stopped ?? null
    if (stopped === null) return
    this.#readersLeft--
    if (stopped !== 'deleted') {
      this.#context.logger.warn(
        `a consumer gets no more records of partition ${reader.partition.index} of stream '${this.stream.name}': ` +
          (stopped === 'damaged'
            ? 'it is damaged on the disk'
            : 'a batch cannot be opened: its compression is broken, larger than allowed, or unknown here'),
        { offset: reader.reader?.offset ?? -1 },
      )
    }
    if (this.#readersLeft === 0) this.#ended()
  }

  /** The next partition has its turn, if this one has gone through a batch: what is let go of it has to be copied, or opened, again. */
  #rotate(): void {
    const current = this.#current
    if (current === null || this.#line.size === 0) return
    if (current.batches - this.#batchesBefore < 2) return
    current.reader?.release()
    this.#current = null
    this.#standInLine(current)
  }

  /** Returns about how many bytes that were. */
  #deliver({ partition, reader }: PlacedReader, record: ReadRecord): number {
    const { formats, delivery, scratch, logger } = this.#context
    const publication = this.#publication
    fillFromRecord(publication, record, formats)
    this.#address(record)
    reader?.take()
    if (!scratch.show(publication, delivery.message)) {
      const where = `partition ${partition.index} of stream '${this.stream.name}'`
      logger.warn(`a record's headers are larger than a message's can be: it is left out`, {
        where,
        offset: record.offset,
      })
      return 0
    }
    delivery.consumer = this.id
    delivery.sequence = record.offset
    delivery.streamOffset = record.offset
    delivery.streamPartition = this.#readers.length === 1 ? -1 : partition.index
    const { bodyEnd, addressStart } = delivery.message
    this.consumer.deliver(delivery)
    return bodyEnd - addressStart
  }

  /** Where it was published to; what came by no exchange is as though it had been sent to the queue. */
  #address(record: ReadRecord): void {
    const { exchange, routingKey } = addressOfRecord(record)
    const publication = this.#publication
    const { address } = publication
    const exchangeBytes = address.write(exchange ?? '', 1)
    address[0] = exchangeBytes
    const keyAt = exchangeBytes + 1
    const keyBytes = address.write(routingKey ?? this.stream.name, keyAt + 1)
    address[keyAt] = keyBytes
    publication.addressEnd = keyAt + 1 + keyBytes
  }
}
