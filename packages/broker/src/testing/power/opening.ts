import { DurableBroker } from '../durable-broker.ts'
import type { FaultyDisk } from '../faulty-disk.ts'
import { BEFORE, Entry, History, NEVER, QueueHistory } from './history.ts'
import type { Messages } from './messages.ts'
import type { ObservedMessage, Observation } from './observation.ts'
import type { Shape } from './shapes.ts'
import { Timeline } from './timeline.ts'

export const SLOTS = 8

export interface OpenedBroker {
  readonly durable: DurableBroker
  readonly disk: FaultyDisk
  /** Operations of the disk until it was open. */
  readonly openedAt: number
}

/** One that is not open yet. */
export function newBroker(disk: FaultyDisk, { slotBytes, durability }: Shape): DurableBroker {
  return new DurableBroker({ disk, shape: { slotBytes, slots: SLOTS }, durability })
}

export async function openBroker(disk: FaultyDisk, shape: Shape): Promise<OpenedBroker> {
  const durable = await newBroker(disk, shape).open()
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
  return history
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
