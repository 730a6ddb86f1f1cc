import { Writer } from '../base/writer.ts'
import { MessageFormats } from '../core/message.ts'
import {
  emptyProperties,
  writeProperties,
  type Properties,
} from '../protocols/amqp/codec/content-header.ts'
import { amqpMessageFormat } from '../protocols/amqp/message-format.ts'
import { kafkaMessageFormat } from '../protocols/kafka/message-format.ts'
import { natsMessageFormat } from '../protocols/nats/message-format.ts'
import { redisMessageFormat } from '../protocols/redis/message-format.ts'

/** The formats of all heads, as a started broker has them. */
export function registerFormats(formats: MessageFormats): MessageFormats {
  formats.register(amqpMessageFormat)
  formats.register(kafkaMessageFormat)
  formats.register(natsMessageFormat)
  formats.register(redisMessageFormat)
  return formats
}

export function allFormats(): MessageFormats {
  return registerFormats(new MessageFormats())
}

/** Header bytes of AMQP. */
export function propertyList(given: Partial<Properties>): Buffer {
  const writer = new Writer()
  writeProperties(writer, { ...emptyProperties(), ...given })
  return Buffer.from(writer.written())
}
