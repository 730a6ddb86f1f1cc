import type { QueueEntry } from '../../core/persistence/queue-entry.ts'
import { RecordKind } from '../../core/record-kind.ts'
import {
  batchHeaderBytes,
  batchMagic,
  computeCrc,
  readBatchBytes,
  readCrc,
  readMagic,
  readRecordCount,
} from '../../core/stream/record-batch.ts'
import type { FoundDamage } from '../../storage/inspection/damage-list.ts'
import { inspectionLimits } from '../../storage/inspection/limits.ts'
import type { ScannedRecord } from '../../storage/journal/scan.ts'

interface DamagedMessage {
  readonly damage: FoundDamage
  readonly bytes: number
}

interface DamagedBatch extends DamagedMessage {
  readonly partition: number
  readonly baseOffset: number
  /** Null: not to be told. */
  readonly records: number | null
}

/** What a partition still has and still wants. */
export interface PartitionSpan {
  readonly logStart: number
  /** Of the batch that comes after those that are safe in its files. */
  readonly inFilesTo: number
}

/**
 * What was in damaged batches of the journal, and which of it is lost: not what was settled, as later records or the snapshot say, and not
 * what is in a file by now.
 */
export class JournalLosses {
  readonly #messages = new Map<number, Map<number, DamagedMessage>>()
  readonly #batches: DamagedBatch[] = []
  #tracked: number = 0

  /** A record that is not to be trusted, but for its header. */
  damaged(damage: FoundDamage, record: ScannedRecord): void {
    // Of what a feed has carried nothing is lost that is not named elsewhere.
    if (record.kind === RecordKind.feedCursor) return
    for (let i = 0; i < record.targets; i++) {
      const object = record.targetId(i)
      const sequence = record.targetSequence(i)
      damage.lose(object, { messages: 0, bytes: 0 })
      if (record.kind === RecordKind.message) {
        this.#addMessage(object, sequence, { damage, bytes: record.length })
      } else if (record.kind === RecordKind.recordBatch) {
        this.#addBatch(object, sequence, { damage, record })
      }
    }
  }

  #addMessage(queue: number, sequence: number, message: DamagedMessage): void {
    if (this.#tracked >= inspectionLimits.messagesTrackedMax) {
      message.damage.lose(queue, { messages: 1, bytes: message.bytes })
      return
    }
    const messages = this.#messages.get(queue) ?? new Map<number, DamagedMessage>()
    this.#messages.set(queue, messages)
    messages.set(sequence, message)
    this.#tracked++
  }

  #addBatch(
    partition: number,
    baseOffset: number,
    { damage, record }: { readonly damage: FoundDamage; readonly record: ScannedRecord },
  ): void {
    const bytes = record.length
    const records = countRecords(record)
    if (this.#tracked >= inspectionLimits.messagesTrackedMax) {
      damage.lose(partition, { messages: records, bytes })
      return
    }
    this.#batches.push({ damage, partition, baseOffset, bytes, records })
    this.#tracked++
  }

  /** A sound record behind them. */
  replayed(record: ScannedRecord): void {
    if (record.kind !== RecordKind.acks) return
    const messages = this.#messages.get(record.targetId(0))
    if (messages === undefined) return
    const base = record.targetSequence(0)
    for (let at = record.offset; at < record.offset + record.length; at += 8) {
      const first = base + record.buffer.readUInt32LE(at)
      forget(messages, first, first + record.buffer.readUInt32LE(at + 4))
    }
  }

  /** Whether the snapshot has anything to add. */
  get hasMessages(): boolean {
    return this.#messages.size > 0
  }

  /** What the snapshot, which was written while they came, has of a queue. */
  restored({ objectId, head, open }: QueueEntry): void {
    const messages = this.#messages.get(objectId)
    if (messages === undefined) return
    const wanted = new Set<number>()
    for (let i = 0; i < open.length; i += 2) wanted.add(open[i] as number)
    for (const sequence of messages.keys()) {
      if (sequence < head && !wanted.has(sequence)) messages.delete(sequence)
    }
  }

  /** Nothing more is going to be known. `spanOf`: undefined for a partition that is gone. */
  finish(spanOf: (partition: number) => PartitionSpan | undefined): void {
    for (const [queue, messages] of this.#messages) {
      for (const { damage, bytes } of messages.values()) damage.lose(queue, { messages: 1, bytes })
    }
    for (const { damage, partition, baseOffset, bytes, records } of this.#batches) {
      const span = spanOf(partition)
      if (span === undefined || baseOffset < span.inFilesTo) continue
      if (records !== null && baseOffset + records <= span.logStart) continue
      damage.lose(partition, { messages: records, bytes })
    }
  }
}

/** Of the two the shorter way: a range may be a purge of millions. */
function forget(messages: Map<number, DamagedMessage>, first: number, end: number): void {
  if (end - first < messages.size) {
    for (let sequence = first; sequence < end; sequence++) messages.delete(sequence)
    return
  }
  for (const sequence of messages.keys()) {
    if (sequence >= first && sequence < end) messages.delete(sequence)
  }
}

/** Records of a batch that is sound although what is around it is not; else null. */
function countRecords({ buffer, offset, length }: ScannedRecord): number | null {
  if (length < batchHeaderBytes || readMagic(buffer, offset) !== batchMagic) return null
  const isSound =
    readBatchBytes(buffer, offset) === length &&
    readCrc(buffer, offset) === computeCrc(buffer, offset, length)
  return isSound ? readRecordCount(buffer, offset) : null
}
