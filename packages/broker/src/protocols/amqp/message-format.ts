import { Reader } from '../../base/reader.ts'
import { Writer } from '../../base/writer.ts'
import { noArguments } from '../../core/arguments.ts'
import { Origin, type MessageFormat, type MessageView } from '../../core/message.ts'
import { argumentsFrom, tableFromArguments } from './arguments.ts'
import { emptyProperties, readProperties, writeProperties } from './codec/content-header.ts'

/** Header bytes of a message that came by AMQP 0-9-1: the property list of its content header, as it came. */
export const amqpMessageFormat: MessageFormat = {
  origin: Origin.amqp,

  view(buffer: Buffer, start: number, end: number): MessageView {
    const properties = readProperties(new Reader(buffer, start, end))
    const { contentType, contentEncoding, correlationId, replyTo, messageId } = properties
    const { type, userId, appId, timestamp, headers } = properties
    return {
      ...(contentType !== null && { contentType }),
      ...(contentEncoding !== null && { contentEncoding }),
      ...(correlationId !== null && { correlationId }),
      ...(replyTo !== null && { replyTo }),
      ...(messageId !== null && { messageId }),
      ...(type !== null && { type }),
      ...(userId !== null && { userId }),
      ...(appId !== null && { appId }),
      ...(timestamp !== null && { timestamp: Number(timestamp) }),
      headers: headers === null ? noArguments : argumentsFrom(headers),
    }
  },

  from(view: MessageView): Buffer {
    const properties = emptyProperties()
    properties.contentType = view.contentType ?? null
    properties.contentEncoding = view.contentEncoding ?? null
    properties.correlationId = view.correlationId ?? null
    properties.replyTo = view.replyTo ?? null
    properties.messageId = view.messageId ?? null
    properties.type = view.type ?? null
    properties.userId = view.userId ?? null
    properties.appId = view.appId ?? null
    properties.timestamp = view.timestamp ?? null
    properties.headers = view.headers.size === 0 ? null : tableFromArguments(view.headers)
    const writer = new Writer()
    writeProperties(writer, properties)
    return Buffer.from(writer.written())
  },
}
