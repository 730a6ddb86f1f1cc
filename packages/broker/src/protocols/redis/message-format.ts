import { noArguments } from '../../core/arguments.ts'
import { Origin, type MessageFormat, type MessageView } from '../../core/message.ts'

const NOTHING: Buffer = Buffer.alloc(0)

/** A message that came by Redis is a channel and a body: there are no header bytes, and nothing but the body goes out. */
export const redisMessageFormat: MessageFormat = {
  origin: Origin.redis,

  view(): MessageView {
    return { headers: noArguments }
  },

  from(): Buffer {
    return NOTHING
  },
}
