import type { Reader } from '../../../base/reader.ts'
import type { Writer } from '../../../base/writer.ts'
import { ClassId, ExchangeMethod } from './constants.ts'
import { readTable } from './field-table.ts'
import type { FieldTable } from './field-table.ts'
import { bit, expectEnd, readName, readShortstr, writeMethodId } from './primitives.ts'

/** Class exchange, as a server sees it. The ticket that each method begins with is skipped. */

export interface ExchangeDeclare {
  readonly exchange: string
  readonly type: string
  readonly passive: boolean
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly internal: boolean
  readonly noWait: boolean
  readonly arguments: FieldTable
}

export interface ExchangeDelete {
  readonly exchange: string
  readonly ifUnused: boolean
  readonly noWait: boolean
}

/** Of exchange.bind and exchange.unbind. Messages flow from source to destination. */
export interface ExchangeBind {
  readonly destination: string
  readonly source: string
  readonly routingKey: string
  readonly noWait: boolean
  readonly arguments: FieldTable
}

export function readExchangeDeclare(reader: Reader): ExchangeDeclare {
  reader.skip(2)
  const exchange = readName(reader)
  const type = readShortstr(reader)
  const bits = reader.uint8()
  const table = readTable(reader)
  expectEnd(reader)
  return {
    exchange,
    type,
    passive: bit(bits, 0),
    durable: bit(bits, 1),
    autoDelete: bit(bits, 2),
    internal: bit(bits, 3),
    noWait: bit(bits, 4),
    arguments: table,
  }
}

export function readExchangeDelete(reader: Reader): ExchangeDelete {
  reader.skip(2)
  const exchange = readName(reader)
  const bits = reader.uint8()
  expectEnd(reader)
  return { exchange, ifUnused: bit(bits, 0), noWait: bit(bits, 1) }
}

export function readExchangeBind(reader: Reader): ExchangeBind {
  reader.skip(2)
  const destination = readName(reader)
  const source = readName(reader)
  const routingKey = readShortstr(reader)
  const noWait = bit(reader.uint8(), 0)
  const table = readTable(reader)
  expectEnd(reader)
  return { destination, source, routingKey, noWait, arguments: table }
}

/** Its arguments are those of exchange.bind. */
export function readExchangeUnbind(reader: Reader): ExchangeBind {
  return readExchangeBind(reader)
}

export function writeExchangeDeclareOk(writer: Writer): void {
  writeMethodId(writer, ClassId.exchange, ExchangeMethod.declareOk)
}

export function writeExchangeDeleteOk(writer: Writer): void {
  writeMethodId(writer, ClassId.exchange, ExchangeMethod.deleteOk)
}

export function writeExchangeBindOk(writer: Writer): void {
  writeMethodId(writer, ClassId.exchange, ExchangeMethod.bindOk)
}

export function writeExchangeUnbindOk(writer: Writer): void {
  writeMethodId(writer, ClassId.exchange, ExchangeMethod.unbindOk)
}
