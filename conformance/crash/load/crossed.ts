/** Traffic from one protocol to the other: see crossed-topology.ts. Less of it than of each one's own, since each message is there twice. */
import { crossed, crossedQueues, fedPlaces } from '../crossed-topology.ts'
import { tortureLimits } from '../limits.ts'
import { consume, type Consumer } from './amqp-consume.ts'
import { publishAmqp } from './amqp-publish.ts'
import { readAll } from './kafka-consume.ts'
import { produceKafka, type ProducerKind } from './kafka-produce.ts'
import type { Load } from './load.ts'

const KIB = 1024
/** Of the messages and records that a process tries to send; for each protocol. */
const SHARE = 0.15
const WRITERS = 4

const producers: readonly ProducerKind[] = [
  { acks: -1, isIdempotent: true, isRetrying: true },
  { acks: -1, isIdempotent: false, isRetrying: true },
  { acks: 1, isIdempotent: false, isRetrying: false },
]

const { both, fed, back } = crossedQueues

const consumers: readonly Consumer[] = [
  { queue: both, prefetch: 50, settling: 'each' },
  // Two at once: each of them gets every partition's records in order.
  { queue: fed, prefetch: 100, settling: 'batches' },
  { queue: fed, prefetch: 10, settling: 'each' },
  { queue: back, prefetch: 50, settling: 'slow' },
]

export async function publishCrossed(load: Load): Promise<void> {
  const perSecond = load.config.perSecond * SHARE
  const { routes, inPartitions: partitions } = crossed
  const recordBytesMax = tortureLimits.crossedBytesMax
  await Promise.all([
    publishAmqp(load, { writers: WRITERS, routes, perSecond, chooseBytes }),
    produceKafka(load, { producers, partitions, perSecond, recordBytesMax, fedPlaces }),
  ])
}

export async function consumeCrossed(load: Load): Promise<void> {
  await Promise.all([
    ...consumers.map((consumer) => consume(load, consumer)),
    readAll(load, { partitions: crossed.partitions, isLeaping: false }),
  ])
}

/** Nothing that a feed could not carry in one batch of the smallest journal. */
function chooseBytes({ random }: Load): number {
  const at = random.below(1000)
  if (at < 100) return 0
  if (at < 700) return 100
  return at < 998 ? 4 * KIB : tortureLimits.crossedBytesMax
}
