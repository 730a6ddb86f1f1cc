/**
 * When the load is over: reads every queue until it is empty and every partition from its start to
 * its end, and looks whether all that is to be there is. What was confirmed and does not come now is lost.
 */
import type { ChannelModel } from 'amqplib'
import { DRAIN_READER, partitionName } from '../history/event.ts'
import { tortureLimits } from '../limits.ts'
import { crossed } from '../crossed-topology.ts'
import { exchanges, partitions, queueNames } from '../topology.ts'
import { logMessage, valueOf } from './amqp-consume.ts'
import { AmqpLink, messageOf } from './amqp-link.ts'
import { Churn, definitions, type Definition } from './churn-amqp.ts'
import { KafkaLink } from './kafka-link.ts'
import { listOffset, PartitionReader } from './kafka-read.ts'
import { crosses, within, type Load } from './load.ts'
import { sendMarks, type Awaited } from './marks.ts'

const PREFETCH = 500
/** A queue from which nothing came for so long is asked how many messages are left. */
const QUIET_MS = 20

export async function drain(load: Load): Promise<void> {
  await within(drainAll(load), tortureLimits.drainMs, 'the draining').catch((error: unknown) =>
    load.fault(messageOf(error)),
  )
}

async function drainAll(load: Load): Promise<void> {
  const awaited: Awaited = crosses(load.config) ? await sendMarks(load) : new Map()
  const hasKafka = load.config.kafkaPort !== undefined
  await Promise.all([drainAmqp(load, awaited), ...(hasKafka ? [drainKafka(load, awaited)] : [])])
}

async function drainAmqp(load: Load, awaited: Awaited): Promise<void> {
  const link = await AmqpLink.open(load, 'drain')
  if (link === null) return
  const churn = new Churn(load, link)
  const present: string[] = []
  const crossing = crosses(load.config) ? standing(crossed) : []
  for (const definition of [
    ...standing({ queues: queueNames, exchanges }),
    ...crossing,
    ...definitions,
  ]) {
    const isThere = await churn.look(definition)
    if (isThere && definition.kind === 'queue') present.push(definition.name)
  }
  await Promise.all(
    present.map((queue) => drainQueue(load, link, { queue, awaited: awaited.get(queue) })),
  )
  await link.close()
}

/** What setUp declared. */
function standing(declared: {
  readonly queues: readonly string[]
  readonly exchanges: readonly { readonly name: string }[]
}): Definition[] {
  return [
    ...declared.queues.map((name) => ({ kind: 'queue', name }) as const),
    ...declared.exchanges.map(({ name }) => ({ kind: 'exchange', name }) as const),
  ].map(({ kind, name }) => ({ kind, name, durable: true, declare: never, delete: never }))
}

function never(): Promise<never> {
  throw new Error('what stands is only looked at')
}

async function drainQueue(
  load: Load,
  link: { readonly conn: string; readonly model: ChannelModel },
  {
    queue: q,
    awaited = new Set(),
  }: { readonly queue: string; readonly awaited?: Set<string> | undefined },
): Promise<void> {
  const giveUpMs = performance.now() + tortureLimits.carriedMs
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
        const val = valueOf(message)
        awaited.delete(val)
        load.log('invoke', { f: 'ack', proto: 'amqp', conn, q, val })
        channel.ack(message)
      },
      { consumerTag: tag },
    )
    for (let before = -1; ; before = count) {
      const isQuiet = before === count
      const isEmpty = isQuiet && (await channel.checkQueue(q)).messageCount === 0
      if (isEmpty && before === count && isAllHere(awaited, giveUpMs)) break
      await load.pause(QUIET_MS)
    }
    await channel.close()
    load.log('ok', drained)
  } catch (error) {
    load.log('fail', { ...drained, err: messageOf(error) })
  }
}

/** Throws when there is no hope left. */
function isAllHere(awaited: ReadonlySet<string>, giveUpMs: number): boolean {
  if (awaited.size === 0) return true
  if (performance.now() < giveUpMs) return false
  throw new Error(`a feed has not carried ${[...awaited].slice(0, 3).join(', ')}`)
}

async function drainKafka(load: Load, awaited: Awaited): Promise<void> {
  const link = await KafkaLink.open(load, 'drain')
  if (link === null) return
  const reader = new PartitionReader((type, body) => {
    load.log(type, body)
    if (body.f === 'deliver' && body.proto === 'kafka') {
      awaited.get(partitionName(body))?.delete(body.val)
    }
  }, DRAIN_READER)
  const all = crosses(load.config) ? [...partitions, ...crossed.partitions] : partitions
  for (const partition of all) {
    const drained = { f: 'drained', proto: 'kafka', name: partitionName(partition) } as const
    const missing = awaited.get(drained.name) ?? new Set()
    const giveUpMs = performance.now() + tortureLimits.carriedMs
    try {
      let next = await listOffset(link, partition, 'earliest')
      reader.seek(partition, next)
      const end = await listOffset(link, partition, 'latest')
      while (next < end || !isAllHere(missing, giveUpMs)) {
        const waitMs = next < end ? 0 : QUIET_MS
        const after = await reader.fetchOrSkip(link, { ...partition, from: next, waitMs })
        if (after === next && next < end) throw new Error(`nothing at ${next} of ${end}`)
        next = after
      }
      load.log('ok', { ...drained, start: await listOffset(link, partition, 'earliest') })
    } catch (error) {
      load.log('fail', { ...drained, err: messageOf(error) })
    }
  }
  link.close()
}
