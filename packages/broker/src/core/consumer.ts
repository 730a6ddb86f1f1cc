import type { StoredMessage } from './message.ts'

/** What a head's consumer is to a queue or a stream. */
export interface Consumer {
  /** Whether one more message may come: credit and room in the socket. If false, the head calls `broker.consumerReady` when it changes. */
  ready(): boolean
  /** Takes one message. `message` is valid during the call. */
  deliver(delivery: Delivery): void
  /** The queue or stream is gone: the consumer is no more. */
  cancelled(): void
  /** What it is, for who looks at the queue. */
  describe?(): ConsumerDescription
}

export interface ConsumerDescription {
  /** How its client calls it. */
  readonly tag: string
  /** Null where there are no such things. */
  readonly channel: number | null
  /** Messages that it may have out; 0 for no limit. */
  readonly prefetch: number
  readonly unacked: number
}

/** One message on its way out. Reused: valid during the call only. */
export class Delivery {
  /** The consumer's id, as `consume` completed it. */
  consumer: number = 0
  queue: number = 0
  sequence: number = 0
  redelivered: boolean = false
  /** Of a stream's record: its offset; -1 for a queue's message. */
  streamOffset: number = -1
  /** Of a stream that has several: the record's partition; else -1. */
  streamPartition: number = -1
  readonly message: StoredMessage

  constructor(message: StoredMessage) {
    this.message = message
  }
}
