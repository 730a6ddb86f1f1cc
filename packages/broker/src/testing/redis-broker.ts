import { RedisHead } from '../protocols/redis/head.ts'
import { registerFormats } from './message-formats.ts'
import { openBroker, type OpenBroker } from './open-broker.ts'

export type OpenRedisBroker = OpenBroker<RedisHead>

export async function openRedisBroker(): Promise<OpenRedisBroker> {
  const opened = await openBroker((broker) => new RedisHead(broker))
  registerFormats(opened.broker.formats)
  return opened
}
