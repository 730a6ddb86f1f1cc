import type { Consumer } from './consumer.ts'
import type { FeedOptions } from './feed/feed.ts'
import type { ConsumeOptions } from './queue/consumers.ts'
import type { StreamReading } from './stream/stream-consumers.ts'
import type { Subscription } from './subscription/subscription.ts'
import type { QueueTraits } from './topology/declarations.ts'
import type { ExchangeOptions } from './topology/exchange.ts'

/** What a head asks of the broker, where it takes more than a name. */
export interface ExchangeRequest {
  readonly name: string
  readonly options: ExchangeOptions
}

export interface DeleteExchangeRequest {
  readonly name: string
  readonly ifUnused: boolean
}

export interface FeedRequest {
  readonly name: string
  readonly options: FeedOptions
}

export interface SubscribeRequest {
  /** Where it listens. */
  readonly exchange: string
  readonly subscription: Subscription
}

export interface QueueRequest {
  readonly name: string
  readonly options: QueueTraits
}

export interface DeleteQueueRequest {
  readonly name: string
  readonly ifUnused: boolean
  readonly ifEmpty: boolean
}

export interface ConsumeRequest {
  readonly queue: string
  readonly consumer: Consumer
  readonly options: ConsumeOptions
  /** Asked for by streams: one that says nothing is refused there. */
  readonly reading?: StreamReading
}
