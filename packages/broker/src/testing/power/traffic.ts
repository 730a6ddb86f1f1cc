import { Alarm } from '../../core/alarms.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Publisher } from '../../core/publisher.ts'
import { Entry } from './history.ts'
import type { AnsweredCaller, Life } from './life.ts'
import { received, settle, TestConsumer, type LivingQueue } from './living-queue.ts'
import { publicationOf, type TestMessage } from './messages.ts'
import type { Topology } from './topology.ts'

export interface Address {
  readonly exchange: string
  readonly key: string
}

/** Publishes, consumes and settles, and notes what was asked and what was promised. */
export class Traffic {
  readonly #life: Life
  readonly #topology: Topology
  readonly #caller: AnsweredCaller
  readonly #publisher: Publisher

  constructor(life: Life, topology: Topology) {
    this.#life = life
    this.#topology = topology
    this.#caller = life.newCaller()
    this.#publisher = life.durable.broker.newPublisher(life.newCaller())
  }

  /** Whether publishers have to wait for the journal. */
  get isBlocked(): boolean {
    return (this.#life.durable.broker.alarms.raised & Alarm.journal) !== 0
  }

  /** How many messages wait or are out, all queues together. */
  get backlog(): number {
    let count = 0
    for (const { open } of this.#topology.queues.values()) count += open.size
    return count
  }

  publish(message: TestMessage, to: Address, { wantsConfirm }: { wantsConfirm: boolean }): void {
    const { durable, moment } = this.#life
    const all = [...this.#topology.queues.values()]
    const tails = all.map(({ queue }) => queue.tail)
    this.#publisher.publish(publicationOf(message, to))
    const entries: Entry[] = []
    for (const [i, living] of all.entries()) {
      const sequence = tails[i] as number
      if (living.queue.tail === sequence) continue
      const isKept = message.isPersistent && living.queue.durable !== null
      const entry = new Entry(message, { sequence, isKept, publishedAt: moment })
      living.history.entries.set(sequence, entry)
      living.open.add(entry)
      entries.push(entry)
    }
    if (!wantsConfirm) return
    const commit = (): void => {
      for (const entry of entries) entry.confirmedAt = this.#life.moment
    }
    durable.broker.whenSafe({ commit }, this.#publisher.safety)
  }

  consume(living: LivingQueue, options: { credit: number; noAck: boolean }): void {
    const { durable } = this.#life
    const { name } = living.queue
    this.#topology.use(living)
    const consumer = new TestConsumer(this.#life, this.#topology.queues, options)
    const token = this.#caller.expect((outcome: Outcome) => {
      if (outcome.kind !== 'consuming') return
      consumer.id = outcome.consumer
      // By then another queue may have the name.
      const home = this.#topology.find(name)
      home?.consumers.push(consumer)
    })
    const consumeOptions = { noAck: options.noAck, exclusive: false, priority: 0 }
    const request = { queue: name, consumer, options: consumeOptions }
    durable.broker.consume(this.#caller, token, request)
  }

  cancel(living: LivingQueue, consumer: TestConsumer): void {
    living.consumers.splice(living.consumers.indexOf(consumer), 1)
    this.#life.durable.broker.cancel(this.#caller, 0, consumer.id)
  }

  credit(consumer: TestConsumer, count: number): void {
    if (consumer.isGone) return
    const wasReady = consumer.ready()
    consumer.credit += count
    if (!wasReady) this.#life.durable.broker.consumerReady(consumer.id)
  }

  get(living: LivingQueue): void {
    this.#topology.use(living)
    const token = this.#caller.expect((outcome: Outcome) => {
      const home = outcome.kind === 'got' ? this.#topology.queues.get(outcome.queue) : undefined
      if (outcome.kind === 'got') received(this.#life, home, outcome)
    })
    this.#life.durable.broker.get(this.#caller, token, living.queue.name)
  }

  ack(living: LivingQueue, entry: Entry): void {
    settle(this.#life, living, entry)
    this.#life.durable.broker.settle(living.queue.id, entry.sequence)
  }

  requeue(living: LivingQueue, entry: Entry): void {
    entry.isOut = false
    this.#life.durable.broker.requeue(living.queue.id, entry.sequence)
    if (!entry.isKept) return
    entry.returnedAt.push(this.#life.moment)
    this.#life.acks.returned(living.queue, entry)
  }

  /** What is ready goes: what is out stays, and what nobody is shown yet. */
  purge(living: LivingQueue): void {
    this.#topology.use(living)
    const { visible } = living.queue
    const purged = [...living.open].filter(({ isOut, sequence }) => !isOut && sequence < visible)
    for (const entry of purged) settle(this.#life, living, entry)
    const token = this.#caller.expect((outcome: Outcome) => {
      if (outcome.kind === 'removed' && outcome.messages === purged.length) return
      const answer = outcome.kind === 'removed' ? outcome.messages : outcome.kind
      this.#life.complain(
        `${purged.length} messages were to be purged of ${living.queue.name}: ${answer}`,
      )
    })
    this.#life.durable.broker.purgeQueue(this.#caller, token, living.queue.name)
  }
}
