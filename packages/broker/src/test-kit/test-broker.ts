import type { BrokerUser, ListenAddress, StartOptions } from '../index.ts'
import type { Logger } from '../base/log.ts'
import type { TestExchange } from './test-exchange.ts'
import type { MessageContent, PublishOptions } from './message-content.ts'
import type { TestQueue } from './test-queue.ts'
import type { TestTopic } from './test-topic.ts'

export interface TestBrokerOptions {
  /** Users with all rights, beside guest/guest. */
  readonly users?: readonly BrokerUser[] | undefined
  /** What is to be there before anybody connects, as for startBroker(). */
  readonly declarations?: StartOptions['declarations']
  /** Has the control API listen as well; it takes longer to load than all the rest. */
  readonly management?: boolean | undefined
  /** Memory for messages, bytes; for tests of what a service does when publishers have to wait. */
  readonly memoryBytes?: number | undefined
  /** Where log lines go; without it nowhere. */
  readonly log?: Logger | undefined
}

/** A broker of a test's own: all of it in memory, on ports that were free, and empty. What the test asks of it needs no client. */
export interface TestBroker {
  /** For RabbitMQ clients, with the login of guest. */
  readonly amqpUrl: string
  /** For Kafka clients: a list of one `host:port`. */
  readonly kafkaBrokers: readonly string[]
  /** Of the control API; null unless it was asked for. */
  readonly managementUrl: string | null
  readonly addresses: { readonly amqp: ListenAddress; readonly kafka: ListenAddress }

  /** A queue by its name, there or not yet. */
  queue(name: string): TestQueue
  /** An exchange by its name, there or not yet. */
  exchange(name: string): TestExchange
  /** A Kafka topic by its name, there or not yet. */
  topic(name: string): TestTopic
  /**
   * Publishes as a RabbitMQ client would; the exchange `''` is the default one, whose routing key is a queue's name. Resolves with the
   * number of queues and streams that got it: 0 if nobody did. Rejects if there is no such exchange.
   */
  publish(
    exchange: string,
    routingKey: string,
    content: MessageContent,
    options?: PublishOptions,
  ): Promise<number>

  /** Says goodbye to the clients and frees the ports. Who still waits is told so. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
