import type { Reader } from '../../../base/reader.ts'
import { Origin } from '../../../core/message.ts'
import type { Outcome } from '../../../core/outcome.ts'
import { Settlement, type Channel } from '../channel.ts'
import {
  readBasicAck,
  readBasicCancel,
  readBasicConsume,
  readBasicGet,
  readBasicNack,
  readBasicQos,
  readBasicRecover,
  readBasicReject,
  writeBasicCancelOk,
  writeBasicConsumeOk,
  writeBasicGetEmpty,
  writeBasicGetOk,
  writeBasicQosOk,
  writeBasicRecoverOk,
  type BasicConsume,
} from '../codec/basic-methods.ts'
import { BasicMethod, ReplyCode } from '../codec/constants.ts'
import { integerOf, typeName } from '../codec/table-values.ts'
import { consumerTagReused, notImplemented, unimplementedMethod } from '../connection-errors.ts'
import { AmqpConsumer } from '../consumer.ts'
import { writeContent } from '../delivery.ts'
import { AmqpError, invalidArgument, type Resource } from '../errors.ts'
import { amqpLimits } from '../limits.ts'
import { placeOf } from '../stream-offset.ts'
import { queueName } from './queue.ts'

/** Class basic but for publish and the common form of ack, which the session takes itself. */
export function handleBasic(channel: Channel, method: number, reader: Reader): void {
  switch (method) {
    case BasicMethod.qos:
      return handleQos(channel, reader)
    case BasicMethod.consume:
      return handleConsume(channel, reader)
    case BasicMethod.cancel:
      return handleCancel(channel, reader)
    case BasicMethod.cancelOk:
      return
    case BasicMethod.get:
      return handleGet(channel, reader)
    case BasicMethod.ack: {
      const { deliveryTag, multiple } = readBasicAck(reader)
      return channel.settle(deliveryTag, multiple, Settlement.done)
    }
    case BasicMethod.nack: {
      const { deliveryTag, multiple, requeue } = readBasicNack(reader)
      return channel.settle(deliveryTag, multiple, requeue ? Settlement.requeue : Settlement.done)
    }
    case BasicMethod.reject: {
      const { deliveryTag, requeue } = readBasicReject(reader)
      return channel.settle(deliveryTag, false, requeue ? Settlement.requeue : Settlement.done)
    }
    case BasicMethod.recover:
    case BasicMethod.recoverAsync:
      return handleRecover(channel, method, reader)
    default:
      throw unimplementedMethod()
  }
}

/** global=false: for consumers that begin later; global=true: for the channel, at once. [RabbitMQ's meaning] */
function handleQos(channel: Channel, reader: Reader): void {
  const { prefetchBytes, prefetchCount, global } = readBasicQos(reader)
  if (prefetchBytes !== 0) throw notImplemented(`prefetch_size!=0 (${prefetchBytes})`)
  if (global) channel.prefetchGlobal = prefetchCount
  else channel.prefetch = prefetchCount
  writeBasicQosOk(channel.session.startMethod(channel.number))
  channel.session.endMethod()
  if (global) channel.wakeConsumers()
}

function handleConsume(channel: Channel, reader: Reader): void {
  const { session } = channel
  const request = readBasicConsume(reader)
  const { noAck, exclusive, noWait } = request
  const tag = request.consumerTag === '' ? inventTag(channel) : request.consumerTag
  if (channel.consumers.has(tag)) throw consumerTagReused(tag)
  if (channel.consumers.size >= amqpLimits.consumersPerChannelMax) {
    const text = `channel ${channel.number} has ${amqpLimits.consumersPerChannelMax} consumers`
    throw new AmqpError(ReplyCode.PRECONDITION_FAILED, text)
  }
  const queue = queueName(channel, request.queue)
  const resource = { kind: 'queue', name: queue, virtualHost: session.vhost.name } as const
  const options = { noAck, exclusive, priority: priorityOf(request, resource) }
  const reading = {
    from: placeOf(request, resource, session.broker.turn.clock.wallMs()),
    prefetch: channel.prefetch,
    isPrefetchShared: channel.prefetchGlobal > 0,
  }
  const settings = { tag, noAck, prefetch: channel.prefetch }
  const consumer = new AmqpConsumer(channel, channel.nextConsumerNumber(), settings)
  const ask = (token: number): void =>
    session.broker.consume(session, token, { queue, consumer, options, reading })
  session.call(channel, ask, (outcome) => {
    if (outcome.kind !== 'consuming') return
    consumer.id = outcome.consumer
    channel.addConsumer(consumer)
    if (noWait) return
    writeBasicConsumeOk(session.startMethod(channel.number), tag)
    session.endMethod()
  })
}

/** Short, because every delivery carries it. It need differ only from the others of its channel. [AMQP 1.8.3.3] */
function inventTag(channel: Channel): string {
  for (;;) {
    const tag = `amq.ctag-${channel.number}.${channel.nextConsumerNumber()}`
    if (!channel.consumers.has(tag)) return tag
  }
}

function priorityOf(request: BasicConsume, resource: Resource): number {
  const argument = 'x-priority'
  const field = request.arguments.get(argument)
  if (field === undefined) return 0
  const priority = integerOf(field)
  if (priority !== undefined) return priority
  const reason = `"expected integer, got ${typeName(field)}"`
  throw invalidArgument({ argument, resource, reason })
}

/** Messages that the consumer has not acknowledged stay with the channel. An unknown tag is answered alike. */
function handleCancel(channel: Channel, reader: Reader): void {
  const { session } = channel
  const { consumerTag, noWait } = readBasicCancel(reader)
  const answer = (): void => {
    if (noWait) return
    writeBasicCancelOk(session.startMethod(channel.number), consumerTag)
    session.endMethod()
  }
  const consumer = channel.consumers.get(consumerTag)
  if (consumer === undefined) return answer()
  channel.removeConsumer(consumer)
  session.call(channel, (token) => session.broker.cancel(session, token, consumer.id), answer)
}

function handleGet(channel: Channel, reader: Reader): void {
  const { session } = channel
  const { queue, noAck } = readBasicGet(reader)
  const name = queueName(channel, queue)
  session.call(
    channel,
    (token) => session.broker.get(session, token, name),
    (outcome) => {
      if (outcome.kind === 'got') return sendGot(channel, outcome, noAck)
      writeBasicGetEmpty(session.startMethod(channel.number))
      session.endMethod()
    },
  )
}

function sendGot(channel: Channel, got: Outcome & { kind: 'got' }, noAck: boolean): void {
  const { session } = channel
  const { broker, frameBytesMax } = session
  const message =
    got.message.origin === Origin.amqp
      ? got.message
      : session.translation.message(got.message, broker.formats, frameBytesMax)
  const deliveryTag = ++channel.lastDeliveryTag
  writeBasicGetOk(session.startMethod(channel.number), {
    deliveryTag,
    redelivered: got.redelivered,
    exchange: message.exchange,
    routingKey: message.routingKey,
    messageCount: got.messages,
  })
  session.endMethod()
  writeContent(channel, message)
  session.flow.answered(message.bodyEnd - message.headerStart)
  if (noAck) broker.settle(got.queue, got.sequence)
  else channel.unacked.add(deliveryTag, got.queue, got.sequence, 0)
}

/** All that the channel has not acknowledged goes back to its queues. */
function handleRecover(channel: Channel, method: number, reader: Reader): void {
  const { requeue } = readBasicRecover(reader)
  if (!requeue) throw notImplemented('requeue=false')
  if (channel.lastDeliveryTag > 0) channel.settle(0, true, Settlement.requeue)
  if (method === BasicMethod.recoverAsync) return
  writeBasicRecoverOk(channel.session.startMethod(channel.number))
  channel.session.endMethod()
}
