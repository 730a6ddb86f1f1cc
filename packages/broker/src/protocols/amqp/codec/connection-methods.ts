import type { Reader } from '../../../base/reader.ts'
import type { Writer } from '../../../base/writer.ts'
import { ClassId, ConnectionMethod } from './constants.ts'
import { readTable, writeTable } from './field-table.ts'
import type { FieldTable } from './field-table.ts'
import {
  expectEnd,
  readLongstr,
  readShortstr,
  writeLongstr,
  writeMethodId,
  writeReplyText,
  writeShortstr,
} from './primitives.ts'

/**
 * Class connection, as a server sees it. Decoders start after the method id and consume the rest
 * of the reader; encoders write class id, method id and arguments, and no frame around them.
 */

/** What a server offers first. */
export interface ConnectionStart {
  readonly serverProperties: FieldTable
  /** SASL mechanisms with a space between them. */
  readonly mechanisms: string
  readonly locales: string
}

export interface ConnectionStartOk {
  readonly clientProperties: FieldTable
  readonly mechanism: string
  readonly response: Buffer
  readonly locale: string
}

export interface ConnectionSecureOk {
  readonly response: Buffer
}

/** What a server proposes and what the client makes of it; 0 means no limit, or no heartbeat. */
export interface ConnectionTune {
  readonly channelMax: number
  readonly frameBytesMax: number
  readonly heartbeatSeconds: number
}

export interface ConnectionOpen {
  readonly virtualHost: string
}

/** Of a connection or a channel. The ids name the method that failed; both are 0 for none. */
export interface Close {
  readonly replyCode: number
  readonly replyText: string
  readonly classId: number
  readonly methodId: number
}

export interface ConnectionUpdateSecret {
  readonly newSecret: Buffer
  readonly reason: string
}

export function readConnectionStartOk(reader: Reader): ConnectionStartOk {
  const clientProperties = readTable(reader)
  const mechanism = readShortstr(reader)
  const response = readLongstr(reader)
  const locale = readShortstr(reader)
  expectEnd(reader)
  return { clientProperties, mechanism, response, locale }
}

export function readConnectionSecureOk(reader: Reader): ConnectionSecureOk {
  const response = readLongstr(reader)
  expectEnd(reader)
  return { response }
}

export function readConnectionTuneOk(reader: Reader): ConnectionTune {
  const channelMax = reader.uint16()
  const frameBytesMax = reader.uint32()
  const heartbeatSeconds = reader.uint16()
  expectEnd(reader)
  return { channelMax, frameBytesMax, heartbeatSeconds }
}

/** The two arguments after the virtual host, capabilities and insist, have no meaning any more. */
export function readConnectionOpen(reader: Reader): ConnectionOpen {
  const virtualHost = readShortstr(reader)
  readShortstr(reader)
  reader.uint8()
  expectEnd(reader)
  return { virtualHost }
}

/** Also channel.close, whose arguments are the same. */
export function readClose(reader: Reader): Close {
  const replyCode = reader.uint16()
  const replyText = readShortstr(reader)
  const classId = reader.uint16()
  const methodId = reader.uint16()
  expectEnd(reader)
  return { replyCode, replyText, classId, methodId }
}

export function readConnectionUpdateSecret(reader: Reader): ConnectionUpdateSecret {
  const newSecret = readLongstr(reader)
  const reason = readShortstr(reader)
  expectEnd(reader)
  return { newSecret, reason }
}

export function writeConnectionStart(writer: Writer, start: ConnectionStart): void {
  writeMethodId(writer, ClassId.connection, ConnectionMethod.start)
  writer.uint8(0)
  writer.uint8(9)
  writeTable(writer, start.serverProperties)
  writeLongstr(writer, start.mechanisms)
  writeLongstr(writer, start.locales)
}

export function writeConnectionSecure(writer: Writer, challenge: Uint8Array): void {
  writeMethodId(writer, ClassId.connection, ConnectionMethod.secure)
  writeLongstr(writer, challenge)
}

export function writeConnectionTune(writer: Writer, tune: ConnectionTune): void {
  writeMethodId(writer, ClassId.connection, ConnectionMethod.tune)
  writer.uint16(tune.channelMax)
  writer.uint32(tune.frameBytesMax)
  writer.uint16(tune.heartbeatSeconds)
}

export function writeConnectionOpenOk(writer: Writer): void {
  writeMethodId(writer, ClassId.connection, ConnectionMethod.openOk)
  writeShortstr(writer, '')
}

export function writeConnectionClose(writer: Writer, close: Close): void {
  writeMethodId(writer, ClassId.connection, ConnectionMethod.close)
  writeCloseArguments(writer, close)
}

export function writeConnectionCloseOk(writer: Writer): void {
  writeMethodId(writer, ClassId.connection, ConnectionMethod.closeOk)
}

export function writeConnectionBlocked(writer: Writer, reason: string): void {
  writeMethodId(writer, ClassId.connection, ConnectionMethod.blocked)
  writeReplyText(writer, reason)
}

export function writeConnectionUnblocked(writer: Writer): void {
  writeMethodId(writer, ClassId.connection, ConnectionMethod.unblocked)
}

export function writeConnectionUpdateSecretOk(writer: Writer): void {
  writeMethodId(writer, ClassId.connection, ConnectionMethod.updateSecretOk)
}

/** What follows the method id in connection.close and channel.close. */
export function writeCloseArguments(writer: Writer, close: Close): void {
  writer.uint16(close.replyCode)
  writeReplyText(writer, close.replyText)
  writer.uint16(close.classId)
  writer.uint16(close.methodId)
}
