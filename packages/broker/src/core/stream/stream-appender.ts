import { assert } from '../../base/assert.ts'
import type { Turn } from '../../base/turn.ts'
import { safetyOf, type Safety } from '../commits.ts'
import { BrokerError, ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import { routingKeyOf, type MessageFormats, type Publication } from '../message.ts'
import type { Appended, Partition } from './partition.ts'
import { partitionOf } from './partitioner.ts'
import { batchHeaderBytes } from './record-batch.ts'
import { RecordBatchWriter, recordBytesMax, type BatchRecord } from './record-batch-writer.ts'
import { recordOf } from './record-message.ts'
import type { Stream } from './stream.ts'

export interface StreamAppenderContext {
  readonly turn: Turn
  readonly formats: MessageFormats
}

/**
 * Messages on their way into streams: what is published into one partition in one turn becomes one batch.
 *
 * It gives no offsets and knows no bindings. Whoever publishes is told when the turn is safe, so flush() must have been called before
 * the turn's batch is sealed. Invariant: between turns nothing waits here.
 */
export class StreamAppender {
  readonly #context: StreamAppenderContext
  readonly #pending = new Map<Partition, RecordBatchWriter>()
  /** Writers that wait for the next batch, a few of them. */
  readonly #spare: RecordBatchWriter[] = []
  readonly #appended: Appended = { baseOffset: -1, logAppendTimeMs: -1 }

  constructor(context: StreamAppenderContext) {
    this.#context = context
  }

  /** Throws precondition-failed or damaged if one of the streams cannot take the message; then none of them has. */
  publish(streams: readonly Stream[], publication: Publication): void {
    const record = recordOf(publication, this.#context.formats, this.#context.turn.clock.wallMs())
    const partitions = streams.map((stream) => choosePartition(stream, record, publication))
    for (const [i, stream] of streams.entries()) check(stream, partitions[i] as Partition, record)
    for (const partition of partitions) this.append(partition, record)
  }

  /** The record must fit a batch of the partition. */
  append(partition: Partition, record: BatchRecord): void {
    let writer = this.#pending.get(partition)
    const bytes = recordBytesMax(record)
    if (writer !== undefined && writer.bytes + bytes > batchBytesWanted(partition)) {
      this.#flush(partition, writer)
      writer = undefined
    }
    if (writer === undefined) {
      writer = this.#spare.pop() ?? new RecordBatchWriter()
      this.#pending.set(partition, writer)
      // For who publishes outside of any turn.
      this.#context.turn.arm()
    }
    writer.append(record)
  }

  /** Hands all that waits to the partitions. */
  flush(): void {
    if (this.#pending.size === 0) return
    for (const [partition, writer] of this.#pending) this.#flush(partition, writer)
  }

  #flush(partition: Partition, writer: RecordBatchWriter): void {
    this.#pending.delete(partition)
    if (!partition.deleted) {
      const batch = writer.finish()
      const refused = partition.append(batch, 0, batch.length, this.#appended)
      assert(refused === null, `a batch of our own is taken, and not refused as ${refused}`)
    }
    writer.reset()
    const isSpare = writer.capacity <= limits.streamBatchBytes * 2
    if (isSpare && this.#spare.length < limits.streamWritersKept) this.#spare.push(writer)
  }
}

/** How safe a message has to be before it is confirmed that goes into these streams. */
export function safetyOfStreams(streams: readonly Stream[]): Safety {
  let safety: Safety = 0
  for (const { config } of streams) {
    const promised = safetyOf(config.durability)
    if (promised > safety) safety = promised
  }
  return safety
}

function choosePartition(
  { partitions }: Stream,
  { key }: BatchRecord,
  publication: Publication,
): Partition {
  if (partitions.length === 1) return partitions[0] as Partition
  const { address, addressStart } = publication
  const chosenBy = key ?? Buffer.from(routingKeyOf(address, addressStart))
  return partitions[partitionOf(chosenBy, partitions.length)] as Partition
}

function check(stream: Stream, partition: Partition, record: BatchRecord): void {
  const where = `stream '${stream.name}'`
  if (partition.damaged !== null) {
    const { file, reason } = partition.damaged
    const text = `partition ${partition.index} of ${where} has stopped: ${file}: ${reason}`
    throw new BrokerError(ErrorCode.damaged, text)
  }
  const bytes = recordBytesMax(record) + batchHeaderBytes
  if (bytes <= partition.batchBytesMax) return
  throw new BrokerError(
    ErrorCode.preconditionFailed,
    `a message of ${bytes} bytes, headers included, is larger than ${where} takes: ` +
      `its max.message.bytes is ${partition.batchBytesMax}`,
  )
}

function batchBytesWanted(partition: Partition): number {
  return Math.min(partition.batchBytesMax, limits.streamBatchBytes)
}
