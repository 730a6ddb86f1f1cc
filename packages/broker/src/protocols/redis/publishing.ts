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
  readonly #publisher: Publisher
  readonly #publication = new Publication(Origin.redis)

  constructor(broker: Broker, caller: Caller) {
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
    this.#publisher.publish(publication)
    return this.#publisher.heard
  }

  /** Whether it would go to a queue or a stream, which take what may be short. */
  isKept(request: Request): boolean {
    const { queues, streams } = this.#publisher.routeOf(this.#point(request))
    return queues.length + streams.length > 0
  }

  #point(request: Request): Publication {
    const publication = this.#publication
    const { address } = publication
    const bytes = request.bytesOf(1)
    if (bytes > redisLimits.channelBytesMax) throw channelTooLong(bytes)
    address[KEY_AT - 1] = bytes
    request.buffer.copy(address, KEY_AT, request.startOf(1), request.endOf(1))
    publication.addressEnd = KEY_AT + bytes
    publication.body = request.buffer
    publication.bodyStart = request.startOf(2)
    publication.bodyEnd = request.endOf(2)
    return publication
  }
}

export function channelTooLong(bytes: number): CommandError {
  const { channelBytesMax } = redisLimits
  return new CommandError(
    `ERR the name of a channel has at most ${channelBytesMax} bytes here, this one has ${bytes}`,
  )
}
