import type { ServerResponse } from 'node:http'
import type { Task } from '../base/turn.ts'
import type { Broker } from '../core/broker.ts'
import { PartitionReader } from '../core/stream/partition-reader.ts'
import type { Partition } from '../core/stream/partition.ts'
import type { ReadRecord } from '../core/stream/read-record.ts'
import type { RecordHeader } from '../core/stream/record-cursor.ts'
import { ORIGIN_HEADER } from '../core/stream/record-view.ts'
import { adminLimits } from './limits.ts'
import { LineStream } from './line-stream.ts'
import type { EndReason, Subscription, Subscriptions } from './subscriptions.ts'
import { encodedBody, jsonOfBytes, type Json } from './values.ts'

export interface StreamSubscriptionOptions {
  readonly broker: Broker
  readonly subscriptions: Subscriptions
  readonly address: string
  readonly stream: string
  readonly partitions: readonly Partition[]
  /** Where to begin in each. */
  readonly from: (partition: Partition) => number
  readonly count: number
  readonly follow: boolean
}

/** A partition, as far as it is read. */
interface Reading {
  readonly reader: PartitionReader
  /** Where it is done; Infinity if it goes on as records come. */
  readonly end: number
}

/** Partitions of a stream, read without a group, as lines over HTTP. */
export class StreamSubscription implements Subscription, Task {
  queued: boolean = false
  readonly #options: StreamSubscriptionOptions
  readonly #readings: readonly Reading[]
  #lines: LineStream | null = null
  #received: number = 0
  /** Which partition is next: they take turns. */
  #next: number = 0
  #isOver: boolean = false

  constructor(options: StreamSubscriptionOptions) {
    this.#options = options
    const { broker, partitions, from, follow } = options
    this.#readings = partitions.map((partition) => ({
      end: follow ? Infinity : partition.highWatermark,
      reader: new PartitionReader(partition, {
        offset: from(partition),
        decompress: broker.decompress,
        decompressedBytesMax: adminLimits.decompressedBytesMax,
        wake: () => this.#schedule(),
      }),
    }))
  }

  open(response: ServerResponse): void {
    const { address, subscriptions } = this.#options
    this.#lines = new LineStream(response, {
      drained: () => this.#schedule(),
      closed: () => this.#release(),
    })
    this.#lines.write({ type: 'subscribed', address })
    subscriptions.add(this)
    this.#schedule()
  }

  #schedule(): void {
    if (!this.#isOver) this.#options.broker.turn.schedule(this)
  }

  /** Writes some records; true if there are more. */
  run(): boolean {
    const lines = this.#lines
    if (lines === null || this.#isOver) return false
    lines.gather()
    const hasMore = this.#writeSome(lines)
    lines.flush()
    return hasMore
  }

  #writeSome(lines: LineStream): boolean {
    const { count, stream } = this.#options
    for (let left = adminLimits.recordsPerRun; left > 0; left--) {
      // It comes again when the socket has taken it.
      if (lines.congested) return false
      const reading = this.#nextWithRecord()
      if (reading === null) return false
      const { reader } = reading
      const record = reader.peek() as ReadRecord
      lines.write(showRecord(record, stream, reader.partition.index))
      reader.take()
      if (++this.#received >= count) {
        this.end('count')
        return false
      }
    }
    return true
  }

  /** Null if all wait, or it is over. */
  #nextWithRecord(): Reading | null {
    const readings = this.#readings
    let done = 0
    for (let i = 0; i < readings.length; i++) {
      const at = (this.#next + i) % readings.length
      const reading = readings[at] as Reading
      const { reader, end } = reading
      const record = reader.offset < end ? reader.peek() : null
      if (record !== null && record.offset < end) {
        this.#next = at + 1
        return reading
      }
      if (reader.stopped !== null) {
        this.#endBroken(reading)
        return null
      }
      if (reader.offset >= end || record !== null) done++
    }
    if (done === readings.length) this.end('no-more')
    return null
  }

  #endBroken({ reader }: Reading): void {
    const where = `partition ${reader.partition.index} of stream '${this.#options.stream}'`
    switch (reader.stopped) {
      case 'deleted':
        return this.end('deleted')
      case 'damaged':
        return this.end('damaged', `${where} has stopped: its files are damaged`)
      default:
        return this.end(
          'error',
          `${where}: the batch at offset ${reader.offset} cannot be opened: its compression is broken, larger than allowed, or unknown here`,
        )
    }
  }

  end(reason: EndReason, message?: string): void {
    if (this.#isOver) return
    this.#release()
    this.#lines?.end({ type: 'ended', reason, ...(message !== undefined && { message }) })
  }

  #release(): void {
    this.#isOver = true
    for (const { reader } of this.#readings) reader.close()
    this.#options.subscriptions.remove(this)
  }
}

function showRecord(record: ReadRecord, stream: string, partition: number): object {
  const { offset, timestamp, key, value, headers } = record
  const shownKey = key === null ? null : encodedBody(key)
  return {
    type: 'record',
    stream,
    partition,
    offset,
    timestamp,
    key: shownKey?.body ?? null,
    keyEncoding: shownKey?.encoding ?? 'text',
    headers: showHeaders(headers),
    ...(value === null ? { body: null, encoding: 'text' } : encodedBody(value)),
  }
}

/** Those of one name together; what only PolyMQ reads is left out. */
function showHeaders(headers: readonly RecordHeader[]): Readonly<Record<string, Json>> {
  const byName = new Map<string, Json[]>()
  for (const { key, value } of headers) {
    if (key === ORIGIN_HEADER) continue
    const values = byName.get(key)
    if (values === undefined) byName.set(key, [jsonOfBytes(value)])
    else values.push(jsonOfBytes(value))
  }
  const shown = Object.create(null) as Record<string, Json>
  for (const [key, values] of byName)
    shown[key] = values.length === 1 ? (values[0] ?? null) : values
  return shown
}
