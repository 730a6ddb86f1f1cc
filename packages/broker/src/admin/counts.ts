import type { Broker } from '../core/broker.ts'

/** Sums that only grow while the broker runs. */
export interface GrowingCounts {
  readonly enqueued: number
  readonly dequeued: number
  readonly appended: number
  readonly confirmed: number
  readonly delivered: number
}

/** Read from the numbers that queues, streams and channels have anyway; see core/totals.ts for those that are gone. */
export function countAll({ virtualHosts, connections, totals }: Broker): GrowingCounts {
  let { enqueued, appended, confirmed, delivered } = totals
  // What was in a queue that is deleted is not in it any more.
  let dequeued = totals.enqueued
  for (const { queues, streams } of virtualHosts.all()) {
    for (const { tail, head } of queues.values()) {
      enqueued += tail
      dequeued += head
    }
    for (const { partitions } of streams.values()) {
      for (const { logEnd } of partitions) appended += logEnd
    }
  }
  for (const { connection } of connections.values()) {
    // Who is only shown what is published has no deliveries: nothing is settled.
    if (connection.protocol === 'nats' || connection.protocol === 'redis') continue
    const described = connection.describe()
    confirmed += described.confirmed
    delivered += described.delivered
  }
  return { enqueued, dequeued, appended, confirmed, delivered }
}

/** Those who hear what is published now, and nothing later. */
export interface SubscriptionCounts {
  readonly subscriptions: number
  /** These only grow. */
  readonly heard: number
  readonly notOffered: number
  readonly slowSubscribers: number
}

export function countSubscriptions({ virtualHosts, totals }: Broker): SubscriptionCounts {
  let { heard, notOffered } = totals
  let subscriptions = 0
  for (const vhost of virtualHosts.all()) {
    subscriptions += vhost.subscriptions.size
    heard += vhost.subscriptions.heard
    notOffered += vhost.subscriptions.notOffered
  }
  return { subscriptions, heard, notOffered, slowSubscribers: totals.slowSubscribers }
}

/** Bytes that messages take of the broker's memory. */
export function usedMemory({ messages, memory }: Broker): number {
  return messages.bytes + memory.indexBytes + memory.gatheredBytes
}
