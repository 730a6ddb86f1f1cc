/// <reference types="node" preserve="true" />
/**
 * `polymq/testing`: a broker for each test file of those who test their own services.
 *
 * It is a broker like others, heads and all, so that the service under test brings its own client; what the test itself asks goes straight to
 * the core. It is not for PolyMQ's own tests: those have testing/.
 */
import { StartedTestBroker } from './started-test-broker.ts'
import type { TestBroker, TestBrokerOptions } from './test-broker.ts'

export type { LogFields, Logger } from '../base/log.ts'
export type { BrokerUser, ListenAddress } from '../index.ts'
export type { MessageContent, MessageProperties, PublishOptions } from './message-content.ts'
export type { PlainValue } from './plain-value.ts'
export type { TestBroker, TestBrokerOptions } from './test-broker.ts'
export type { DeclareExchangeOptions, ExchangeSpy, TestExchange } from './test-exchange.ts'
export type { TestMessage } from './test-message.ts'
export type { DeclareQueueOptions, TestQueue } from './test-queue.ts'
export type { TestRecord } from './test-record.ts'
export type { CreateTopicOptions, RecordToPublish, TestTopic } from './test-topic.ts'
export { NotSeenError, type WaitForOptions, type WaitOptions } from './wait-options.ts'

/** Starts a broker. Several may run side by side; close() each of them, or say `await using`. */
export function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  return StartedTestBroker.start(options)
}
