import type { Reader } from '../../../base/reader.ts'
import type { Writer } from '../../../base/writer.ts'
import { BasicMethod, ClassId } from './constants.ts'
import { readTable } from './field-table.ts'
import type { FieldTable } from './field-table.ts'
import {
  bit,
  expectEnd,
  packBits,
  readDeliveryTag,
  readName,
  readShortstr,
  readShortstrLoosely,
  writeDeliveryTag,
  writeMethodId,
  writeReplyText,
  writeShortstr,
} from './primitives.ts'

/**
 * Class basic, as a server sees it, but for basic.deliver: the session writes that one, and reads
 * publish and ack, by hand where it is busy. Tickets are skipped.
 */

export interface BasicQos {
  readonly prefetchBytes: number
  readonly prefetchCount: number
  readonly global: boolean
}

export interface BasicConsume {
  readonly queue: string
  readonly consumerTag: string
  readonly noLocal: boolean
  readonly noAck: boolean
  readonly exclusive: boolean
  readonly noWait: boolean
  readonly arguments: FieldTable
}

export interface BasicCancel {
  readonly consumerTag: string
  readonly noWait: boolean
}

export interface BasicPublish {
  readonly exchange: string
  readonly routingKey: string
  readonly mandatory: boolean
  readonly immediate: boolean
}

export interface BasicGet {
  readonly queue: string
  readonly noAck: boolean
}

/** Of what a client acknowledges, and of what we confirm. Tag 0 with multiple means all so far. */
export interface BasicAck {
  readonly deliveryTag: number
  readonly multiple: boolean
}

export interface BasicNack {
  readonly deliveryTag: number
  readonly multiple: boolean
  readonly requeue: boolean
}

export interface BasicReject {
  readonly deliveryTag: number
  readonly requeue: boolean
}

/** Of basic.recover and basic.recover-async. */
export interface BasicRecover {
  readonly requeue: boolean
}

export interface BasicReturn {
  readonly replyCode: number
  readonly replyText: string
  readonly exchange: string
  readonly routingKey: string
}

export interface BasicGetOk {
  readonly deliveryTag: number
  readonly redelivered: boolean
  readonly exchange: string
  readonly routingKey: string
  readonly messageCount: number
}

export function readBasicQos(reader: Reader): BasicQos {
  const prefetchBytes = reader.uint32()
  const prefetchCount = reader.uint16()
  const global = bit(reader.uint8(), 0)
  expectEnd(reader)
  return { prefetchBytes, prefetchCount, global }
}

export function readBasicConsume(reader: Reader): BasicConsume {
  reader.skip(2)
  const queue = readName(reader)
  const consumerTag = readShortstr(reader)
  const bits = reader.uint8()
  const table = readTable(reader)
  expectEnd(reader)
  return {
    queue,
    consumerTag,
    noLocal: bit(bits, 0),
    noAck: bit(bits, 1),
    exclusive: bit(bits, 2),
    noWait: bit(bits, 3),
    arguments: table,
  }
}

export function readBasicCancel(reader: Reader): BasicCancel {
  const consumerTag = readShortstr(reader)
  const noWait = bit(reader.uint8(), 0)
  expectEnd(reader)
  return { consumerTag, noWait }
}

/** The client's answer to a basic.cancel of ours: the consumer tag. */
export function readBasicCancelOk(reader: Reader): string {
  const consumerTag = readShortstr(reader)
  expectEnd(reader)
  return consumerTag
}

/** RabbitMQ, too, neither checks these two for UTF-8 nor strips them: the method is a busy one. */
export function readBasicPublish(reader: Reader): BasicPublish {
  reader.skip(2)
  const exchange = readShortstrLoosely(reader)
  const routingKey = readShortstrLoosely(reader)
  const bits = reader.uint8()
  expectEnd(reader)
  return { exchange, routingKey, mandatory: bit(bits, 0), immediate: bit(bits, 1) }
}

export function readBasicGet(reader: Reader): BasicGet {
  reader.skip(2)
  const queue = readName(reader)
  const noAck = bit(reader.uint8(), 0)
  expectEnd(reader)
  return { queue, noAck }
}

export function readBasicAck(reader: Reader): BasicAck {
  const deliveryTag = readDeliveryTag(reader)
  const multiple = bit(reader.uint8(), 0)
  expectEnd(reader)
  return { deliveryTag, multiple }
}

export function readBasicNack(reader: Reader): BasicNack {
  const deliveryTag = readDeliveryTag(reader)
  const bits = reader.uint8()
  expectEnd(reader)
  return { deliveryTag, multiple: bit(bits, 0), requeue: bit(bits, 1) }
}

export function readBasicReject(reader: Reader): BasicReject {
  const deliveryTag = readDeliveryTag(reader)
  const requeue = bit(reader.uint8(), 0)
  expectEnd(reader)
  return { deliveryTag, requeue }
}

export function readBasicRecover(reader: Reader): BasicRecover {
  const requeue = bit(reader.uint8(), 0)
  expectEnd(reader)
  return { requeue }
}

export function writeBasicQosOk(writer: Writer): void {
  writeMethodId(writer, ClassId.basic, BasicMethod.qosOk)
}

export function writeBasicConsumeOk(writer: Writer, consumerTag: string): void {
  writeMethodId(writer, ClassId.basic, BasicMethod.consumeOk)
  writeShortstr(writer, consumerTag)
}

/** Sent to clients that announced consumer_cancel_notify. It asks for no answer, as RabbitMQ's. */
export function writeBasicCancel(writer: Writer, consumerTag: string): void {
  writeMethodId(writer, ClassId.basic, BasicMethod.cancel)
  writeShortstr(writer, consumerTag)
  writer.uint8(packBits(true))
}

export function writeBasicCancelOk(writer: Writer, consumerTag: string): void {
  writeMethodId(writer, ClassId.basic, BasicMethod.cancelOk)
  writeShortstr(writer, consumerTag)
}

export function writeBasicReturn(writer: Writer, returned: BasicReturn): void {
  writeMethodId(writer, ClassId.basic, BasicMethod.return)
  writer.uint16(returned.replyCode)
  writeReplyText(writer, returned.replyText)
  writeShortstr(writer, returned.exchange)
  writeShortstr(writer, returned.routingKey)
}

export function writeBasicGetOk(writer: Writer, got: BasicGetOk): void {
  writeMethodId(writer, ClassId.basic, BasicMethod.getOk)
  writeDeliveryTag(writer, got.deliveryTag)
  writer.uint8(packBits(got.redelivered))
  writeShortstr(writer, got.exchange)
  writeShortstr(writer, got.routingKey)
  writer.uint32(got.messageCount)
}

export function writeBasicGetEmpty(writer: Writer): void {
  writeMethodId(writer, ClassId.basic, BasicMethod.getEmpty)
  writeShortstr(writer, '')
}

export function writeBasicRecoverOk(writer: Writer): void {
  writeMethodId(writer, ClassId.basic, BasicMethod.recoverOk)
}

export function writeBasicAck(writer: Writer, ack: BasicAck): void {
  writeMethodId(writer, ClassId.basic, BasicMethod.ack)
  writeDeliveryTag(writer, ack.deliveryTag)
  writer.uint8(packBits(ack.multiple))
}

/** A message of a publisher that was not taken. Requeue means nothing here; RabbitMQ sets it. */
export function writeBasicNack(writer: Writer, nack: BasicAck): void {
  writeMethodId(writer, ClassId.basic, BasicMethod.nack)
  writeDeliveryTag(writer, nack.deliveryTag)
  writer.uint8(packBits(nack.multiple, true))
}
