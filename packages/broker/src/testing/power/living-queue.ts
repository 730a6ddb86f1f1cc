import type { Consumer, Delivery } from '../../core/consumer.ts'
import type { Queue } from '../../core/queue/queue.ts'
import type { Entry, QueueHistory } from './history.ts'
import type { Life } from './life.ts'

/** A queue of a running broker, and what is known of it. */
export class LivingQueue {
  readonly queue: Queue
  readonly history: QueueHistory
  readonly consumers: TestConsumer[] = []
  /** Messages that are not settled. */
  readonly open: Set<Entry> = new Set()

  constructor(queue: Queue, history: QueueHistory) {
    this.queue = queue
    this.history = history
    for (const entry of history.entries.values()) this.open.add(entry)
  }

  get out(): Entry[] {
    return [...this.open].filter(({ isOut }) => isOut)
  }
}

/** Finds a queue by the broker's id. */
export type Living = ReadonlyMap<number, LivingQueue>

/** Takes as many messages as it has credit for. */
export class TestConsumer implements Consumer {
  /** 0 until it is known. */
  id: number = 0
  credit: number
  isGone: boolean = false
  readonly noAck: boolean
  readonly #life: Life
  readonly #living: Living

  constructor(life: Life, living: Living, options: { credit: number; noAck: boolean }) {
    this.#life = life
    this.#living = living
    this.credit = options.credit
    this.noAck = options.noAck
  }

  ready(): boolean {
    return this.credit > 0
  }

  deliver(delivery: Delivery): void {
    this.credit--
    const living = this.#living.get(delivery.queue)
    const entry = received(this.#life, living, delivery)
    if (entry !== undefined && this.noAck) settle(this.#life, living as LivingQueue, entry)
  }

  cancelled(): void {
    this.isGone = true
  }
}

/** A message has come: notes it, and looks whether it may. */
export function received(
  life: Life,
  living: LivingQueue | undefined,
  delivery: Pick<Delivery, 'sequence' | 'redelivered' | 'message'>,
): Entry | undefined {
  const { sequence, redelivered, message } = delivery
  const entry = living?.history.entries.get(sequence)
  const { id, isWhole } = life.messages.identify(message)
  const name = `queue ${living?.queue.name ?? 'that is gone'}: message ${id} (number ${sequence})`
  if (entry === undefined || entry.message.id !== id) {
    life.complain(`${name} was delivered and there is none`)
    return undefined
  }
  if (!isWhole) life.complain(`${name} was delivered with wrong bytes`)
  if (entry.isOut) life.complain(`${name} was delivered while it was out`)
  if (entry.isSettled) life.complain(`${name} was delivered again after it was settled`)
  const wasDelivered = entry.deliveredAt !== Infinity
  if (redelivered !== wasDelivered) {
    life.complain(`${name} was delivered ${redelivered ? 'with' : 'without'} the flag`)
  }
  entry.deliveredAt = Math.min(entry.deliveredAt, life.moment)
  entry.isOut = true
  return entry
}

/** The message is done with, or will be in a moment. */
export function settle(life: Life, living: LivingQueue, entry: Entry): void {
  entry.isOut = false
  entry.settledAt = Math.min(entry.settledAt, life.moment)
  living.open.delete(entry)
  if (entry.isKept) life.acks.settled(living.queue, entry)
}
