import type { Reader } from '../../../base/reader.ts'
import type { Writer } from '../../../base/writer.ts'
import { writeCloseArguments } from './connection-methods.ts'
import type { Close } from './connection-methods.ts'
import { AccessMethod, ChannelMethod, ClassId, ConfirmMethod, TxMethod } from './constants.ts'
import {
  bit,
  expectEnd,
  packBits,
  readShortstr,
  writeLongstr,
  writeMethodId,
} from './primitives.ts'

/**
 * Classes channel, access, confirm and tx: what concerns a channel as a whole. channel.close is
 * read by readClose(), and channel.close-ok, tx.select, commit and rollback by readNoArguments().
 */

/** Of channel.flow and flow-ok. */
export interface ChannelFlow {
  readonly active: boolean
}

/** A class of AMQP 0-8 that old clients still use; its answer grants whatever is asked for. */
export interface AccessRequest {
  readonly realm: string
}

export interface ConfirmSelect {
  readonly noWait: boolean
}

/** Makes sure that a method without arguments brings none. */
export function readNoArguments(reader: Reader): void {
  expectEnd(reader)
}

/** Its only argument, out-of-band, must be ignored. */
export function readChannelOpen(reader: Reader): void {
  readShortstr(reader)
  expectEnd(reader)
}

export function readChannelFlow(reader: Reader): ChannelFlow {
  const active = bit(reader.uint8(), 0)
  expectEnd(reader)
  return { active }
}

export function readAccessRequest(reader: Reader): AccessRequest {
  const realm = readShortstr(reader)
  reader.uint8()
  expectEnd(reader)
  return { realm }
}

export function readConfirmSelect(reader: Reader): ConfirmSelect {
  const noWait = bit(reader.uint8(), 0)
  expectEnd(reader)
  return { noWait }
}

export function writeChannelOpenOk(writer: Writer): void {
  writeMethodId(writer, ClassId.channel, ChannelMethod.openOk)
  writeLongstr(writer, '')
}

export function writeChannelFlowOk(writer: Writer, flow: ChannelFlow): void {
  writeMethodId(writer, ClassId.channel, ChannelMethod.flowOk)
  writer.uint8(packBits(flow.active))
}

export function writeChannelClose(writer: Writer, close: Close): void {
  writeMethodId(writer, ClassId.channel, ChannelMethod.close)
  writeCloseArguments(writer, close)
}

export function writeChannelCloseOk(writer: Writer): void {
  writeMethodId(writer, ClassId.channel, ChannelMethod.closeOk)
}

/** Always ticket 1: nobody looks at tickets any more. */
export function writeAccessRequestOk(writer: Writer): void {
  writeMethodId(writer, ClassId.access, AccessMethod.requestOk)
  writer.uint16(1)
}

export function writeConfirmSelectOk(writer: Writer): void {
  writeMethodId(writer, ClassId.confirm, ConfirmMethod.selectOk)
}

export function writeTxSelectOk(writer: Writer): void {
  writeMethodId(writer, ClassId.tx, TxMethod.selectOk)
}

export function writeTxCommitOk(writer: Writer): void {
  writeMethodId(writer, ClassId.tx, TxMethod.commitOk)
}

export function writeTxRollbackOk(writer: Writer): void {
  writeMethodId(writer, ClassId.tx, TxMethod.rollbackOk)
}
