import {
  RecordBatchWriter,
  type BatchProducer,
  type BatchRecord,
} from '../core/stream/record-batch-writer.ts'
import { assignOffset, batchHeaderBytes, computeCrc } from '../core/stream/record-batch.ts'

export interface TestBatch {
  readonly records?: number
  /** Of each record's value. */
  readonly bytes?: number
  /** Of the first record; each further one is a millisecond younger. -1 for none. */
  readonly timestamp?: number
  /** Told from others by what is in it. */
  readonly fill?: string
  readonly producer?: BatchProducer
}

/** A batch as a producer sends it. */
export function newBatch(options: TestBatch = {}): Buffer {
  const { records = 1, bytes = 10, timestamp = 1_700_000_000_000, fill = 'x', producer } = options
  const writer = new RecordBatchWriter()
  for (let index = 0; index < records; index++) {
    const time = timestamp < 0 ? -1 : timestamp + index
    writer.append({ key: null, value: Buffer.alloc(bytes, fill), headers: [], timestamp: time })
  }
  return Buffer.from(writer.finish(producer))
}

/** A batch of these records. */
export function batchOf(records: readonly Partial<BatchRecord>[]): Buffer {
  const writer = new RecordBatchWriter()
  const standard = { key: null, value: null, headers: [], timestamp: 1_700_000_000_000 }
  for (const record of records) writer.append({ ...standard, ...record })
  return Buffer.from(writer.finish())
}

/** The same batch, compressed. */
export function compressed(batch: Buffer, codec: number, by: (bytes: Buffer) => Buffer): Buffer {
  const packed = Buffer.concat([
    batch.subarray(0, batchHeaderBytes),
    by(batch.subarray(batchHeaderBytes)),
  ])
  packed.writeInt32BE(packed.length - 12, 8)
  packed.writeInt16BE(codec, 21)
  packed.writeUInt32BE(computeCrc(packed, 0, packed.length), 17)
  return packed
}

/** The same as the log has it: with its offset. */
export function newStoredBatch(baseOffset: number, options: TestBatch = {}): Buffer {
  const batch = newBatch(options)
  assignOffset(batch, 0, baseOffset, 0)
  return batch
}
