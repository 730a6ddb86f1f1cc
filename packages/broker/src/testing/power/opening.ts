import { DurableBroker } from '../durable-broker.ts'
import type { FaultyDisk } from '../faulty-disk.ts'
import type { SeededRandom } from '../seeded-random.ts'
import { BEFORE, Entry, History, NEVER, QueueHistory } from './history.ts'
import type { Messages } from './messages.ts'
import type { ObservedMessage, Observation } from './observation.ts'
import { BatchEntry, PartitionHistory, StreamHistory } from './stream-history.ts'
import type { ObservedStream } from './stream-observation.ts'
import type { Shape } from './shapes.ts'
import { Timeline } from './timeline.ts'

export const SLOTS = 8

export interface OpenedBroker {
  readonly durable: DurableBroker
  readonly disk: FaultyDisk
  /** Operations of the disk until it was open. */
  readonly openedAt: number
}

export interface OpenOptions {
  readonly shape: Shape
  /** For what the broker itself draws: no two lives on the same data draw the same. */
  readonly random: SeededRandom
  /** What its clock shows; by default it has just been set up. */
  readonly nowMs?: number
}

/** One that is not open yet. */
export function newBroker(
  disk: FaultyDisk,
  { shape: { slotBytes, durability }, random, nowMs = 0 }: OpenOptions,
): DurableBroker {
  const seed = random.integer(0, 2 ** 31 - 1)
  const durable = new DurableBroker({ disk, shape: { slotBytes, slots: SLOTS }, durability, seed })
  const { clock } = durable.manual
  clock.advance(Math.max(0, nowMs - clock.nowMs()))
  return durable
}

export async function openBroker(disk: FaultyDisk, options: OpenOptions): Promise<OpenedBroker> {
  const durable = await newBroker(disk, options).open()
  return { durable, disk, openedAt: disk.operations }
}

/** The history of a life that begins with what was found: all of it is safe, whatever it was before. */
export function beginHistory(found: Observation, former: History, messages: Messages): History {
  const history = new History()
  for (const [key, value] of found.definitions) history.timelines.set(key, new Timeline(value))
  // What is gone must stay so.
  for (const key of former.timelines.keys()) history.timeline(key)
  for (const observed of found.queues.values()) {
    const known = former.queues.get(observed.objectId)
    if (known === undefined) throw new Error(`queue ${observed.name} came from nowhere`)
    history.queues.set(observed.objectId, beginQueue(observed.messages, known, messages))
  }
  for (const observed of found.streams.values()) {
    const known = former.streams.get(observed.id)
    if (known === undefined) throw new Error(`stream ${observed.name} came from nowhere`)
    history.streams.set(observed.id, beginStream(observed, known))
  }
  return history
}

function beginStream(
  { name, id, partitions }: ObservedStream,
  known: StreamHistory,
): StreamHistory {
  const histories = partitions.map((found, index) => {
    const history = new PartitionHistory(known.partitions[index]?.durability ?? 'memory')
    history.look(BEFORE, found)
    for (const { bytes, baseOffset, nextOffset } of found.batches) {
      const entry = new BatchEntry(bytes, { baseOffset, nextOffset, at: BEFORE })
      entry.confirmedAt = BEFORE
      history.batches.push(entry)
    }
    return history
  })
  return new StreamHistory(name, id, histories)
}

function beginQueue(
  found: readonly ObservedMessage[],
  { name, objectId, durability, usedAt }: QueueHistory,
  messages: Messages,
): QueueHistory {
  const queue = new QueueHistory(name, objectId, durability)
  if (usedAt !== NEVER) queue.usedAt = BEFORE
  for (const { id, sequence, redelivered, returns } of found) {
    const message = messages.get(id)
    if (message === undefined) continue
    const options = { sequence, isKept: true, publishedAt: BEFORE, returnsBefore: returns }
    const entry = new Entry(message, options)
    entry.confirmedAt = BEFORE
    if (redelivered) entry.deliveredAt = BEFORE
    queue.entries.set(sequence, entry)
  }
  return queue
}
