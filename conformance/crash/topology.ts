/** What stands during a whole run: the queues, exchanges and topics that the load goes through. */

export interface Route {
  readonly exchange: string
  readonly key: string
  /** Where it leads. */
  readonly queues: readonly string[]
  /** The same among a stream's partitions, and where feeds lead from there. */
  readonly partition?: string
  readonly fed?: readonly string[]
  /** How often it is taken, of all weights. */
  readonly weight: number
}

export const exchanges = [
  { name: 'torture.fanout', type: 'fanout' },
  { name: 'torture.topic', type: 'topic' },
  { name: 'torture.direct', type: 'direct' },
] as const

export const queues = {
  /** Competing consumers, prefetch of all kinds. */
  work: ['work.few', 'work.one', 'work.unbounded'],
  fanout: ['fan.0', 'fan.1', 'fan.2'],
  topic: ['topic.a', 'topic.b', 'topic.all'],
  /** Consumers without acks. */
  auto: 'auto',
  /** basic.get. */
  get: 'get',
  /** Much is given back. */
  requeue: 'requeue',
  /** Nobody reads it until the end, so that every cut finds old messages. */
  idle: 'idle',
  /** The bindings to it come and go; see churn. */
  bound: 'bound',
} as const

export const queueNames: readonly string[] = [
  ...queues.work,
  ...queues.fanout,
  ...queues.topic,
  ...[queues.auto, queues.get, queues.requeue, queues.idle, queues.bound],
]

export const bindings: readonly { exchange: string; queue: string; key: string }[] = [
  ...queues.fanout.map((queue) => ({ exchange: 'torture.fanout', queue, key: '' })),
  { exchange: 'torture.topic', queue: 'topic.a', key: 'a.#' },
  { exchange: 'torture.topic', queue: 'topic.b', key: '*.b' },
  { exchange: 'torture.topic', queue: 'topic.all', key: '#' },
]

export const routes: readonly Route[] = [
  ...[...queues.work, queues.auto, queues.get, queues.requeue].map((queue) => toQueue(queue, 3)),
  toQueue(queues.idle, 1),
  { exchange: 'torture.fanout', key: '', queues: queues.fanout, weight: 4 },
  { exchange: 'torture.topic', key: 'a.x', queues: ['topic.a', 'topic.all'], weight: 2 },
  { exchange: 'torture.topic', key: 'c.b', queues: ['topic.b', 'topic.all'], weight: 2 },
  { exchange: 'torture.topic', key: 'a.b', queues: queues.topic, weight: 2 },
]

export interface Topic {
  readonly name: string
  readonly partitions: number
  readonly configs: readonly { readonly name: string; readonly value: string }[]
}

/** Small files, so that there are many. The short one forgets: its log start moves. */
export const topics: readonly Topic[] = [
  { name: 'log.wide', partitions: 3, configs: [{ name: 'segment.bytes', value: '1048576' }] },
  { name: 'log.narrow', partitions: 1, configs: [] },
  {
    name: 'log.short',
    partitions: 1,
    configs: [
      { name: 'segment.bytes', value: '262144' },
      { name: 'retention.bytes', value: '524288' },
    ],
  },
]

/** Confirmed once the system has them, as RabbitMQ and Kafka do; after a kill that is as good. */
export const durabilityOs: readonly string[] = ['fan.1', 'log.narrow', 'crossed.copy']

export const partitions: readonly { readonly topic: string; readonly part: number }[] =
  topics.flatMap(({ name, partitions: count }) =>
    Array.from({ length: count }, (_, part) => ({ topic: name, part })),
  )

/** Definitions that come and go during a run. */
export const churn = {
  queues: ['churn.q.0', 'churn.q.1', 'churn.q.2', 'churn.q.3'],
  /** Not durable: a crash takes them. */
  transientQueues: ['churn.transient.0', 'churn.transient.1'],
  exchanges: ['churn.x.0', 'churn.x.1', 'churn.x.2'],
  /** Of the queue `bound` to torture.direct. */
  bindingKeys: ['key.0', 'key.1', 'key.2', 'key.3'],
  topics: ['churn.t.0', 'churn.t.1', 'churn.t.2'],
} as const

function toQueue(queue: string, weight: number): Route {
  return { exchange: '', key: queue, queues: [queue], weight }
}
