import type { Connection } from '../../base/net/connection.ts'
import type { Delivery } from '../../core/consumer.ts'
import { copyBytes, type StoredMessage } from '../../core/message.ts'
import type { Channel } from './channel.ts'
import { FRAME_END, FRAME_OVERHEAD_BYTES, FrameType } from './codec/constants.ts'

/*
 * basic.deliver, its content header and its body, written straight into the socket's buffer:
 *
 *   1 · channel · bytes · [ class · method · consumer tag ] · delivery tag (8) · redelivered (1)
 *                       · exchange (shortstr) · routing key (shortstr) · CE
 *   2 · channel · bytes · class (2) · weight (2) · body bytes (8) · property list · CE
 *   3 · channel · bytes · body … · CE      as often as frame_max makes necessary
 *
 * Numbers go through a DataView: one store where octets would be four or eight.
 */
const TAG_AND_FLAG_BYTES = 9
const HEADER_FIXED_BYTES = 12
const CLASS_BASIC = 60
const METHOD_DELIVER = 60

/** Class, method and consumer tag of every basic.deliver to one consumer. */
export class DeliverHead {
  readonly bytes: Buffer
  readonly view: DataView

  constructor(consumerTag: string) {
    const tag = Buffer.from(consumerTag)
    this.bytes = Buffer.from([0, CLASS_BASIC, 0, METHOD_DELIVER, tag.length, ...tag])
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length)
  }
}

/**
 * Writes one message to its consumer: the only copy of the body between the log and the socket's buffer.
 * A message that fits one body frame is written in one go, for one check of the room.
 */
export function writeDelivery(
  channel: Channel,
  head: DeliverHead,
  tag: number,
  delivery: Delivery,
): void {
  const { connection, frameBytesMax } = channel.session
  const message = delivery.message
  const { addressStart, headerStart } = message
  const method = head.bytes.length + TAG_AND_FLAG_BYTES + headerStart - addressStart
  const content = message.bodyEnd - headerStart + HEADER_FIXED_BYTES
  const isShort = message.bodyEnd - message.bodyStart <= frameBytesMax - FRAME_OVERHEAD_BYTES
  const at = connection.room(method + (isShort ? content : 0) + 4 * FRAME_OVERHEAD_BYTES)
  const out = connection.out
  const view = connection.outView
  let to = startFrame(view, at, FrameType.method, channel.number, method)
  to = copyBytes(head.bytes, head.view, 0, head.bytes.length, out, view, to)
  to = writeU64(view, to, tag)
  out[to] = delivery.redelivered ? 1 : 0
  // Names are stored as they stand on the wire.
  to = copyBytes(message.buffer, message.view, addressStart, headerStart, out, view, to + 1)
  out[to++] = FRAME_END
  if (isShort) to = writeShortContent(connection, to, channel.number, message)
  connection.outEnd = to
  if (!isShort) writeContent(channel, message)
}

/** Writes the content header and body frames of a message; whatever method they belong to is written before. */
export function writeContent(channel: Channel, message: StoredMessage): void {
  const { connection, frameBytesMax } = channel.session
  const header = HEADER_FIXED_BYTES + message.bodyStart - message.headerStart
  const body = message.bodyEnd - message.bodyStart
  const bodyMax = frameBytesMax - FRAME_OVERHEAD_BYTES
  if (body <= bodyMax) {
    const at = connection.room(header + body + 3 * FRAME_OVERHEAD_BYTES)
    connection.outEnd = writeShortContent(connection, at, channel.number, message)
    return
  }
  const at = connection.room(header + 2 * FRAME_OVERHEAD_BYTES)
  connection.outEnd = writeHeader(connection, at, channel.number, message)
  writeLongBody(connection, channel.number, message, bodyMax)
}

function writeShortContent(
  connection: Connection,
  at: number,
  channel: number,
  message: StoredMessage,
): number {
  const to = writeHeader(connection, at, channel, message)
  const body = message.bodyEnd - message.bodyStart
  if (body === 0) return to
  const start = startFrame(connection.outView, to, FrameType.body, channel, body)
  const { out, outView } = connection
  const { buffer, view, bodyStart, bodyEnd } = message
  const end = copyBytes(buffer, view, bodyStart, bodyEnd, out, outView, start)
  out[end] = FRAME_END
  return end + 1
}

function writeHeader(
  connection: Connection,
  at: number,
  channel: number,
  message: StoredMessage,
): number {
  const { out, outView: view } = connection
  const header = HEADER_FIXED_BYTES + message.bodyStart - message.headerStart
  let to = startFrame(view, at, FrameType.header, channel, header)
  view.setUint32(to, CLASS_BASIC << 16)
  to = writeU64(view, to + 4, message.bodyEnd - message.bodyStart)
  to = copyBytes(
    message.buffer,
    message.view,
    message.headerStart,
    message.bodyStart,
    out,
    view,
    to,
  )
  out[to] = FRAME_END
  return to + 1
}

function writeLongBody(
  connection: Connection,
  channel: number,
  message: StoredMessage,
  bytesMax: number,
): void {
  for (let from = message.bodyStart; from < message.bodyEnd; from += bytesMax) {
    const end = Math.min(message.bodyEnd, from + bytesMax)
    const at = connection.room(end - from + FRAME_OVERHEAD_BYTES)
    let to = startFrame(connection.outView, at, FrameType.body, channel, end - from)
    to += message.buffer.copy(connection.out, to, from, end)
    connection.out[to] = FRAME_END
    connection.outEnd = to + 1
  }
}

/** Writes type, channel and payload size in two stores; the second's last octet is overwritten by the payload. */
function startFrame(
  view: DataView,
  at: number,
  type: number,
  channel: number,
  bytes: number,
): number {
  view.setUint32(at, (type << 24) | (channel << 8) | (bytes >>> 24))
  view.setUint32(at + 4, bytes << 8)
  return at + 7
}

function writeU64(view: DataView, at: number, value: number): number {
  view.setUint32(at, value > 0xffffffff ? Math.floor(value / 2 ** 32) : 0)
  view.setUint32(at + 4, value)
  return at + 8
}
