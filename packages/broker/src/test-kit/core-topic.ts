import { RecordBatchWriter, type BatchRecord } from '../core/stream/record-batch-writer.ts'
import type { Partition } from '../core/stream/partition.ts'
import { partitionOf } from '../core/stream/partitioner.ts'
import type { Stream } from '../core/stream/stream.ts'
import type { CoreCaller } from './core-caller.ts'
import { limits } from './limits.ts'
import { encodeContent } from './publication.ts'
import type { TestRecord } from './test-record.ts'
import type { CreateTopicOptions, RecordToPublish, TestTopic } from './test-topic.ts'
import { TopicReader } from './topic-reader.ts'
import { describeRecord } from './topic-record.ts'
import type { WaitForOptions, WaitOptions } from './wait-options.ts'
import { listNames, listSeen, waitFor } from './waiting.ts'

/**
 * A stream of the core, read as a feed reads it.
 *
 * Invariant: what was read and not returned is in `#held`, in the order in which it was read.
 */
export class CoreTopic implements TestTopic {
  readonly name: string
  readonly #caller: CoreCaller
  #reader: TopicReader | null = null
  #held: TestRecord[] = []
  /** Reading may wait, and is done by one at a time. */
  #lastRead: Promise<void> = Promise.resolve()

  constructor(caller: CoreCaller, name: string) {
    this.#caller = caller
    this.name = name
  }

  create({ partitions = 1 }: CreateTopicOptions = {}): Promise<void> {
    const { streams } = this.#caller.vhost
    return this.#caller.inTurn(() => {
      const options = { partitions, config: streams.defaultConfig, settings: new Map() }
      streams.create(this.name, options)
    })
  }

  publish(record: RecordToPublish): Promise<void> {
    return this.#caller.inTurn(() => {
      const stream = this.#stream
      if (stream === undefined) {
        throw new Error(`there is no topic '${this.name}'; ${this.#describeOthers()}`)
      }
      const nowMs = this.#caller.broker.turn.clock.wallMs()
      const batchRecord = batchRecordOf(record, nowMs)
      const writer = new RecordBatchWriter()
      writer.append(batchRecord)
      const batch = writer.finish()
      const partition = choosePartition(stream, record.partition, batchRecord.key)
      const appended = { baseOffset: -1, logAppendTimeMs: -1 }
      const refused = partition.append(batch, 0, batch.length, appended)
      if (refused !== null) throw new Error(`topic '${this.name}' refuses the record: ${refused}`)
    })
  }

  waitForRecord(options: WaitForOptions<TestRecord> = {}): Promise<TestRecord> {
    const { timeoutMs, where = () => true } = options
    const look = async (): Promise<TestRecord | null> => {
      await this.#read()
      const at = this.#held.findIndex(where)
      return at < 0 ? null : (this.#held.splice(at, 1)[0] as TestRecord)
    }
    const wanted = options.where === undefined ? 'a record' : 'a record that `where` accepts'
    const describe = (ms: number): string => {
      const text = `not within ${ms} ms: ${wanted} in ${this.#describeState()}`
      if (this.#held.length === 0) return text
      return `${text}; not accepted:${listSeen(this.#held.map(describeRecord))}`
    }
    return waitFor(this.#caller, { timeoutMs, look, describe })
  }

  async waitForCount(count: number, { timeoutMs }: WaitOptions = {}): Promise<void> {
    const look = (): Promise<true | null> => {
      const stream = this.#stream
      const isReached = stream !== undefined && countRecords(stream) === count
      return Promise.resolve(isReached ? true : null)
    }
    const describe = (ms: number): string => {
      return `not within ${ms} ms: ${count} records in ${this.#describeState()}`
    }
    await waitFor(this.#caller, { timeoutMs, look, describe })
  }

  async records(): Promise<readonly TestRecord[]> {
    const reader = new TopicReader(this.#getStream(), this.#caller.broker.decompress)
    try {
      return await reader.read(limits.heldMax)
    } finally {
      reader.close()
    }
  }

  count(): Promise<number> {
    return this.#caller.inTurn(() => countRecords(this.#getStream()))
  }

  /** Lets go of what it reads. */
  close(): void {
    this.#reader?.close()
  }

  get #stream(): Stream | undefined {
    return this.#caller.vhost.streams.find(this.name)
  }

  #getStream(): Stream {
    const stream = this.#stream
    if (stream !== undefined) return stream
    throw new Error(`there is no topic '${this.name}'; ${this.#describeOthers()}`)
  }

  #read(): Promise<void> {
    const read = this.#lastRead.then(() => this.#readOn())
    this.#lastRead = read.catch(() => {})
    return read
  }

  async #readOn(): Promise<void> {
    const stream = this.#stream
    if (this.#reader !== null && this.#reader.stream !== stream) {
      // Deleted, and perhaps made anew.
      this.#reader.close()
      this.#reader = null
      this.#held = []
    }
    if (stream === undefined) return
    this.#reader ??= new TopicReader(stream, this.#caller.broker.decompress)
    this.#held.push(...(await this.#reader.read(limits.heldMax - this.#held.length)))
  }

  #describeState(): string {
    const stream = this.#stream
    const where = `topic '${this.name}'`
    if (stream === undefined) return `${where}, which nobody has created; ${this.#describeOthers()}`
    const count = countRecords(stream)
    return count === 0 ? `${where}, which is empty` : `${where}, which has ${count} records`
  }

  #describeOthers(): string {
    const names = [...this.#caller.vhost.streams.values()].map(({ name }) => name)
    return names.length === 0 ? 'there is no topic at all' : `there are ${listNames(names)}`
  }
}

function countRecords({ partitions }: Stream): number {
  let count = 0
  for (const { logStart, highWatermark } of partitions) count += highWatermark - logStart
  return count
}

function batchRecordOf(
  { key = null, value, headers = {} }: RecordToPublish,
  nowMs: number,
): BatchRecord {
  return {
    key: key === null ? null : Buffer.from(key as string),
    value: value === null ? null : encodeContent(value).body,
    timestamp: nowMs,
    headers: Object.entries(headers).map(([name, each]) => {
      return { key: name, value: Buffer.from(each as string) }
    }),
  }
}

function choosePartition(
  { name, partitions }: Stream,
  chosen: number | undefined,
  key: Uint8Array | null,
): Partition {
  const index = chosen ?? (key === null ? 0 : partitionOf(key, partitions.length))
  const partition = partitions[index]
  if (partition !== undefined) return partition
  throw new RangeError(`topic '${name}' has ${partitions.length} partitions, and none is ${index}`)
}
