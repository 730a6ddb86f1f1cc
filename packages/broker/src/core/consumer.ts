import type { StoredMessage } from './message.ts'

/** What a head's consumer is to a queue. */
export interface Consumer {
  /** Whether one more message may come: credit and room in the socket. If false, the head calls `broker.consumerReady` when it changes. */
  ready(): boolean
  /** Takes one message. `message` is valid during the call. */
  deliver(delivery: Delivery): void
  /** The queue is gone: the consumer is no more. */
  cancelled(): void
}

/** One message on its way out. Reused: valid during the call only. */
export class Delivery {
  /** The consumer's id, as `consume` completed it. */
  consumer: number = 0
  queue: number = 0
  sequence: number = 0
  redelivered: boolean = false
  readonly message: StoredMessage

  constructor(message: StoredMessage) {
    this.message = message
  }
}
