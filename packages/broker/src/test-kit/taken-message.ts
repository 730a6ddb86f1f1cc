import { Reader } from '../base/reader.ts'
import { MessageFlag, Origin, type MessageFormats, type StoredMessage } from '../core/message.ts'
import { readProperties } from '../protocols/amqp/codec/content-header.ts'
import type { MessageProperties } from './message-content.ts'
import type { PlainValue } from './plain-value.ts'
import { plainFrom } from './plain-values.ts'
import type { TestMessage } from './test-message.ts'
import { excerpt } from './waiting.ts'

/** A copy: what the core shows is valid for a moment only. */
export class TakenMessage implements TestMessage {
  readonly body: Buffer
  readonly headers: { readonly [name: string]: PlainValue }
  readonly properties: MessageProperties
  readonly exchange: string
  readonly routingKey: string
  readonly redelivered: boolean

  constructor(message: StoredMessage, formats: MessageFormats, redelivered: boolean) {
    const { headers, timestamp, ...view } = formats.view(message)
    this.body = Buffer.from(message.buffer.subarray(message.bodyStart, message.bodyEnd))
    this.headers = plainFrom(headers)
    this.properties = {
      ...view,
      ...(timestamp !== undefined && { timestamp: new Date(timestamp * 1000) }),
      ...(message.origin === Origin.amqp && amqpProperties(message)),
      persistent: (message.flags & MessageFlag.persistent) !== 0,
    }
    this.exchange = message.exchange
    this.routingKey = message.routingKey
    this.redelivered = redelivered
  }

  text(): string {
    return this.body.toString('utf8')
  }

  json(): unknown {
    try {
      return JSON.parse(this.text())
    } catch (error) {
      throw new Error(`the body is no JSON: ${excerpt(this.body)}`, { cause: error })
    }
  }
}

/** What other protocols have no word for. */
function amqpProperties(message: StoredMessage): MessageProperties {
  const reader = new Reader(message.buffer, message.headerStart, message.bodyStart)
  const { priority, expiration } = readProperties(reader)
  return { ...(priority !== null && { priority }), ...(expiration !== null && { expiration }) }
}

/** A message in one line of an error. */
export function describeMessage({ exchange, routingKey, body }: TestMessage): string {
  const where = exchange === '' ? 'the default exchange' : `exchange '${exchange}'`
  return `to ${where} with key '${routingKey}', ${body.length} bytes: ${excerpt(body)}`
}
