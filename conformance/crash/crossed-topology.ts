/**
 * What stands during a whole run for traffic from one protocol to the other:
 *
 *   AMQP  → crossed.x ─┬→ queue crossed.both
 *                      └→ stream crossed.out ─ feed → crossed.back → queue crossed.back → AMQP
 *   Kafka → stream crossed.in ┬ feed → crossed.feed ─┬→ queue crossed.fed → AMQP
 *                             │                      └→ stream crossed.copy → Kafka
 *                             └ late feed → queue crossed.late, which is read at the end
 */
import { partitionOf } from '../../packages/broker/src/core/stream/partitioner.ts'
import { partitionName } from './history/event.ts'
import type { Partition } from './load/kafka-read.ts'
import type { Route, Topic } from './topology.ts'

const PARTITIONS = 2
/** Small, so that feeds and readers come to files that are full. */
const segments = [{ name: 'segment.bytes', value: '262144' }]

/** Order is kept in each. Some of each kind belong to each partition; see crossed-topology.test.ts. */
const keys = ['both.1', 'both.2', 'both.4', 'stream.0', 'stream.1', 'stream.2']

export interface CrossedFeed {
  readonly name: string
  readonly topic: string
  readonly exchange: string
  /** Null: each record's own. */
  readonly routingKey: string | null
  /** Where the exchange leads. */
  readonly queues: readonly string[]
  readonly topics: readonly string[]
}

export interface CrossedTopology {
  readonly exchanges: readonly { readonly name: string; readonly type: string }[]
  readonly queues: readonly string[]
  readonly topics: readonly Topic[]
  /** Topics that are queues too, for AMQP clients to bind. */
  readonly boundTopics: readonly string[]
  readonly bindings: readonly {
    readonly exchange: string
    readonly queue: string
    readonly key: string
  }[]
  readonly feeds: readonly CrossedFeed[]
  /** One that is declared in the middle of the run, and has to catch up from the first record on. */
  readonly lateFeed: CrossedFeed
  /** Of AMQP's publishers. */
  readonly routes: readonly Route[]
  /** Of Kafka's producers. */
  readonly inPartitions: readonly Partition[]
  /** Queues and partitions that a feed leads to from each of them. */
  readonly fedPlaceCount: number
  readonly partitions: readonly Partition[]
}

/** The queues by what is to be done with them. */
export const crossedQueues = {
  both: 'crossed.both',
  fed: 'crossed.fed',
  back: 'crossed.back',
  late: 'crossed.late',
} as const
const { both, fed, back, late } = crossedQueues
const [into, out, copy] = ['crossed.in', 'crossed.out', 'crossed.copy'] as const

const each = { routingKey: null, topics: [] } as const
const lateFeed = {
  ...each,
  name: 'late',
  topic: into,
  exchange: '',
  routingKey: late,
  queues: [late],
}
const feeds: readonly CrossedFeed[] = [
  { ...each, name: 'in', topic: into, exchange: 'crossed.feed', queues: [fed], topics: [copy] },
  { ...each, name: 'back', topic: out, exchange: 'crossed.back', queues: [back] },
]

export const crossed: CrossedTopology = {
  exchanges: [
    { name: 'crossed.x', type: 'topic' },
    { name: 'crossed.back', type: 'topic' },
    { name: 'crossed.feed', type: 'fanout' },
  ],
  queues: [both, fed, back, late],
  topics: [into, out, copy].map((name) => ({ name, partitions: PARTITIONS, configs: segments })),
  boundTopics: [out, copy],
  bindings: [
    { exchange: 'crossed.x', queue: both, key: 'both.*' },
    { exchange: 'crossed.x', queue: out, key: '#' },
    // What is fed has the routing key that it was published under.
    { exchange: 'crossed.back', queue: back, key: 'both.#' },
    { exchange: 'crossed.back', queue: back, key: 'stream.#' },
    { exchange: 'crossed.feed', queue: fed, key: '' },
    { exchange: 'crossed.feed', queue: copy, key: '' },
  ],
  feeds,
  lateFeed,
  routes: keys.map((key) => {
    const queues = key.startsWith('both') ? [both] : []
    const partition = partitionName(partitionFor(out, key))
    return { exchange: 'crossed.x', key, queues, partition, fed: [back], weight: 1 }
  }),
  inPartitions: partitionsOf(into),
  fedPlaceCount: 2 + PARTITIONS,
  partitions: [into, out, copy].flatMap(partitionsOf),
}

/** Where feeds carry the record whose key is `val`, by the end of the run. */
export function fedPlaces(topic: string, val: string): readonly string[] {
  const from = [...crossed.feeds, crossed.lateFeed].filter((feed) => feed.topic === topic)
  return from.flatMap(({ queues, topics }) => {
    return [...queues, ...topics.map((to) => partitionName(partitionFor(to, val)))]
  })
}

function partitionFor(topic: string, key: string): Partition {
  return { topic, part: partitionOf(Buffer.from(key), PARTITIONS) }
}

function partitionsOf(topic: string): Partition[] {
  return Array.from({ length: PARTITIONS }, (_, part) => ({ topic, part }))
}
