import { isUtf8 } from 'node:buffer'
import type { Logger } from '../../base/log.ts'
import { Timer, type Timers } from '../../base/timers.ts'
import type { Task, Turn } from '../../base/turn.ts'
import type { AlarmListener, Alarms } from '../alarms.ts'
import { BrokerError } from '../errors.ts'
import { limits } from '../limits.ts'
import { Origin, Publication, type MessageFormats } from '../message.ts'
import type { Publisher } from '../publisher.ts'
import {
  PartitionReader,
  type DecompressLater,
  type ReaderStop,
} from '../stream/partition-reader.ts'
import type { ReadRecord } from '../stream/read-record.ts'
import { addressOfRecord, fillFromRecord, fitsMessage } from '../stream/record-message.ts'
import type { Stream } from '../stream/stream.ts'
import type { FeedCursor } from './feed-cursors.ts'
import {
  FeedGroup,
  groupBytesMax,
  RecordTooLarge,
  Room,
  type FeedGroupContext,
} from './feed-group.ts'

export interface FeedOptions {
  /** Name of the stream whose records it carries. */
  readonly stream: string
  /** Name of the exchange to which they go. */
  readonly exchange: string
  /** Under which they go there. Null: each under its own, see routingKeyFor(). */
  readonly routingKey: string | null
  /** Where a new feed begins. */
  readonly from: 'first' | 'last'
}

/** running: it carries, or has carried all · waiting: for something that will come by itself · stopped: until somebody does something. */
export type FeedState = 'running' | 'waiting' | 'stopped'

export interface FeedPosition {
  readonly partition: number
  /** Of the next record. */
  readonly offset: number
  /** Records that it has yet to carry. */
  readonly lag: number
}

/** What a feed needs of its virtual host. */
export interface FeedContext extends FeedGroupContext {
  readonly turn: Turn
  readonly timers: Timers
  readonly alarms: Alarms
  readonly logger: Logger
  readonly formats: MessageFormats
  readonly decompress: DecompressLater
  /** Publishes with every right: who may declare a feed was asked. */
  readonly publisher: Publisher
}

/** Exchange and routing key with the octets of their lengths. */
const ADDRESS_BYTES = 512
const NAME_BYTES_MAX = 255

/**
 * Carries the records of a stream to an exchange, in the order of each partition, each exactly once: what a record became and how
 * far the feed has come are in one batch of the journal, of which a restart finds all or nothing.
 *
 * It waits as publishers do, and for its exchange to be there. A record that cannot be carried holds up its partition and is named in
 * `reason`, until the cause is gone. Invariant: no record before a cursor was not carried, none behind it was.
 */
export class Feed implements Task, AlarmListener {
  queued: boolean = false
  readonly name: string
  readonly options: FeedOptions
  readonly cursors: readonly FeedCursor[]
  state: FeedState = 'waiting'
  /** Why it does not run, to be read by people. */
  reason: string | null = null
  /** Records since the broker's start. */
  carried: number = 0
  stream: Stream
  readonly #context: FeedContext
  #readers: PartitionReader[] = []
  /** Partitions that may have something to be carried. */
  readonly #ready = new Set<number>()
  readonly #publication = new Publication(Origin.kafka)
  readonly #retry: Timer
  #isClosed: boolean = false
  #isWaiting: boolean = false
  /** Why a partition is read no further, for good. */
  #broken: string | null = null
  /** What the log was told last. */
  #logged: string | null = null

  constructor(
    name: string,
    options: FeedOptions,
    { stream, cursors }: { readonly stream: Stream; readonly cursors: readonly FeedCursor[] },
    context: FeedContext,
  ) {
    this.name = name
    this.options = options
    this.stream = stream
    this.cursors = cursors
    this.#context = context
    this.#publication.address = Buffer.alloc(ADDRESS_BYTES)
    this.#retry = new Timer(() => this.#wakeAll())
  }

  /** At the start, when the stream is there again: what only the system had of it may be gone, and others will have its offsets. */
  restored(): void {
    for (const [i, { logEnd }] of this.stream.partitions.entries()) {
      const cursor = this.cursors[i] as FeedCursor
      if (cursor.offset > logEnd) cursor.offset = logEnd
    }
  }

  /** Begins, or goes on from where its cursors are. */
  start(): void {
    this.#readers = this.stream.partitions.map((partition, i) => {
      const { offset } = this.cursors[i] as FeedCursor
      const { decompress } = this.#context
      return new PartitionReader(partition, {
        offset,
        decompress,
        decompressedBytesMax: limits.decompressedBatchBytesMax,
        wake: () => this.#wake(i),
      })
    })
    this.#wakeAll()
  }

  get positions(): FeedPosition[] {
    return this.stream.partitions.map(({ highWatermark, logStart }, partition) => {
      const { offset } = this.cursors[partition] as FeedCursor
      return { partition, offset, lag: Math.max(0, highWatermark - Math.max(offset, logStart)) }
    })
  }

  /** Carries nothing any more. */
  close(): void {
    this.#isClosed = true
    for (const reader of this.#readers) reader.close()
    this.#context.alarms.unlisten(this)
    this.#context.timers.clear(this.#retry)
  }

  #wake(partition: number): void {
    this.#ready.add(partition)
    if (!this.#isClosed && !this.#isWaiting) this.#context.turn.schedule(this)
  }

  #wakeAll(): void {
    this.#isWaiting = false
    this.#runs()
    for (let i = 0; i < this.#readers.length; i++) this.#wake(i)
  }

  /** Carries some records of one partition. */
  run(): boolean {
    if (this.#isClosed || this.#isWaiting) return false
    const [partition] = this.#ready
    if (partition === undefined) return false
    const { alarms } = this.#context
    if (alarms.raised !== 0) {
      alarms.listen(this)
      this.#wait('waiting', `publishers wait: ${alarms.fullReason}`)
      return false
    }
    this.#ready.delete(partition)
    // At the end of the line, if there is more of it.
    if (this.#carrySome(partition)) this.#ready.add(partition)
    return this.#ready.size > 0 && !this.#isWaiting
  }

  alarmsChanged(): void {
    if (this.#context.alarms.raised !== 0) return
    this.#context.alarms.unlisten(this)
    this.#wakeAll()
  }

  /** True if there may be more. */
  #carrySome(partition: number): boolean {
    const reader = this.#readers[partition] as PartitionReader
    const cursor = this.cursors[partition] as FeedCursor
    const from = cursor.offset
    const group = new FeedGroup(this.#context)
    let isHeldUp = false
    for (let left: number = limits.feedRecordsPerRun; left > 0; left--) {
      const record = reader.peek()
      if (record === null) break
      const carried = this.#carry(record, group, partition)
      if (carried === 'full') break
      isHeldUp = carried === 'held-up'
      if (isHeldUp) break
      reader.take()
      this.carried++
    }
    if (reader.offset > from) {
      cursor.offset = reader.offset
      group.end(cursor)
    }
    this.#lookAt(reader, partition)
    if (isHeldUp) return true
    if (reader.offset > from) this.#logged = this.#broken
    return reader.peek() !== null
  }

  #carry(record: ReadRecord, group: FeedGroup, partition: number): 'carried' | 'full' | 'held-up' {
    const publication = this.#publication
    try {
      fillFromRecord(publication, record, this.#context.formats)
      if (!fitsMessage(publication)) {
        throw new RecordTooLarge('it is larger than a message may be')
      }
      this.#address(record)
      const { publisher, formats } = this.#context
      const room = group.makeRoom(
        groupBytesMax(publication, publisher.routeOf(publication), formats),
      )
      if (room === Room.full) return 'full'
      if (room === Room.later) return this.#holdUp(partition)
      publisher.publish(publication)
      return 'carried'
    } catch (error) {
      const isKnown = error instanceof BrokerError || error instanceof RecordTooLarge
      if (!isKnown) throw error
      const where = `offset ${record.offset} of partition ${partition} of stream '${this.stream.name}'`
      this.#wait(
        'stopped',
        `the record at ${where} cannot be carried to exchange '${this.options.exchange}': ${error.message}`,
      )
      this.#ready.add(partition)
      return 'held-up'
    }
  }

  #holdUp(partition: number): 'held-up' {
    this.#ready.add(partition)
    this.#wait('waiting', 'the disk has to catch up before so large a record can be carried')
    return 'held-up'
  }

  #address(record: ReadRecord): void {
    const { address } = this.#publication
    const exchange = this.options.exchange
    const exchangeBytes = address.write(exchange, 1)
    address[0] = exchangeBytes
    const keyAt = exchangeBytes + 1
    const keyBytes = address.write(this.#routingKeyFor(record), keyAt + 1)
    address[keyAt] = keyBytes
    this.#publication.addressStart = 0
    this.#publication.addressEnd = keyAt + 1 + keyBytes
  }

  /** The feed's own; else what the record says it was published under; else its key; else the stream's name. */
  #routingKeyFor(record: ReadRecord): string {
    const { routingKey } = this.options
    if (routingKey !== null) return routingKey
    const published = addressOfRecord(record).routingKey
    if (published !== null) return published
    const { key } = record
    const isName = key !== null && key.length <= NAME_BYTES_MAX && isUtf8(key)
    return isName ? key.toString('utf8') : this.stream.name
  }

  #lookAt(reader: PartitionReader, partition: number): void {
    if (reader.skipped > 0) {
      this.#context.logger.warn(
        `feed '${this.name}' has missed ${reader.skipped} records of partition ${partition} of stream ` +
          `'${this.stream.name}': its retention removed them before they were carried`,
      )
      reader.skipped = 0
    }
    const { stopped } = reader
    if (stopped === null || stopped === 'deleted') return
    this.#broken = `partition ${partition} of stream '${this.stream.name}' ${stopReasons[stopped]}`
    this.#note('stopped', this.#broken)
  }

  #runs(): void {
    this.state = this.#broken === null ? 'running' : 'stopped'
    this.reason = this.#broken
  }

  /** Goes on when it is woken, or tries again after a while. */
  #wait(state: FeedState, reason: string): void {
    this.#isWaiting = true
    this.#note(state, reason)
    this.#context.timers.set(this.#retry, limits.feedRetryMs)
  }

  #note(state: FeedState, reason: string): void {
    this.state = state
    this.reason = reason
    if (reason === this.#logged) return
    this.#logged = reason
    if (state === 'stopped') this.#context.logger.warn(`feed '${this.name}' has stopped: ${reason}`)
  }
}

const stopReasons: Readonly<Record<Exclude<ReaderStop, 'deleted'>, string>> = {
  damaged: 'has stopped: its files are damaged',
  unreadable:
    'has a batch that cannot be opened: its compression is broken, larger than allowed, or unknown here',
}
