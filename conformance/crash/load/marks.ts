/**
 * Marks: the last messages that go into each partition that a feed reads. When they have come out where it leads, so has all that was
 * there before them, whatever the broker says of its feeds.
 */
import { RecordBatchWriter } from '../../../packages/broker/src/core/stream/record-batch-writer.ts'
import { ApiKey } from '../../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { KafkaError } from '../../../packages/broker/src/protocols/kafka/errors.ts'
import { crossed, fedPlaces } from '../crossed-topology.ts'
import { AmqpLink } from './amqp-link.ts'
import { placesOf } from './amqp-publish.ts'
import { errorName } from './kafka-errors.ts'
import { KafkaLink } from './kafka-link.ts'
import type { Partition } from './kafka-read.ts'
import type { Load } from './load.ts'

/** Values that have yet to come, by queue or partition. */
export type Awaited = Map<string, Set<string>>

/** Resolves when all of them are confirmed. */
export async function sendMarks(load: Load): Promise<Awaited> {
  const awaited: Awaited = new Map()
  const expect = (val: string, places: readonly string[]): void => {
    for (const place of places) awaited.set(place, (awaited.get(place) ?? new Set()).add(val))
  }
  await publishMarks(load, expect)
  await produceMarks(load, expect)
  return awaited
}

type Expect = (val: string, places: readonly string[]) => void

async function publishMarks(load: Load, expect: Expect): Promise<void> {
  const link = await AmqpLink.open(load, 'mark')
  if (link === null) return
  const channel = await link.ask('confirm.select', link.model.createConfirmChannel())
  for (const [counter, route] of crossed.routes.entries()) {
    const val = `${link.conn}-${counter}`
    const event = { f: 'publish', proto: 'amqp', conn: link.conn, val } as const
    load.log('invoke', { ...event, ...placesOf(route), bytes: 0, persistent: true })
    channel.publish(route.exchange, route.key, Buffer.alloc(0), {
      messageId: val,
      persistent: true,
    })
    await link.ask('the confirm of a mark', channel.waitForConfirms())
    load.log('ok', event)
    expect(val, route.fed ?? [])
  }
  await link.close()
}

/** To each partition of the other stream one from each that it is fed from. */
async function produceMarks(load: Load, expect: Expect): Promise<void> {
  const link = await KafkaLink.open(load, 'mark')
  if (link === null) return
  let counter = 0
  for (const partition of crossed.inPartitions) {
    const reached = new Set<string>()
    while (reached.size < crossed.fedPlaceCount) {
      const val = `${link.conn}-${counter++}`
      const fed = fedPlaces(partition.topic, val)
      if (fed.every((place) => reached.has(place))) continue
      for (const place of fed) reached.add(place)
      await produceMark(load, link, { ...partition, val, fed })
      expect(val, fed)
    }
  }
  link.close()
}

async function produceMark(
  load: Load,
  link: KafkaLink,
  { topic, part, val, fed }: Partition & { readonly val: string; readonly fed: readonly string[] },
): Promise<void> {
  const names = { conn: link.conn, topic, part, val, idempotent: false } as const
  const event = { f: 'publish', proto: 'kafka', ...names } as const
  load.log('invoke', { ...event, bytes: 0, fed })
  const writer = new RecordBatchWriter()
  const value = Buffer.alloc(0)
  writer.append({ key: Buffer.from(val), value, timestamp: Date.now(), headers: [] })
  const answer = await link.request(ApiKey.Produce, 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name: topic, partitionData: [{ index: part, records: writer.finish() }] }],
  })
  const result = answer.responses[0]?.partitionResponses[0]
  if (result?.errorCode !== KafkaError.NONE) throw new Error(errorName(result?.errorCode ?? -1))
  load.log('ok', { ...event, off: result.baseOffset })
}
