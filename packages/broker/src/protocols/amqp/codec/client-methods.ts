import { DecodeError } from '../../../base/reader.ts'
import type { Reader } from '../../../base/reader.ts'
import type { Writer } from '../../../base/writer.ts'
import {
  BasicMethod,
  ChannelMethod,
  ClassId,
  ConfirmMethod,
  ConnectionMethod,
  ExchangeMethod,
  FRAME_END,
  FrameType,
  PROTOCOL_HEADER,
  QueueMethod,
  TxMethod,
} from './constants.ts'
import { writeContentHeader } from './content-header.ts'
import type { Properties } from './content-header.ts'
import type { BasicAck, BasicConsume, BasicGet, BasicGetOk } from './basic-methods.ts'
import type { BasicNack, BasicPublish, BasicQos, BasicReturn } from './basic-methods.ts'
import type { ChannelFlow } from './channel-methods.ts'
import type { Close, ConnectionStart, ConnectionTune } from './connection-methods.ts'
import { writeCloseArguments } from './connection-methods.ts'
import type { ExchangeDeclare } from './exchange-methods.ts'
import { readTable, writeTable } from './field-table.ts'
import type { FieldTable } from './field-table.ts'
import { endFrame, startFrame } from './frame.ts'
import {
  bit,
  expectEnd,
  packBits,
  readDeliveryTag,
  readLongstr,
  readShortstr,
  writeDeliveryTag,
  writeLongstr,
  writeMethodId,
  writeShortstr,
} from './primitives.ts'
import type { QueueBind, QueueDeclare, QueueDeclareOk, QueueDelete } from './queue-methods.ts'

/**
 * The client's side of the protocol, for the fake peer of our own tests: whole frames out, decoded
 * methods in. The broker does not use it.
 */

export interface Frame {
  readonly type: number
  readonly channel: number
  /** A view of the reader's buffer. */
  readonly payload: Buffer
}

export interface BasicDeliver {
  readonly consumerTag: string
  readonly deliveryTag: number
  readonly redelivered: boolean
  readonly exchange: string
  readonly routingKey: string
}

/** The next frame, or null if it has not arrived whole; then the reader has not moved. */
export function readFrame(reader: Reader): Frame | null {
  const start = reader.position
  if (reader.remaining < 7) return null
  const type = reader.uint8()
  const channel = reader.uint16()
  const bytes = reader.uint32()
  if (reader.remaining < bytes + 1) {
    reader.position = start
    return null
  }
  const payload = reader.view(bytes)
  if (reader.uint8() !== FRAME_END) throw new DecodeError('frame without its end')
  return { type, channel, payload }
}

export function writeProtocolHeader(writer: Writer): void {
  writer.bytes(Uint8Array.from(PROTOCOL_HEADER))
}

export function sendStartOk(
  writer: Writer,
  login: { readonly user: string; readonly password: string; readonly properties: FieldTable },
): void {
  const start = startMethod(writer, 0, ClassId.connection, ConnectionMethod.startOk)
  writeTable(writer, login.properties)
  writeShortstr(writer, 'PLAIN')
  writeLongstr(writer, `\0${login.user}\0${login.password}`)
  writeShortstr(writer, 'en_US')
  endFrame(writer, start)
}

export function sendTuneOk(writer: Writer, tune: ConnectionTune): void {
  const start = startMethod(writer, 0, ClassId.connection, ConnectionMethod.tuneOk)
  writer.uint16(tune.channelMax)
  writer.uint32(tune.frameBytesMax)
  writer.uint16(tune.heartbeatSeconds)
  endFrame(writer, start)
}

export function sendConnectionOpen(writer: Writer, virtualHost: string): void {
  const start = startMethod(writer, 0, ClassId.connection, ConnectionMethod.open)
  writeShortstr(writer, virtualHost)
  writeShortstr(writer, '')
  writer.uint8(packBits(true))
  endFrame(writer, start)
}

export function sendConnectionClose(writer: Writer, close: Close): void {
  const start = startMethod(writer, 0, ClassId.connection, ConnectionMethod.close)
  writeCloseArguments(writer, close)
  endFrame(writer, start)
}

export function sendConnectionCloseOk(writer: Writer): void {
  endFrame(writer, startMethod(writer, 0, ClassId.connection, ConnectionMethod.closeOk))
}

export function sendUpdateSecret(
  writer: Writer,
  update: { readonly newSecret: string; readonly reason: string },
): void {
  const start = startMethod(writer, 0, ClassId.connection, ConnectionMethod.updateSecret)
  writeLongstr(writer, update.newSecret)
  writeShortstr(writer, update.reason)
  endFrame(writer, start)
}

export function sendChannelOpen(writer: Writer, channel: number): void {
  const start = startMethod(writer, channel, ClassId.channel, ChannelMethod.open)
  writeShortstr(writer, '')
  endFrame(writer, start)
}

export function sendChannelFlow(writer: Writer, channel: number, flow: ChannelFlow): void {
  const start = startMethod(writer, channel, ClassId.channel, ChannelMethod.flow)
  writer.uint8(packBits(flow.active))
  endFrame(writer, start)
}

export function sendChannelClose(writer: Writer, channel: number, close: Close): void {
  const start = startMethod(writer, channel, ClassId.channel, ChannelMethod.close)
  writeCloseArguments(writer, close)
  endFrame(writer, start)
}

export function sendChannelCloseOk(writer: Writer, channel: number): void {
  endFrame(writer, startMethod(writer, channel, ClassId.channel, ChannelMethod.closeOk))
}

export function sendExchangeDeclare(
  writer: Writer,
  channel: number,
  declare: ExchangeDeclare,
): void {
  const start = startMethod(writer, channel, ClassId.exchange, ExchangeMethod.declare)
  writer.uint16(0)
  writeShortstr(writer, declare.exchange)
  writeShortstr(writer, declare.type)
  const { passive, durable, autoDelete, internal, noWait } = declare
  writer.uint8(packBits(passive, durable, autoDelete, internal, noWait))
  writeTable(writer, declare.arguments)
  endFrame(writer, start)
}

export function sendQueueDeclare(writer: Writer, channel: number, declare: QueueDeclare): void {
  const start = startMethod(writer, channel, ClassId.queue, QueueMethod.declare)
  writer.uint16(0)
  writeShortstr(writer, declare.queue)
  const { passive, durable, exclusive, autoDelete, noWait } = declare
  writer.uint8(packBits(passive, durable, exclusive, autoDelete, noWait))
  writeTable(writer, declare.arguments)
  endFrame(writer, start)
}

export function sendQueueBind(writer: Writer, channel: number, bind: QueueBind): void {
  const start = startMethod(writer, channel, ClassId.queue, QueueMethod.bind)
  writer.uint16(0)
  writeShortstr(writer, bind.queue)
  writeShortstr(writer, bind.exchange)
  writeShortstr(writer, bind.routingKey)
  writer.uint8(packBits(bind.noWait))
  writeTable(writer, bind.arguments)
  endFrame(writer, start)
}

export function sendQueueDelete(writer: Writer, channel: number, deletion: QueueDelete): void {
  const start = startMethod(writer, channel, ClassId.queue, QueueMethod.delete)
  writer.uint16(0)
  writeShortstr(writer, deletion.queue)
  writer.uint8(packBits(deletion.ifUnused, deletion.ifEmpty, deletion.noWait))
  endFrame(writer, start)
}

export function sendBasicQos(writer: Writer, channel: number, qos: BasicQos): void {
  const start = startMethod(writer, channel, ClassId.basic, BasicMethod.qos)
  writer.uint32(qos.prefetchBytes)
  writer.uint16(qos.prefetchCount)
  writer.uint8(packBits(qos.global))
  endFrame(writer, start)
}

export function sendBasicConsume(writer: Writer, channel: number, consume: BasicConsume): void {
  const start = startMethod(writer, channel, ClassId.basic, BasicMethod.consume)
  writer.uint16(0)
  writeShortstr(writer, consume.queue)
  writeShortstr(writer, consume.consumerTag)
  writer.uint8(packBits(consume.noLocal, consume.noAck, consume.exclusive, consume.noWait))
  writeTable(writer, consume.arguments)
  endFrame(writer, start)
}

export function sendBasicCancel(writer: Writer, channel: number, consumerTag: string): void {
  const start = startMethod(writer, channel, ClassId.basic, BasicMethod.cancel)
  writeShortstr(writer, consumerTag)
  writer.uint8(0)
  endFrame(writer, start)
}

export function sendBasicGet(writer: Writer, channel: number, get: BasicGet): void {
  const start = startMethod(writer, channel, ClassId.basic, BasicMethod.get)
  writer.uint16(0)
  writeShortstr(writer, get.queue)
  writer.uint8(packBits(get.noAck))
  endFrame(writer, start)
}

export interface Publication extends BasicPublish {
  readonly properties: Properties
  readonly body: Uint8Array
  /** The negotiated frame_max: the body is cut to fit. */
  readonly frameBytesMax: number
}

/** Method, header and as many body frames as it takes: none for an empty body. */
export function sendBasicPublish(writer: Writer, channel: number, publication: Publication): void {
  const { body } = publication
  const method = startMethod(writer, channel, ClassId.basic, BasicMethod.publish)
  writer.uint16(0)
  writeShortstr(writer, publication.exchange)
  writeShortstr(writer, publication.routingKey)
  writer.uint8(packBits(publication.mandatory, publication.immediate))
  endFrame(writer, method)
  const header = startFrame(writer, FrameType.header, channel)
  writeContentHeader(writer, { bodyBytes: body.length, properties: publication.properties })
  endFrame(writer, header)
  const step = publication.frameBytesMax - 8
  for (let at = 0; at < body.length; at += step) {
    const start = startFrame(writer, FrameType.body, channel)
    writer.bytes(body.subarray(at, at + step))
    endFrame(writer, start)
  }
}

export function sendBasicAck(writer: Writer, channel: number, ack: BasicAck): void {
  const start = startMethod(writer, channel, ClassId.basic, BasicMethod.ack)
  writeDeliveryTag(writer, ack.deliveryTag)
  writer.uint8(packBits(ack.multiple))
  endFrame(writer, start)
}

export function sendBasicNack(writer: Writer, channel: number, nack: BasicNack): void {
  const start = startMethod(writer, channel, ClassId.basic, BasicMethod.nack)
  writeDeliveryTag(writer, nack.deliveryTag)
  writer.uint8(packBits(nack.multiple, nack.requeue))
  endFrame(writer, start)
}

export function sendBasicReject(
  writer: Writer,
  channel: number,
  reject: { readonly deliveryTag: number; readonly requeue: boolean },
): void {
  const start = startMethod(writer, channel, ClassId.basic, BasicMethod.reject)
  writeDeliveryTag(writer, reject.deliveryTag)
  writer.uint8(packBits(reject.requeue))
  endFrame(writer, start)
}

export function sendConfirmSelect(writer: Writer, channel: number): void {
  const start = startMethod(writer, channel, ClassId.confirm, ConfirmMethod.select)
  writer.uint8(0)
  endFrame(writer, start)
}

/** tx.select, tx.commit or tx.rollback. */
export function sendTx(writer: Writer, channel: number, methodId: TxMethod): void {
  endFrame(writer, startMethod(writer, channel, ClassId.tx, methodId))
}

export function readConnectionStart(reader: Reader): ConnectionStart {
  reader.skip(2)
  const serverProperties = readTable(reader)
  const mechanisms = readLongstr(reader).toString()
  const locales = readLongstr(reader).toString()
  expectEnd(reader)
  return { serverProperties, mechanisms, locales }
}

export function readConnectionTune(reader: Reader): ConnectionTune {
  const channelMax = reader.uint16()
  const frameBytesMax = reader.uint32()
  const heartbeatSeconds = reader.uint16()
  expectEnd(reader)
  return { channelMax, frameBytesMax, heartbeatSeconds }
}

export function readQueueDeclareOk(reader: Reader): QueueDeclareOk {
  const queue = readShortstr(reader)
  const messageCount = reader.uint32()
  const consumerCount = reader.uint32()
  expectEnd(reader)
  return { queue, messageCount, consumerCount }
}

/** Of queue.purge-ok and queue.delete-ok. */
export function readMessageCount(reader: Reader): number {
  const messageCount = reader.uint32()
  expectEnd(reader)
  return messageCount
}

/** Of basic.consume-ok and basic.cancel-ok. */
export function readConsumerTag(reader: Reader): string {
  const consumerTag = readShortstr(reader)
  expectEnd(reader)
  return consumerTag
}

export function readBasicDeliver(reader: Reader): BasicDeliver {
  const consumerTag = readShortstr(reader)
  const deliveryTag = readDeliveryTag(reader)
  const redelivered = bit(reader.uint8(), 0)
  const exchange = readShortstr(reader)
  const routingKey = readShortstr(reader)
  expectEnd(reader)
  return { consumerTag, deliveryTag, redelivered, exchange, routingKey }
}

export function readBasicGetOk(reader: Reader): BasicGetOk {
  const deliveryTag = readDeliveryTag(reader)
  const redelivered = bit(reader.uint8(), 0)
  const exchange = readShortstr(reader)
  const routingKey = readShortstr(reader)
  const messageCount = reader.uint32()
  expectEnd(reader)
  return { deliveryTag, redelivered, exchange, routingKey, messageCount }
}

export function readBasicReturn(reader: Reader): BasicReturn {
  const replyCode = reader.uint16()
  const replyText = readShortstr(reader)
  const exchange = readShortstr(reader)
  const routingKey = readShortstr(reader)
  expectEnd(reader)
  return { replyCode, replyText, exchange, routingKey }
}

/** Starts a method frame on a channel; endFrame() ends it. */
export function startMethod(
  writer: Writer,
  channel: number,
  classId: ClassId,
  methodId: number,
): number {
  const start = startFrame(writer, FrameType.method, channel)
  writeMethodId(writer, classId, methodId)
  return start
}
