import type { Broker } from '../core/broker.ts'
import type { Durability } from '../core/commits.ts'
import type { Decompress } from '../core/stream/time-lookup.ts'
import type { VirtualHost } from '../core/topology/virtual-host.ts'
import type { EventLoopDelay } from './event-loop-delay.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface ListenPlace {
  readonly protocol: 'amqp' | 'kafka' | 'nats' | 'natsMonitoring' | 'redis' | 'management'
  readonly host: string
  readonly port: number
}

export interface NewStream {
  readonly name: string
  readonly partitions?: number
  readonly config?: Readonly<Record<string, string | number | null>>
}

export type StreamCreator = (vhost: VirtualHost, stream: NewStream) => void

/** What the control API shows of the process around the broker, and what only its builder can do. */
export interface Surroundings {
  readonly version: string
  readonly nodeVersion: string
  /** Wall clock. */
  readonly startedMs: number
  /** Null: everything is in memory. */
  readonly data: { readonly directory: string; readonly durability: Durability } | null
  listeners(): readonly ListenPlace[]
  /** Resident memory of the process, bytes. */
  processBytes(): number
  /** For searches by time in compressed batches. */
  readonly decompress: Decompress
  /**
   * What creates a stream as a Kafka client would, whose words for its configuration are no business of this room. One that is there
   * and is the same is left alone; it throws a BrokerError for one that is not. Loaded when it is first needed.
   */
  loadStreamCreator(): Promise<StreamCreator>
}

/** What the routes work on. */
export interface Control {
  readonly broker: Broker
  readonly surroundings: Surroundings
  readonly subscriptions: Subscriptions
  readonly eventLoopDelay: EventLoopDelay
}
