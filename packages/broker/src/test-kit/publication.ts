import { Writer } from '../base/writer.ts'
import { MessageFlag, Origin, Publication } from '../core/message.ts'
import { tableFromArguments } from '../protocols/amqp/arguments.ts'
import { emptyProperties, writeProperties } from '../protocols/amqp/codec/content-header.ts'
import type { MessageContent, PublishOptions } from './message-content.ts'
import { argumentsFromPlain } from './plain-values.ts'

const PERSISTENT = 2
const NAME_BYTES_MAX = 255

/** The bytes of a body, and the type to say where the caller says none. */
export function encodeContent(content: MessageContent): {
  readonly body: Buffer
  readonly contentType?: string
} {
  if (typeof content === 'string') return { body: Buffer.from(content) }
  if (content instanceof Uint8Array) return { body: Buffer.from(content) }
  return { body: Buffer.from(JSON.stringify(content)), contentType: 'application/json' }
}

/** A message as the AMQP head would hand it to the core. */
export function publicationOf(
  address: { readonly exchange: string; readonly routingKey: string },
  content: MessageContent,
  options: PublishOptions,
): Publication {
  const { body, contentType } = encodeContent(content)
  const publication = new Publication(Origin.amqp)
  publication.address = Buffer.concat([nameBytes(address.exchange), nameBytes(address.routingKey)])
  publication.addressEnd = publication.address.length
  publication.header = headerBytes(options, contentType)
  publication.headerEnd = publication.header.length
  publication.body = body
  publication.bodyEnd = body.length
  publication.flags = options.persistent === true ? MessageFlag.persistent : 0
  publication.priority = options.priority ?? 0
  return publication
}

function nameBytes(name: string): Buffer {
  const bytes = Buffer.from(name)
  if (bytes.length > NAME_BYTES_MAX) {
    throw new RangeError(`a name of ${bytes.length} bytes; ${NAME_BYTES_MAX} are the limit`)
  }
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}

/** `contentType` is the one of who says none. */
function headerBytes(options: PublishOptions, contentType: string | undefined): Buffer {
  const { headers, timestamp, persistent } = options
  const properties = emptyProperties()
  properties.contentType = options.contentType ?? contentType ?? null
  properties.contentEncoding = options.contentEncoding ?? null
  properties.correlationId = options.correlationId ?? null
  properties.replyTo = options.replyTo ?? null
  properties.messageId = options.messageId ?? null
  properties.type = options.type ?? null
  properties.userId = options.userId ?? null
  properties.appId = options.appId ?? null
  properties.priority = options.priority ?? null
  properties.expiration = options.expiration ?? null
  properties.deliveryMode = persistent === true ? PERSISTENT : null
  properties.timestamp = timestamp === undefined ? null : Math.floor(timestamp.getTime() / 1000)
  properties.headers =
    headers === undefined ? null : tableFromArguments(argumentsFromPlain(headers))
  const writer = new Writer()
  writeProperties(writer, properties)
  return Buffer.from(writer.written())
}
