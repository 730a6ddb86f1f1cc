import type { PlainValue } from './plain-value.ts'
import type { TestMessage } from './test-message.ts'
import type { WaitForOptions, WaitOptions } from './wait-options.ts'

export interface DeclareQueueOptions {
  /** True unless set, as with most clients. */
  readonly durable?: boolean | undefined
  readonly autoDelete?: boolean | undefined
  readonly arguments?: { readonly [name: string]: PlainValue } | undefined
}

/**
 * A queue as a test sees it. Consumers come first: what one of them has been given, a test does not get. To see messages that a service
 * consumes, take them from a queue of the test's own: TestExchange.spy().
 */
export interface TestQueue {
  readonly name: string
  /** Makes it, if it is not there. Rejects if it is there with other options. */
  declare(options?: DeclareQueueOptions): Promise<void>
  /** Has it get what is published to an exchange with that key. */
  bind(exchange: string, routingKey?: string): Promise<void>
  /**
   * Takes the first message, or the first one that `where` accepts, and acknowledges it. Waits for it, and for the queue, as long as
   * `timeoutMs` says, then rejects with a NotSeenError that says what there was. Others stay where they are, but are marked as redelivered
   * for whoever gets them.
   */
  waitForMessage(options?: WaitForOptions<TestMessage>): Promise<TestMessage>
  /** Waits until exactly so many messages wait in it. */
  waitForCount(count: number, options?: WaitOptions): Promise<void>
  /** Waits until no message waits, and none that a consumer was given is unacknowledged. */
  waitUntilDrained(options?: WaitOptions): Promise<void>
  /** Takes all that wait now, oldest first, and acknowledges them. */
  takeAll(): Promise<TestMessage[]>
  /** How many messages wait in it; those that a consumer has do not count. */
  count(): Promise<number>
  /** Removes those that wait, and resolves with how many there were. */
  purge(): Promise<number>
}
