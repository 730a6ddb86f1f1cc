import { Origin, Publication } from '../core/message.ts'

export interface TextMessage {
  readonly exchange?: string
  readonly key?: string
  readonly header?: Buffer
  readonly body?: string | Buffer
}

/** A message to publish, laid out as a head would: address, header and body in buffers of their own. */
export function textPublication(message: TextMessage): Publication {
  const publication = new Publication(Origin.amqp)
  publication.address = Buffer.concat([shortName(message.exchange), shortName(message.key)])
  publication.addressEnd = publication.address.length
  publication.header = message.header ?? Buffer.alloc(0)
  publication.headerEnd = publication.header.length
  publication.body = Buffer.from(message.body ?? '')
  publication.bodyEnd = publication.body.length
  return publication
}

function shortName(name: string = ''): Buffer {
  const bytes = Buffer.from(name)
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}
