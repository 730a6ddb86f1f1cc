import type { WaitForOptions, WaitOptions } from './wait-options.ts'
import type { TestMessage } from './test-message.ts'

export interface DeclareExchangeOptions {
  /** True unless set, as with most clients. */
  readonly durable?: boolean | undefined
}

/** An exchange as a test sees it. */
export interface TestExchange {
  readonly name: string
  /** Makes it, if it is not there. Rejects if it is there with another type. */
  declare(
    type: 'direct' | 'fanout' | 'topic' | 'headers',
    options?: DeclareExchangeOptions,
  ): Promise<void>
  /**
   * Watches what is published to it from now on, whoever else gets it. A topic exchange is watched with all of its keys unless one is
   * given, a direct one with the one that is given. Waits for the exchange to be declared, as long as `timeoutMs` says.
   */
  spy(routingKey?: string, options?: WaitOptions): Promise<ExchangeSpy>
}

/** What has been published to an exchange since the spy began. */
export interface ExchangeSpy {
  /** All of it, oldest first. */
  messages(): Promise<readonly TestMessage[]>
  /** The first one, or the first one that `where` accepts, of all since the spy began. */
  waitForMessage(options?: WaitForOptions<TestMessage>): Promise<TestMessage>
  /** Resolves with all of it when there are so many or more. */
  waitForCount(count: number, options?: WaitOptions): Promise<readonly TestMessage[]>
  /** Watches no longer. */
  stop(): Promise<void>
}
