/**
 * When the load is over: reads every queue until it is empty and every partition from its start to
 * its end, and looks whether all that is to be there is. What was confirmed and does not come now is lost.
 */
import type { ChannelModel } from 'amqplib'
import { DRAIN_READER, partitionName } from '../history/event.ts'
import { tortureLimits } from '../limits.ts'
import { exchanges, partitions, queueNames } from '../topology.ts'
import { logMessage } from './amqp-consume.ts'
import { AmqpLink, messageOf } from './amqp-link.ts'
import { Churn, definitions, type Definition } from './churn-amqp.ts'
import { KafkaLink } from './kafka-link.ts'
import { listOffset, PartitionReader } from './kafka-read.ts'
import { within, type Load } from './load.ts'

const PREFETCH = 500
/** A queue from which nothing came for so long is asked how many messages are left. */
const QUIET_MS = 20

export async function drain(load: Load): Promise<void> {
  const jobs = [drainAmqp(load), ...(load.config.kafkaPort === undefined ? [] : [drainKafka(load)])]
  await within(Promise.all(jobs), tortureLimits.drainMs, 'the draining').catch((error: unknown) =>
    load.fault(messageOf(error)),
  )
}

async function drainAmqp(load: Load): Promise<void> {
  const link = await AmqpLink.open(load, 'drain')
  if (link === null) return
  const churn = new Churn(load, link)
  const present: string[] = []
  for (const definition of [...standing, ...definitions]) {
    const isThere = await churn.look(definition)
    if (isThere && definition.kind === 'queue') present.push(definition.name)
  }
  await Promise.all(present.map((queue) => drainQueue(load, link, queue)))
  await link.close()
}

/** What setUp declared. */
const standing: readonly Definition[] = [
  ...queueNames.map((name) => ({ kind: 'queue', name }) as const),
  ...exchanges.map(({ name }) => ({ kind: 'exchange', name }) as const),
].map(({ kind, name }) => ({ kind, name, durable: true, declare: never, delete: never }))

function never(): Promise<never> {
  throw new Error('what stands is only looked at')
}

async function drainQueue(
  load: Load,
  link: { readonly conn: string; readonly model: ChannelModel },
  q: string,
): Promise<void> {
  const drained = { f: 'drained', proto: 'amqp', name: q } as const
  const { conn } = link
  try {
    const channel = await link.model.createChannel()
    channel.on('error', () => {})
    await channel.prefetch(PREFETCH)
    const tag = load.unique('t')
    let count = 0
    load.log('invoke', { f: 'consume', conn, q, tag, auto: false })
    await channel.consume(
      q,
      (message) => {
        if (message === null) return
        count += 1
        logMessage(load, { f: 'deliver', conn, q, tag, auto: false, message })
        const val = String(message.properties.messageId)
        load.log('invoke', { f: 'ack', proto: 'amqp', conn, q, val })
        channel.ack(message)
      },
      { consumerTag: tag },
    )
    for (let before = -1; ; before = count) {
      const isQuiet = before === count
      if (isQuiet && (await channel.checkQueue(q)).messageCount === 0 && before === count) break
      await load.pause(QUIET_MS)
    }
    await channel.close()
    load.log('ok', drained)
  } catch (error) {
    load.log('fail', { ...drained, err: messageOf(error) })
  }
}

async function drainKafka(load: Load): Promise<void> {
  const link = await KafkaLink.open(load, 'drain')
  if (link === null) return
  const reader = new PartitionReader((type, body) => load.log(type, body), DRAIN_READER)
  for (const partition of partitions) {
    const drained = { f: 'drained', proto: 'kafka', name: partitionName(partition) } as const
    try {
      let next = await listOffset(link, partition, 'earliest')
      reader.seek(partition, next)
      const end = await listOffset(link, partition, 'latest')
      while (next < end) {
        const after = await reader.fetchOrSkip(link, { ...partition, from: next, waitMs: 0 })
        if (after === next) throw new Error(`nothing at ${next} of ${end}`)
        next = after
      }
      load.log('ok', { ...drained, start: await listOffset(link, partition, 'earliest') })
    } catch (error) {
      load.log('fail', { ...drained, err: messageOf(error) })
    }
  }
  link.close()
}
