import { RecordBatchWriter, type BatchProducer } from '../core/stream/record-batch-writer.ts'
import { assignOffset } from '../core/stream/record-batch.ts'

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

/** The same as the log has it: with its offset. */
export function newStoredBatch(baseOffset: number, options: TestBatch = {}): Buffer {
  const batch = newBatch(options)
  assignOffset(batch, 0, baseOffset, 0)
  return batch
}
