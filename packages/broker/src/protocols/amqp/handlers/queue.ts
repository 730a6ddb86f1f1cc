import type { Reader } from '../../../base/reader.ts'
import type { Outcome } from '../../../core/outcome.ts'
import type { BindingRequest } from '../../../core/topology/virtual-host.ts'
import { argumentsFrom } from '../arguments.ts'
import type { Channel } from '../channel.ts'
import { QueueMethod } from '../codec/constants.ts'
import {
  readQueueBind,
  readQueueDeclare,
  readQueueDelete,
  readQueuePurge,
  readQueueUnbind,
  writeQueueBindOk,
  writeQueueDeclareOk,
  writeQueueDeleteOk,
  writeQueuePurgeOk,
  writeQueueUnbindOk,
  type QueueUnbind,
} from '../codec/queue-methods.ts'
import { unimplementedMethod } from '../connection-errors.ts'
import { defaultExchangeRefused, noPreviouslyDeclaredQueue } from '../errors.ts'

export function handleQueue(channel: Channel, method: number, reader: Reader): void {
  switch (method) {
    case QueueMethod.declare:
      return handleDeclare(channel, reader)
    case QueueMethod.bind:
      return handleBind(channel, reader)
    case QueueMethod.unbind:
      return handleUnbind(channel, reader)
    case QueueMethod.purge:
      return handlePurge(channel, reader)
    case QueueMethod.delete:
      return handleDelete(channel, reader)
    default:
      throw unimplementedMethod()
  }
}

/** An empty name in any method but declare means the queue that the channel declared last. */
export function queueName(channel: Channel, name: string): string {
  if (name !== '') return name
  if (channel.lastQueue === null) throw noPreviouslyDeclaredQueue()
  return channel.lastQueue
}

function handleDeclare(channel: Channel, reader: Reader): void {
  const { session } = channel
  const { queue, passive, durable, exclusive, autoDelete, noWait, ...rest } =
    readQueueDeclare(reader)
  const answered = (outcome: Outcome): void => {
    if (outcome.kind !== 'queue') return
    channel.lastQueue = outcome.name
    if (noWait) return
    const counts = { messageCount: outcome.messages, consumerCount: outcome.consumers }
    writeQueueDeclareOk(session.startMethod(channel.number), { queue: outcome.name, ...counts })
    session.endMethod()
  }
  if (passive) {
    const name = queueName(channel, queue)
    return session.call(
      channel,
      (token) => session.broker.checkQueue(session, token, name),
      answered,
    )
  }
  const exclusiveOwner = exclusive ? session.id : 0
  // What ends with its connection is not durable, whatever was asked. [as RabbitMQ]
  const options = {
    durable: durable && !exclusive,
    autoDelete,
    exclusiveOwner,
    arguments: argumentsFrom(rest.arguments),
  }
  session.call(
    channel,
    (token) => session.broker.declareQueue(session, token, { name: queue, options }),
    answered,
  )
}

function handleBind(channel: Channel, reader: Reader): void {
  const { session } = channel
  const bind = readQueueBind(reader)
  const request = bindingRequest(channel, bind)
  session.call(
    channel,
    (token) => session.broker.bind(session, token, request),
    () => {
      if (bind.noWait) return
      writeQueueBindOk(session.startMethod(channel.number))
      session.endMethod()
    },
  )
}

function handleUnbind(channel: Channel, reader: Reader): void {
  const { session } = channel
  const request = bindingRequest(channel, readQueueUnbind(reader))
  session.call(
    channel,
    (token) => session.broker.unbind(session, token, request),
    () => {
      writeQueueUnbindOk(session.startMethod(channel.number))
      session.endMethod()
    },
  )
}

function bindingRequest(channel: Channel, parsed: QueueUnbind): BindingRequest {
  const { queue, exchange: source, routingKey } = parsed
  const destination = queueName(channel, queue)
  if (source === '') throw defaultExchangeRefused()
  // Both empty: the queue's own name. [AMQP 1.7.2.3.4, as RabbitMQ]
  const key = queue === '' && routingKey === '' ? destination : routingKey
  const binding = { source, destinationKind: 'queue', destination, routingKey: key } as const
  return { ...binding, arguments: argumentsFrom(parsed.arguments) }
}

function handlePurge(channel: Channel, reader: Reader): void {
  const { session } = channel
  const { queue, noWait } = readQueuePurge(reader)
  const name = queueName(channel, queue)
  session.call(
    channel,
    (token) => session.broker.purgeQueue(session, token, name),
    (outcome) => {
      if (noWait || outcome.kind !== 'removed') return
      writeQueuePurgeOk(session.startMethod(channel.number), outcome.messages)
      session.endMethod()
    },
  )
}

function handleDelete(channel: Channel, reader: Reader): void {
  const { session } = channel
  const { queue, ifUnused, ifEmpty, noWait } = readQueueDelete(reader)
  const request = { name: queueName(channel, queue), ifUnused, ifEmpty }
  session.call(
    channel,
    (token) => session.broker.deleteQueue(session, token, request),
    (outcome) => {
      if (noWait || outcome.kind !== 'removed') return
      writeQueueDeleteOk(session.startMethod(channel.number), outcome.messages)
      session.endMethod()
    },
  )
}
