import type { PlainValue } from './plain-value.ts'

/** Text, bytes, or anything that JSON can say, which is sent as that. */
export type MessageContent = string | Uint8Array | object | number | boolean | null

/** What a message says of itself, in AMQP's words. */
export interface MessageProperties {
  readonly contentType?: string | undefined
  readonly contentEncoding?: string | undefined
  readonly correlationId?: string | undefined
  readonly replyTo?: string | undefined
  readonly messageId?: string | undefined
  readonly type?: string | undefined
  readonly userId?: string | undefined
  readonly appId?: string | undefined
  /** Whole seconds. */
  readonly timestamp?: Date | undefined
  /** 0 to 255. */
  readonly priority?: number | undefined
  /** Milliseconds to live, in decimal digits. */
  readonly expiration?: string | undefined
  readonly persistent?: boolean | undefined
}

export interface PublishOptions extends MessageProperties {
  readonly headers?: { readonly [name: string]: PlainValue } | undefined
}
