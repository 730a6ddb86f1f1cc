import type { MessageContent } from './message-content.ts'
import type { TestRecord } from './test-record.ts'
import type { WaitForOptions, WaitOptions } from './wait-options.ts'

export interface CreateTopicOptions {
  /** 1 unless set. */
  readonly partitions?: number | undefined
}

export interface RecordToPublish {
  readonly key?: string | Uint8Array | null | undefined
  /** Null is a tombstone. */
  readonly value: MessageContent
  readonly headers?: { readonly [name: string]: string | Uint8Array } | undefined
  /** Without it the key chooses, as Kafka's clients do it; without a key it is the first one. */
  readonly partition?: number | undefined
}

/** A Kafka topic as a test sees it. What a test reads stays there, and no consumer group notices. */
export interface TestTopic {
  readonly name: string
  /** Makes it. Rejects if it is there. */
  create(options?: CreateTopicOptions): Promise<void>
  /** Appends a record as a producer would. The topic must be there. */
  publish(record: RecordToPublish): Promise<void>
  /**
   * The first record, or the first one that `where` accepts, that no earlier call has returned. Waits for it, and for the topic, as long as
   * `timeoutMs` says, then rejects with a NotSeenError that says what there was. Order is that of a partition; among them it is the
   * partitions'.
   */
  waitForRecord(options?: WaitForOptions<TestRecord>): Promise<TestRecord>
  /** Waits until the topic has exactly so many records, all partitions together. */
  waitForCount(count: number, options?: WaitOptions): Promise<void>
  /** All records of the topic, whatever has been returned before. */
  records(): Promise<readonly TestRecord[]>
  /** How many records it has, all partitions together. */
  count(): Promise<number>
}
