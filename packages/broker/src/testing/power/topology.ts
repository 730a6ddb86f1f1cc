import { noArguments, type Arguments } from '../../core/arguments.ts'
import type { Durability } from '../../core/commits.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { ExchangeType } from '../../core/topology/exchange.ts'
import { bindingKey, exchangeKey, QueueHistory, queueKey, type BindingPlace } from './history.ts'
import type { AnsweredCaller, Life } from './life.ts'
import { LivingQueue } from './living-queue.ts'
import type { Step } from './timeline.ts'

/** Declares and deletes, and notes what was asked and what was answered. */
export class Topology {
  /** By the broker's id of the queue. */
  readonly queues: Map<number, LivingQueue> = new Map()
  readonly #life: Life
  readonly #caller: AnsweredCaller
  readonly #usedNames = new Set<string>()
  readonly #bindings = new Map<string, BindingPlace>()

  constructor(life: Life) {
    this.#life = life
    this.#caller = life.newCaller()
  }

  /** Takes over what a start has brought. */
  adopt(): void {
    const { durable, history } = this.#life
    for (const queue of durable.vhost.queues.values()) {
      const known = history.queues.get(queue.options.objectId ?? 0)
      if (known !== undefined) this.queues.set(queue.id, new LivingQueue(queue, known))
    }
    for (const declaration of durable.broker.definitions.declarations()) {
      if (declaration?.kind === 'binding') this.#bindings.set(bindingKey(declaration), declaration)
    }
  }

  find(name: string): LivingQueue | undefined {
    const queue = this.#life.durable.vhost.findQueue(name)
    return queue === undefined ? undefined : this.queues.get(queue.id)
  }

  hasExchange(name: string): boolean {
    return this.#life.durable.vhost.findExchange(name) !== undefined
  }

  declareQueue(name: string, options: { durable: boolean; durability?: Durability }): void {
    const { durable, history, moment } = this.#life
    const exists = this.find(name) !== undefined
    const args: Arguments =
      options.durability === undefined
        ? noArguments
        : new Map([['x-durability', options.durability]])
    const traits = {
      durable: options.durable,
      autoDelete: false,
      exclusiveOwner: 0,
      arguments: args,
    }
    const steps: Step[] = []
    durable.broker.declareQueue(this.#caller, this.#expect(steps), { name, options: traits })
    const queue = durable.vhost.findQueue(name)
    if (queue === undefined) return this.#life.complain(`queue ${name} was not declared`)
    const { objectId = 0, durability = 'memory' } = queue.options
    if (objectId > 0) steps.push(history.timeline(queueKey(name)).ask(String(objectId), moment))
    if (exists) return
    const known = new QueueHistory(name, objectId, durability)
    if (this.#usedNames.has(name)) known.usedAt = moment
    if (objectId > 0) history.queues.set(objectId, known)
    this.queues.set(queue.id, new LivingQueue(queue, known))
  }

  /** From now on it may mark messages as delivered; and any other queue of the name, for who asks may be answered when that is there. */
  use({ history }: LivingQueue): void {
    this.#usedNames.add(history.name)
    history.usedAt = Math.min(history.usedAt, this.#life.moment)
  }

  /** Its messages are gone with it. */
  deleteQueue(living: LivingQueue): void {
    const { durable, history, moment } = this.#life
    const { name, objectId, entries } = living.history
    const open = [...entries.values()].filter(({ isSettled }) => !isSettled)
    for (const entry of open) {
      entry.settledAt = moment
      entry.isOut = false
    }
    living.open.clear()
    this.queues.delete(living.queue.id)
    const steps = this.#unbound((place) => place.destination === name)
    if (objectId > 0) steps.push(history.timeline(queueKey(name)).ask(null, moment))
    const request = { name, ifUnused: false, ifEmpty: false }
    const answered = (at: number): void => {
      for (const entry of open) entry.settledSafeAt = Math.min(entry.settledSafeAt, at)
    }
    durable.broker.deleteQueue(this.#caller, this.#expect(steps, answered), request)
  }

  declareExchange(name: string, type: ExchangeType): void {
    const { durable, history, moment } = this.#life
    const step = history.timeline(exchangeKey(name)).ask(type, moment)
    const options = { type, durable: true, autoDelete: false, internal: false }
    const request = { name, options: { ...options, arguments: noArguments } }
    durable.broker.declareExchange(this.#caller, this.#expect([step]), request)
  }

  deleteExchange(name: string): void {
    const { durable, history, moment } = this.#life
    const steps = this.#unbound((place) => place.source === name)
    steps.push(history.timeline(exchangeKey(name)).ask(null, moment))
    durable.broker.deleteExchange(this.#caller, this.#expect(steps), { name, ifUnused: false })
  }

  bind(place: BindingPlace): void {
    const { durable } = this.#life
    durable.broker.bind(this.#caller, this.#expect(this.#ask(place, 'bound')), requestOf(place))
    if (this.#isLasting(place)) this.#bindings.set(bindingKey(place), place)
  }

  unbind(place: BindingPlace): void {
    const { durable } = this.#life
    durable.broker.unbind(this.#caller, this.#expect(this.#ask(place, null)), requestOf(place))
    this.#bindings.delete(bindingKey(place))
  }

  #ask(place: BindingPlace, value: string | null): Step[] {
    const { history, moment } = this.#life
    if (!this.#isLasting(place)) return []
    return [history.timeline(bindingKey(place)).ask(value, moment)]
  }

  #isLasting({ destination }: BindingPlace): boolean {
    return (this.find(destination)?.history.objectId ?? 0) > 0
  }

  /** Bindings that go with one of their ends. */
  #unbound(isGone: (place: BindingPlace) => boolean): Step[] {
    const { history, moment } = this.#life
    const gone = [...this.#bindings].filter(([, place]) => isGone(place))
    for (const [key] of gone) this.#bindings.delete(key)
    return gone.map(([key]) => history.timeline(key).ask(null, moment))
  }

  #expect(steps: readonly Step[], answered: (at: number) => void = () => {}): number {
    return this.#caller.expect((outcome: Outcome) => {
      if (outcome.kind === 'failed') return this.#life.complain(outcome.error.message)
      for (const step of steps) step.answeredAt = this.#life.moment
      answered(this.#life.moment)
    })
  }
}

function requestOf(place: BindingPlace) {
  return { ...place, destinationKind: 'queue', arguments: noArguments } as const
}
