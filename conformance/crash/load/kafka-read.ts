import {
  batchHeaderBytes,
  computeCrc,
  readBaseOffset,
  readBatchBytes,
  readCrc,
} from '../../../packages/broker/src/core/stream/record-batch.ts'
import { RecordCursor } from '../../../packages/broker/src/core/stream/record-cursor.ts'
import { ApiKey } from '../../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import type { FetchRequest } from '../../../packages/broker/src/protocols/kafka/codec/messages/log.ts'
import { KafkaError } from '../../../packages/broker/src/protocols/kafka/errors.ts'
import { bodyError } from './body.ts'
import { errorName } from './kafka-errors.ts'
import type { KafkaLink } from './kafka-link.ts'
import type { Load } from './load.ts'

export interface Partition {
  readonly topic: string
  readonly part: number
  /** What the history calls the topic: one that is created again is another one. */
  readonly alias?: string
}

/** The records that it asked for are there no more. */
export class OutOfRangeError extends Error {
  override readonly name = 'OutOfRangeError'
}

const PARTITION_BYTES_MAX = 1_048_576

/** Reads partitions by their offsets, on whatever connection there is, and writes down all it sees. */
export class PartitionReader {
  readonly name: string
  readonly #log: Load['log']

  constructor(log: Load['log'], name: string) {
    this.name = name
    this.#log = log
  }

  /** Reads on from the offset; returns the next one and the high watermark. */
  async fetch(
    link: KafkaLink,
    asked: Partition & { readonly from: number; readonly waitMs: number },
  ): Promise<{ readonly next: number; readonly highWatermark: number }> {
    const { part, from } = asked
    const topic = asked.alias ?? asked.topic
    const event = { f: 'fetch', conn: link.conn, topic, part } as const
    this.#log('invoke', event)
    const answer = await link.request(ApiKey.Fetch, 11, fetchBody(asked))
    const got = answer.responses[0]?.partitions[0]
    const errorCode = got?.errorCode ?? answer.errorCode
    if (errorCode === KafkaError.OFFSET_OUT_OF_RANGE) {
      throw new OutOfRangeError(`${from} of ${topic}/${part} is out of range`)
    }
    if (got === undefined || errorCode !== KafkaError.NONE) throw new Error(errorName(errorCode))
    const { highWatermark, logStartOffset, records } = got
    this.#log('ok', { ...event, hw: highWatermark, start: logStartOffset })
    const next = this.#logRecords(link.conn, { topic, part }, { from, records })
    return { next, highWatermark }
  }

  /** The same; where retention has been faster than this reader, it goes on at the log start. */
  async fetchOrSkip(
    link: KafkaLink,
    asked: Partition & { readonly from: number; readonly waitMs: number },
  ): Promise<number> {
    try {
      return (await this.fetch(link, asked)).next
    } catch (error) {
      if (!(error instanceof OutOfRangeError)) throw error
      const start = await listOffset(link, asked, 'earliest')
      // Nobody has removed it: then it is out of range because it has been lost.
      if (start <= asked.from) throw error
      this.seek(asked, start)
      return start
    }
  }

  /** Says that it goes on elsewhere. */
  seek({ topic, alias = topic, part }: Partition, off: number): void {
    this.#log('ok', { f: 'seek', reader: this.name, topic: alias, part, off })
  }

  #logRecords(
    conn: string,
    partition: Partition,
    { from, records }: { readonly from: number; readonly records: Buffer | null },
  ): number {
    const bytes = records ?? Buffer.alloc(0)
    let next = from
    // The last batch may have been cut where the answer was full.
    for (let at = 0; isWholeBatch(bytes, at); at += readBatchBytes(bytes, at)) {
      const end = at + readBatchBytes(bytes, at)
      const isSound = computeCrc(bytes, at, end - at) === readCrc(bytes, at)
      const cursor = new RecordCursor(bytes, at + batchHeaderBytes, end)
      while (cursor.next()) {
        const off = readBaseOffset(bytes, at) + cursor.offsetDelta
        if (off < from) continue
        const val = valueOf(cursor)
        const body = cursor.value() ?? Buffer.alloc(0)
        const err = isSound ? bodyError(val, body) : 'a batch whose checksum is wrong'
        const names = { f: 'deliver', proto: 'kafka', conn, reader: this.name } as const
        const event = { ...names, ...partition, off, val, bytes: body.length }
        this.#log('ok', err === null ? event : { ...event, err })
        next = off + 1
      }
    }
    return next
  }
}

/** Its key, if it was a record from the beginning, else the id of the message that it was. */
function valueOf(cursor: RecordCursor): string {
  const id = cursor.key() ?? cursor.headers().find(({ key }) => key === 'message-id')?.value
  return id?.toString('latin1') ?? 'neither key nor message-id'
}

export async function listOffset(
  link: KafkaLink,
  { topic, part }: Partition,
  which: 'earliest' | 'latest',
): Promise<number> {
  const timestamp = which === 'earliest' ? -2 : -1
  const asked = { partitionIndex: part, currentLeaderEpoch: -1, timestamp }
  const answer = await link.request(ApiKey.ListOffsets, 5, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: topic, partitions: [asked] }],
  })
  const got = answer.topics[0]?.partitions[0]
  if (got?.errorCode !== KafkaError.NONE) throw new Error(errorName(got?.errorCode ?? -1))
  return got.offset
}

function isWholeBatch(bytes: Buffer, at: number): boolean {
  return at + batchHeaderBytes <= bytes.length && at + readBatchBytes(bytes, at) <= bytes.length
}

function fetchBody(asked: Partition & { from: number; waitMs: number }): Partial<FetchRequest> {
  const partition = {
    partition: asked.part,
    currentLeaderEpoch: -1,
    fetchOffset: asked.from,
    lastFetchedEpoch: -1,
    logStartOffset: -1,
    partitionMaxBytes: PARTITION_BYTES_MAX,
    replicaDirectoryId: Buffer.alloc(16),
  }
  const topics = [{ topic: asked.topic, topicId: Buffer.alloc(16), partitions: [partition] }]
  const maxBytes = 8 * PARTITION_BYTES_MAX
  const session = { sessionId: 0, sessionEpoch: -1 }
  return { replicaId: -1, maxWaitMs: asked.waitMs, minBytes: 1, maxBytes, ...session, topics }
}
