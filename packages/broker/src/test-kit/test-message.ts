import type { MessageProperties } from './message-content.ts'
import type { PlainValue } from './plain-value.ts'

/** A message that a test took from a queue. It is acknowledged: nobody gets it any more. */
export interface TestMessage {
  readonly body: Buffer
  /** The body as UTF-8. */
  text(): string
  /** The body, parsed. */
  json(): unknown
  readonly headers: { readonly [name: string]: PlainValue }
  readonly properties: MessageProperties
  /** The exchange to which it was published; `''` is the default one. */
  readonly exchange: string
  readonly routingKey: string
  /** Whether somebody had it before, and gave it back or was lost. */
  readonly redelivered: boolean
}
