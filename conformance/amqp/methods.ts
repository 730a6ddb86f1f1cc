import { Writer } from '../../packages/broker/src/base/writer.ts'
import {
  writeTable,
  type Field,
} from '../../packages/broker/src/protocols/amqp/codec/field-table.ts'
import {
  packBits,
  writeLongstr,
  writeShortstr,
} from '../../packages/broker/src/protocols/amqp/codec/primitives.ts'
import { methodBytes } from './raw-client.ts'

/**
 * Method frames on channel 1 in one line each, where a test wants a field that no client would
 * send. Whole frames of sound methods are codec/client-methods.ts's.
 */
export type Table = Readonly<Record<string, Field>>

/** One argument: a shortstr, or bits that share an octet, or any of the others by its name. */
type Argument =
  | string
  | readonly boolean[]
  | { readonly u16: number }
  | { readonly u32: number }
  | { readonly u64: number }
  | { readonly long: string }
  | { readonly table: Table }

export function method(classId: number, methodId: number, ...args: readonly Argument[]): Buffer {
  const writer = new Writer()
  for (const arg of args) writeArgument(writer, arg)
  return methodBytes({ channel: 1, classId, methodId, args: writer.written() })
}

const TICKET = { u16: 0 } as const

export function exchangeDeclare(
  name: string,
  type: string,
  options: {
    readonly passive?: boolean
    readonly durable?: boolean
    readonly autoDelete?: boolean
    readonly internal?: boolean
    readonly table?: Table
  } = {},
): Buffer {
  const { passive = false, durable = false, autoDelete = false, internal = false } = options
  const bits = [passive, durable, autoDelete, internal, false]
  return method(40, 10, TICKET, name, type, bits, { table: options.table ?? {} })
}

export function exchangeDelete(
  name: string,
  options: { readonly ifUnused?: boolean } = {},
): Buffer {
  return method(40, 20, TICKET, name, [options.ifUnused ?? false, false])
}

export function exchangeBind(destination: string, source: string, key: string): Buffer {
  return method(40, 30, TICKET, destination, source, key, [false], { table: {} })
}

export function exchangeUnbind(destination: string, source: string, key: string): Buffer {
  return method(40, 40, TICKET, destination, source, key, [false], { table: {} })
}

export function queueDeclare(
  name: string,
  options: {
    readonly passive?: boolean
    readonly durable?: boolean
    readonly exclusive?: boolean
    readonly autoDelete?: boolean
    readonly table?: Table
  } = {},
): Buffer {
  const { passive = false, durable = false, exclusive = false, autoDelete = false } = options
  const bits = [passive, durable, exclusive, autoDelete, false]
  return method(50, 10, TICKET, name, bits, { table: options.table ?? {} })
}

export function queueBind(queue: string, exchange: string, key: string, table: Table = {}): Buffer {
  return method(50, 20, TICKET, queue, exchange, key, [false], { table })
}

export function queueUnbind(queue: string, exchange: string, key: string): Buffer {
  return method(50, 50, TICKET, queue, exchange, key, { table: {} })
}

export function queuePurge(queue: string): Buffer {
  return method(50, 30, TICKET, queue, [false])
}

export function queueDelete(
  queue: string,
  options: { readonly ifUnused?: boolean; readonly ifEmpty?: boolean } = {},
): Buffer {
  return method(50, 40, TICKET, queue, [options.ifUnused ?? false, options.ifEmpty ?? false, false])
}

export function basicConsume(
  queue: string,
  options: {
    readonly tag?: string
    readonly noAck?: boolean
    readonly exclusive?: boolean
    readonly table?: Table
  } = {},
): Buffer {
  const { tag = '', noAck = false, exclusive = false, table = {} } = options
  return method(60, 20, TICKET, queue, tag, [false, noAck, exclusive, false], { table })
}

export function basicGet(queue: string): Buffer {
  return method(60, 70, TICKET, queue, [false])
}

export function basicAck(deliveryTag: number, multiple: boolean = false): Buffer {
  return method(60, 80, { u64: deliveryTag }, [multiple])
}

/** The method frame only; contentHeader() and body frames follow. */
export function basicPublish(
  exchange: string,
  key: string,
  options: { readonly mandatory?: boolean; readonly immediate?: boolean } = {},
): Buffer {
  const bits = [options.mandatory ?? false, options.immediate ?? false]
  return method(60, 40, TICKET, exchange, key, bits)
}

function writeArgument(writer: Writer, arg: Argument): void {
  if (typeof arg === 'string') writeShortstr(writer, arg)
  else if ('u16' in arg) writer.uint16(arg.u16)
  else if ('u32' in arg) writer.uint32(arg.u32)
  else if ('u64' in arg) writer.int64(arg.u64)
  else if ('long' in arg) writeLongstr(writer, arg.long)
  else if ('table' in arg) writeTable(writer, new Map(Object.entries(arg.table)))
  else writer.uint8(packBits(...arg))
}
