import { noArguments } from '../core/arguments.ts'
import type { GotOutcome } from '../core/outcome.ts'
import type { Queue } from '../core/queue/queue.ts'
import type { CoreCaller } from './core-caller.ts'
import { limits } from './limits.ts'
import { argumentsFromPlain } from './plain-values.ts'
import { describeMessage, TakenMessage } from './taken-message.ts'
import type { TestMessage } from './test-message.ts'
import type { DeclareQueueOptions, TestQueue } from './test-queue.ts'
import type { WaitForOptions, WaitOptions } from './wait-options.ts'
import { listNames, listSeen, waitFor } from './waiting.ts'

type Where = (message: TestMessage) => boolean

/** A message that is out with the test. */
interface Held {
  readonly message: TakenMessage
  readonly queue: number
  readonly sequence: number
}

/**
 * A queue of the core, asked by basic.get as it were: a consumer of the test's own would show in counts, keep an auto-delete queue alive
 * and compete with the service's.
 *
 * Invariant: between looks no message is out with the test.
 */
export class CoreQueue implements TestQueue {
  readonly name: string
  readonly #caller: CoreCaller
  /** Looks go one after the other, else one would miss what another has in its hands. */
  #lastLook: Promise<unknown> = Promise.resolve()
  /** Numbers that only looks have put back, which is no redelivery to speak of. */
  readonly #putBack = new Map<number, Set<number>>()

  constructor(caller: CoreCaller, name: string) {
    this.#caller = caller
    this.name = name
  }

  async declare(options: DeclareQueueOptions = {}): Promise<void> {
    const { durable = true, autoDelete = false, arguments: given = {} } = options
    const traits = { durable, autoDelete, exclusiveOwner: 0, arguments: argumentsFromPlain(given) }
    const request = { name: this.name, options: traits }
    const { broker } = this.#caller
    await this.#ask((token) => broker.declareQueue(this.#caller, token, request))
  }

  async bind(exchange: string, routingKey: string = ''): Promise<void> {
    const request = {
      source: exchange,
      destinationKind: 'queue',
      destination: this.name,
      routingKey,
      arguments: noArguments,
    } as const
    const { broker } = this.#caller
    await this.#ask((token) => broker.bind(this.#caller, token, request))
  }

  async waitForMessage(options: WaitForOptions<TestMessage> = {}): Promise<TestMessage> {
    const { timeoutMs, where = () => true } = options
    let seen: readonly Held[] = []
    let lookedAt = ''
    const look = async (): Promise<TestMessage | null> => {
      const state = this.#state()
      if (state === lookedAt) return null
      const found = await this.#inLine(() => this.#find(where))
      seen = found.passed
      lookedAt = this.#state()
      return found.message
    }
    return waitFor(this.#caller, {
      timeoutMs,
      look,
      describe: (ms) => this.#describeMissing(ms, seen, options.where !== undefined),
    })
  }

  async waitForCount(count: number, { timeoutMs }: WaitOptions = {}): Promise<void> {
    const look = (): Promise<true | null> => {
      return Promise.resolve(this.#queue?.ready === count ? true : null)
    }
    const describe = (ms: number): string => {
      return `not within ${ms} ms: ${count} messages in ${this.#describeState()}`
    }
    await waitFor(this.#caller, { timeoutMs, look, describe })
  }

  async waitUntilDrained({ timeoutMs }: WaitOptions = {}): Promise<void> {
    const look = (): Promise<true | null> => {
      const queue = this.#queue
      const isDrained = queue !== undefined && queue.ready === 0 && queue.unsettled === 0
      return Promise.resolve(isDrained ? true : null)
    }
    const describe = (ms: number): string => {
      return `not within ${ms} ms: all messages consumed and acknowledged in ${this.#describeState()}`
    }
    await waitFor(this.#caller, { timeoutMs, look, describe })
  }

  async takeAll(): Promise<TestMessage[]> {
    return this.#inLine(async () => {
      const taken: TestMessage[] = []
      for (let held = await this.#take(); held !== null; held = await this.#take()) {
        this.#settle(held)
        taken.push(held.message)
      }
      return taken
    })
  }

  count(): Promise<number> {
    const { broker } = this.#caller
    return this.#caller.call(
      (token) => broker.checkQueue(this.#caller, token, this.name),
      (outcome) => (outcome.kind === 'queue' ? outcome.messages : 0),
    )
  }

  purge(): Promise<number> {
    const { broker } = this.#caller
    return this.#caller.call(
      (token) => broker.purgeQueue(this.#caller, token, this.name),
      (outcome) => (outcome.kind === 'removed' ? outcome.messages : 0),
    )
  }

  get #queue(): Queue | undefined {
    return this.#caller.vhost.findQueue(this.name)
  }

  /** Changes with all that may make another look worth while. */
  #state(): string {
    const queue = this.#queue
    if (queue === undefined) return 'none'
    return [queue.id, queue.tail, queue.ready, queue.unsettled].join()
  }

  #ask(ask: (token: number) => void): Promise<void> {
    return this.#caller.call(ask, () => undefined)
  }

  /** Does it when all looks before are over. */
  #inLine<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#lastLook.then(work)
    this.#lastLook = result.catch(() => {})
    return result
  }

  /** Takes the first one that is wanted; what comes before it goes back to its place. */
  async #find(
    where: Where,
  ): Promise<{ readonly message: TestMessage | null; readonly passed: readonly Held[] }> {
    const passed: Held[] = []
    try {
      while (passed.length < limits.messagesPerLook) {
        const held = await this.#take()
        if (held === null) break
        passed.push(held)
        if (!where(held.message)) continue
        passed.pop()
        this.#settle(held)
        return { message: held.message, passed }
      }
      return { message: null, passed }
    } finally {
      for (const held of passed) this.#giveBack(held)
    }
  }

  /** The next message, out with the test; null if there is none, or no queue. */
  async #take(): Promise<Held | null> {
    if (this.#queue === undefined || this.#queue.ready === 0) return null
    const { broker } = this.#caller
    return this.#caller.call(
      (token) => broker.get(this.#caller, token, this.name),
      (outcome) => (outcome.kind === 'got' ? this.#hold(outcome) : null),
    )
  }

  #hold({ queue, sequence, message, redelivered }: GotOutcome): Held {
    const isOurs = this.#putBack.get(queue)?.has(sequence) === true
    const { formats } = this.#caller.broker
    return {
      queue,
      sequence,
      message: new TakenMessage(message, formats, redelivered && !isOurs),
    }
  }

  #settle({ queue, sequence }: Held): void {
    this.#putBack.get(queue)?.delete(sequence)
    this.#caller.broker.settle(queue, sequence)
  }

  #giveBack({ queue, sequence, message }: Held): void {
    if (!message.redelivered) {
      const known = this.#putBack.get(queue)
      if (known === undefined) this.#putBack.set(queue, new Set([sequence]))
      else known.add(sequence)
    }
    this.#caller.broker.requeue(queue, sequence)
  }

  #describeMissing(timeoutMs: number, seen: readonly Held[], isChosen: boolean): string {
    const wanted = isChosen ? 'a message that `where` accepts' : 'a message'
    const text = `not within ${timeoutMs} ms: ${wanted} in ${this.#describeState()}`
    if (seen.length === 0) return text
    return `${text}; not accepted:${listSeen(seen.map(({ message }) => describeMessage(message)))}`
  }

  #describeState(): string {
    const queue = this.#queue
    const where = `queue '${this.name}'`
    if (queue === undefined) return `${where}, which nobody has declared; ${this.#describeOthers()}`
    const { tail, ready, unsettled, consumers } = queue
    if (tail === 0) return `${where}, which no message has reached${this.#describeBindings()}`
    const facts = `${tail} came, ${ready} wait, ${unsettled} are out unacknowledged`
    const gone = `${tail - ready - unsettled} are done with`
    const taking = consumers.size > 0 ? `, and it has ${consumers.size} consumers of others` : ''
    return `${where}: ${facts}, ${gone}${taking}`
  }

  #describeBindings(): string {
    const bound = [...this.#caller.vhost.exchanges.values()].flatMap((exchange) =>
      [...exchange.bindings]
        .filter((binding) => binding.destination === this.#queue)
        .map(({ routingKey }) => `${exchange.name} with key ${routingKey}`),
    )
    return bound.length === 0
      ? '; no exchange is bound to it'
      : `; bound to it: ${listNames(bound)}`
  }

  #describeOthers(): string {
    const names = [...this.#caller.vhost.queues.values()]
      .filter((queue) => queue.options.exclusiveOwner !== this.#caller.id)
      .map((queue) => queue.name)
    return names.length === 0 ? 'there is no queue at all' : `there are ${listNames(names)}`
  }
}
