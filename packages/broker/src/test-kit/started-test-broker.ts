import { coreOf } from '../app/core-of.ts'
import { startBroker, type RunningBroker } from '../index.ts'
// Loaded with this module, so that a start of a broker loads nothing any more.
import '../protocols/amqp/head.ts'
import '../protocols/amqp/message-format.ts'
import '../protocols/kafka/head.ts'
import '../protocols/kafka/message-format.ts'
import { CoreCaller } from './core-caller.ts'
import { CoreExchange } from './core-exchange.ts'
import { CoreQueue } from './core-queue.ts'
import { CoreTopic } from './core-topic.ts'
import type { MessageContent, PublishOptions } from './message-content.ts'
import { publicationOf } from './publication.ts'
import type { TestBroker, TestBrokerOptions } from './test-broker.ts'

/** A running broker, and the test as a caller of its core. */
export class StartedTestBroker implements TestBroker {
  readonly addresses: TestBroker['addresses']
  readonly amqpUrl: string
  readonly kafkaBrokers: readonly string[]
  readonly managementUrl: string | null
  readonly #running: RunningBroker
  readonly #caller: CoreCaller
  /** One object for each name: what a test has read of a topic is not returned again. */
  readonly #queues = new Map<string, CoreQueue>()
  readonly #topics = new Map<string, CoreTopic>()

  private constructor(running: RunningBroker, users: TestBrokerOptions['users'] = []) {
    const { amqp, kafka, management } = running.addresses
    if (amqp === undefined || kafka === undefined) throw new Error('a listener is missing')
    this.addresses = { amqp, kafka }
    // A guest among the users has a password of its own.
    const { password } = users.findLast(({ name }) => name === 'guest') ?? { password: 'guest' }
    this.amqpUrl = `amqp://guest:${encodeURIComponent(password)}@${amqp.host}:${amqp.port}`
    this.kafkaBrokers = [`${kafka.host}:${kafka.port}`]
    this.managementUrl =
      management === undefined ? null : `http://${management.host}:${management.port}`
    this.#running = running
    this.#caller = new CoreCaller(coreOf(running))
  }

  static async start(options: TestBrokerOptions): Promise<StartedTestBroker> {
    const { users, declarations, management, memoryBytes, log } = options
    const running = await startBroker({
      ...{ amqp: { port: 0 }, kafka: { port: 0 } },
      ...(management === true && { management: { port: 0 } }),
      ...{ users, declarations, memoryBytes, log },
    })
    return new StartedTestBroker(running, users)
  }

  queue(name: string): CoreQueue {
    return getOrMake(this.#queues, name, () => new CoreQueue(this.#caller, name))
  }

  exchange(name: string): CoreExchange {
    return new CoreExchange(this.#caller, name)
  }

  topic(name: string): CoreTopic {
    return getOrMake(this.#topics, name, () => new CoreTopic(this.#caller, name))
  }

  publish(
    exchange: string,
    routingKey: string,
    content: MessageContent,
    options: PublishOptions = {},
  ): Promise<number> {
    const caller = this.#caller
    return caller.inTurn(() => {
      const publication = publicationOf({ exchange, routingKey }, content, options)
      return caller.broker.newPublisher(caller).publish(publication)
    })
  }

  async close(): Promise<void> {
    this.#caller.close()
    for (const topic of this.#topics.values()) topic.close()
    await this.#running.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function getOrMake<Thing>(things: Map<string, Thing>, name: string, make: () => Thing): Thing {
  const existing = things.get(name)
  if (existing !== undefined) return existing
  const made = make()
  things.set(name, made)
  return made
}
