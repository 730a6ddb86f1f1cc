import {
  nameAt,
  routingKeyOf,
  type MessageFormats,
  type Origin,
  type Publication,
} from '../message.ts'

/** Bytes in somebody's buffer. */
export interface ByteRange {
  readonly buffer: Buffer
  readonly start: number
  readonly end: number
}

/**
 * What subscribers are shown of a message that is being published. One for all of them, reused for the next message: it is made for the
 * length of a publish, and what is converted for one of them serves all.
 */
export class Heard {
  publication: Publication
  readonly #formats: MessageFormats
  /** By origin: header bytes that were made for this message. */
  readonly #made = new Map<number, ByteRange>()

  constructor(formats: MessageFormats, publication: Publication) {
    this.#formats = formats
    this.publication = publication
  }

  /** Begins with another message. */
  begin(publication: Publication): void {
    this.publication = publication
    if (this.#made.size > 0) this.#made.clear()
  }

  get exchange(): string {
    return nameAt(this.publication.address, this.publication.addressStart)
  }

  get routingKey(): string {
    return routingKeyOf(this.publication.address, this.publication.addressStart)
  }

  /** Where the routing key stands, in UTF-8. */
  get keyStart(): number {
    const { address, addressStart } = this.publication
    return addressStart + 2 + (address[addressStart] as number)
  }

  get keyEnd(): number {
    const { keyStart } = this
    return keyStart + (this.publication.address[keyStart - 1] as number)
  }

  /** The header bytes as this protocol has them: as they came if it is the message's own. */
  headerFor(origin: Origin): ByteRange {
    const { publication } = this
    if (publication.origin === origin) {
      const { header, headerStart, headerEnd } = publication
      return { buffer: header, start: headerStart, end: headerEnd }
    }
    const known = this.#made.get(origin)
    if (known !== undefined) return known
    const buffer = this.#formats.convert(publication, origin)
    const range = { buffer, start: 0, end: buffer.length }
    this.#made.set(origin, range)
    return range
  }
}
