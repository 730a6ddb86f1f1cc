import type { Connection } from '../../base/net/connection.ts'
import type { Broker } from '../../core/broker.ts'
import { Origin, Publication } from '../../core/message.ts'
import type { Caller } from '../../core/outcome.ts'
import type { Publisher } from '../../core/publisher.ts'
import type { Request } from './codec/request.ts'
import { CommandError } from './errors.ts'
import { redisLimits } from './limits.ts'
import { EXCHANGE } from './subscriptions.ts'

/** The address up to the channel: the exchange, and one octet for the channel's length. */
const KEY_AT = 1 + EXCHANGE.length + 1

/** What one client publishes. Nothing of it survives a restart unless a queue or a stream is bound that keeps it. */
export class Publishing {
  readonly #connection: Connection
  readonly #publisher: Publisher
  readonly #publication = new Publication(Origin.redis)

  constructor(broker: Broker, caller: Caller, connection: Connection) {
    this.#connection = connection
    this.#publisher = broker.newPublisher(caller)
    const address = Buffer.alloc(KEY_AT + redisLimits.channelBytesMax)
    address[0] = EXCHANGE.length
    address.write(EXCHANGE, 1, 'latin1')
    this.#publication.address = address
    this.#publication.publisher = caller.id
  }

  /** Arguments 1 and 2 are channel and body. Returns how many have heard it, of whatever protocol. */
  publish(request: Request): number {
    const publication = this.#point(request)
    this.#connection.work += this.#publisher.publish(publication)
    return this.#publisher.heard
  }

  /** Whether it would go to a queue or a stream, which take what may be short. */
  isKept(request: Request): boolean {
    const { queues, streams } = this.#publisher.routeOf(this.#point(request))
    return queues.length + streams.length > 0
  }

  #point(request: Request): Publication {
    const publication = this.#publication
    const { buffer } = request
    const start = request.startOf(1)
    const end = request.endOf(1)
    publication.sameAddress = this.#isLast(buffer, start, end)
    if (!publication.sameAddress) this.#setChannel(buffer, start, end)
    // Compared first: storing a reference costs more than a look.
    if (publication.body !== buffer) publication.body = buffer
    publication.bodyStart = request.startOf(2)
    publication.bodyEnd = request.endOf(2)
    return publication
  }

  /** Whether it is the channel that was published to last: a client nearly always repeats itself. */
  #isLast(buffer: Buffer, start: number, end: number): boolean {
    const { address, addressEnd } = this.#publication
    if (end - start !== addressEnd - KEY_AT) return false
    for (let i = start, j = KEY_AT; i < end; i++, j++) if (address[j] !== buffer[i]) return false
    return true
  }

  #setChannel(buffer: Buffer, start: number, end: number): void {
    const publication = this.#publication
    const bytes = end - start
    if (bytes > redisLimits.channelBytesMax) throw channelTooLong(bytes)
    publication.address[KEY_AT - 1] = bytes
    buffer.copy(publication.address, KEY_AT, start, end)
    publication.addressEnd = KEY_AT + bytes
  }
}

export function channelTooLong(bytes: number): CommandError {
  const { channelBytesMax } = redisLimits
  return new CommandError(
    `ERR the name of a channel has at most ${channelBytesMax} bytes here, this one has ${bytes}`,
  )
}
