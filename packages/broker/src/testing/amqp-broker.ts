import type { BrokerStore } from '../core/completions.ts'
import { AmqpHead } from '../protocols/amqp/head.ts'
import { amqpMessageFormat } from '../protocols/amqp/message-format.ts'
import { kafkaMessageFormat } from '../protocols/kafka/message-format.ts'
import { natsMessageFormat } from '../protocols/nats/message-format.ts'
import { redisMessageFormat } from '../protocols/redis/message-format.ts'
import { openBroker, type OpenBroker } from './open-broker.ts'

export async function openAmqpBroker(store?: BrokerStore): Promise<OpenBroker<AmqpHead>> {
  const opened = await openBroker((broker) => new AmqpHead(broker), store)
  opened.broker.formats.register(amqpMessageFormat)
  opened.broker.formats.register(kafkaMessageFormat)
  opened.broker.formats.register(natsMessageFormat)
  opened.broker.formats.register(redisMessageFormat)
  return opened
}
