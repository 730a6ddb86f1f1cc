import type { Heard } from './heard.ts'

/** How a pattern is read. */
export const Dialect = {
  /** The whole key, letter by letter. */
  literal: 'literal',
  /** Words between dots: `*` is one, `>` at the end one or more. [NATS] */
  nats: 'nats',
  /** Over the whole key, dots included: `*`, `?`, `[a-c]`, `\`. [Redis] */
  glob: 'glob',
} as const
export type Dialect = (typeof Dialect)[keyof typeof Dialect]

/** Who hears: a head's session. */
export interface Subscriber {
  /**
   * One message for one of its subscriptions; all of it is valid during the call only. It must not throw, and bounds its own output: nobody
   * waits for it.
   */
  hear(heard: Heard, subscription: Subscription): void
}

export interface SubscriptionOptions {
  readonly pattern: string
  readonly dialect: Dialect
  /** Of all members of a group that want the same pattern, one gets each message. */
  readonly group?: string | null
  readonly subscriber: Subscriber
  /** What its client calls it. */
  readonly tag?: string
  /** Id of the caller whose own messages are not wanted; 0 for none. */
  readonly skipPublisher?: number
}

/** One standing wish to hear what is published under some keys from now on. Nothing is kept for it. */
export class Subscription {
  readonly pattern: string
  readonly dialect: Dialect
  readonly group: string | null
  readonly subscriber: Subscriber
  readonly tag: string
  readonly skipPublisher: number
  /** The table that it is in. */
  exchange: string | null = null

  constructor(options: SubscriptionOptions) {
    this.pattern = options.pattern
    this.dialect = options.dialect
    this.group = options.group ?? null
    this.subscriber = options.subscriber
    this.tag = options.tag ?? ''
    this.skipPublisher = options.skipPublisher ?? 0
  }
}
