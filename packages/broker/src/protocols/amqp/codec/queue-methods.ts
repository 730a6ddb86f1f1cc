import type { Reader } from '../../../base/reader.ts'
import type { Writer } from '../../../base/writer.ts'
import { ClassId, QueueMethod } from './constants.ts'
import { readTable } from './field-table.ts'
import type { FieldTable } from './field-table.ts'
import {
  bit,
  expectEnd,
  readName,
  readShortstr,
  writeMethodId,
  writeShortstr,
} from './primitives.ts'

/**
 * Class queue, as a server sees it. The ticket that each method begins with is skipped. An empty
 * queue name stands for the queue last declared on the channel, and in queue.declare for a new one.
 */

export interface QueueDeclare {
  readonly queue: string
  readonly passive: boolean
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly noWait: boolean
  readonly arguments: FieldTable
}

export interface QueueBind {
  readonly queue: string
  readonly exchange: string
  readonly routingKey: string
  readonly noWait: boolean
  readonly arguments: FieldTable
}

/** The one method of this class that is always answered. */
export interface QueueUnbind {
  readonly queue: string
  readonly exchange: string
  readonly routingKey: string
  readonly arguments: FieldTable
}

export interface QueuePurge {
  readonly queue: string
  readonly noWait: boolean
}

export interface QueueDelete {
  readonly queue: string
  readonly ifUnused: boolean
  readonly ifEmpty: boolean
  readonly noWait: boolean
}

export interface QueueDeclareOk {
  readonly queue: string
  readonly messageCount: number
  readonly consumerCount: number
}

export function readQueueDeclare(reader: Reader): QueueDeclare {
  reader.skip(2)
  const queue = readName(reader)
  const bits = reader.uint8()
  const table = readTable(reader)
  expectEnd(reader)
  return {
    queue,
    passive: bit(bits, 0),
    durable: bit(bits, 1),
    exclusive: bit(bits, 2),
    autoDelete: bit(bits, 3),
    noWait: bit(bits, 4),
    arguments: table,
  }
}

export function readQueueBind(reader: Reader): QueueBind {
  reader.skip(2)
  const queue = readName(reader)
  const exchange = readName(reader)
  const routingKey = readShortstr(reader)
  const noWait = bit(reader.uint8(), 0)
  const table = readTable(reader)
  expectEnd(reader)
  return { queue, exchange, routingKey, noWait, arguments: table }
}

export function readQueueUnbind(reader: Reader): QueueUnbind {
  reader.skip(2)
  const queue = readName(reader)
  const exchange = readName(reader)
  const routingKey = readShortstr(reader)
  const table = readTable(reader)
  expectEnd(reader)
  return { queue, exchange, routingKey, arguments: table }
}

export function readQueuePurge(reader: Reader): QueuePurge {
  reader.skip(2)
  const queue = readName(reader)
  const noWait = bit(reader.uint8(), 0)
  expectEnd(reader)
  return { queue, noWait }
}

export function readQueueDelete(reader: Reader): QueueDelete {
  reader.skip(2)
  const queue = readName(reader)
  const bits = reader.uint8()
  expectEnd(reader)
  return { queue, ifUnused: bit(bits, 0), ifEmpty: bit(bits, 1), noWait: bit(bits, 2) }
}

export function writeQueueDeclareOk(writer: Writer, declared: QueueDeclareOk): void {
  writeMethodId(writer, ClassId.queue, QueueMethod.declareOk)
  writeShortstr(writer, declared.queue)
  writer.uint32(declared.messageCount)
  writer.uint32(declared.consumerCount)
}

export function writeQueueBindOk(writer: Writer): void {
  writeMethodId(writer, ClassId.queue, QueueMethod.bindOk)
}

export function writeQueueUnbindOk(writer: Writer): void {
  writeMethodId(writer, ClassId.queue, QueueMethod.unbindOk)
}

export function writeQueuePurgeOk(writer: Writer, messageCount: number): void {
  writeMethodId(writer, ClassId.queue, QueueMethod.purgeOk)
  writer.uint32(messageCount)
}

export function writeQueueDeleteOk(writer: Writer, messageCount: number): void {
  writeMethodId(writer, ClassId.queue, QueueMethod.deleteOk)
  writer.uint32(messageCount)
}
