import { Writer } from '../../base/writer.ts'
import { BrokerError } from '../../core/errors.ts'
import { nameAt, routingKeyOf, type Publication } from '../../core/message.ts'
import type { Channel } from './channel.ts'
import { writeBasicReturn } from './codec/basic-methods.ts'
import { FRAME_END, FRAME_OVERHEAD_BYTES, FrameType, ReplyCode } from './codec/constants.ts'
import { endFrame, startFrame } from './codec/frame.ts'
import { applyProperties, ContentState, readBodyBytes, readWord } from './content.ts'
import { AmqpError, amqpErrorFrom } from './errors.ts'

const PUBLISH = { classId: 60, methodId: 40 } as const
/** Class, weight and body size before the property list. */
const HEADER_FIXED_BYTES = 12
const MANDATORY = 1
const IMMEDIATE = 2

/**
 * basic.publish, whose method frame's payload is [start, end) and is followed at `next` by other frames up to `inputEnd`.
 * Returns where it stopped: after the body, if all of the message is in the buffer, which is then copied once,
 * into the log; else at `next`.
 *
 *   class (2) · method (2) · ticket (2) · exchange (shortstr) · routing key (shortstr) · bits (1)
 */
export function receivePublish(
  channel: Channel,
  buffer: Buffer,
  start: number,
  end: number,
  next: number,
  inputEnd: number,
): number {
  // An address of the core's kind: two names, each after its length octet.
  const addressStart = start + 6
  const keyAt = addressStart + 1 + (buffer[addressStart] as number)
  const addressEnd = keyAt < end ? keyAt + 1 + (buffer[keyAt] as number) : end
  if (addressEnd !== end - 1)
    throw new AmqpError(ReplyCode.SYNTAX_ERROR, 'malformed basic.publish').during(PUBLISH)
  const bits = buffer[addressEnd] as number
  if ((bits & IMMEDIATE) !== 0)
    throw new AmqpError(ReplyCode.NOT_IMPLEMENTED, 'immediate=true').during(PUBLISH)
  const content = channel.content
  content.mandatory = (bits & MANDATORY) !== 0
  const headerEnd = frameEnd(channel, FrameType.header, buffer, next, inputEnd)
  if (headerEnd > 0) {
    const bodyBytes = readBodyBytes(buffer, next + 7, headerEnd)
    const bodyStart = headerEnd + 1 + 7
    const bodyEnd =
      bodyBytes === 0
        ? bodyStart
        : frameEnd(channel, FrameType.body, buffer, headerEnd + 1, inputEnd)
    if (bodyEnd === bodyStart + bodyBytes) {
      const publication = channel.session.publication
      // Compared first: storing a reference costs more than a look.
      if (publication.body !== buffer) {
        publication.address = buffer
        publication.header = buffer
        publication.body = buffer
        publication.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
      }
      publication.addressStart = addressStart
      publication.addressEnd = addressEnd
      publication.headerStart = next + 7 + HEADER_FIXED_BYTES
      publication.headerEnd = headerEnd
      publication.bodyStart = bodyStart
      publication.bodyEnd = bodyEnd
      publish(channel, publication)
      return bodyBytes === 0 ? headerEnd + 1 : bodyEnd + 1
    }
  }
  content.begin(buffer, addressStart, addressEnd)
  return next
}

/** End of the payload of the frame at `at`, if it is wholly there, of this type and channel, and sound; else 0. */
function frameEnd(
  channel: Channel,
  type: number,
  buffer: Buffer,
  at: number,
  inputEnd: number,
): number {
  if (inputEnd - at < FRAME_OVERHEAD_BYTES || buffer[at] !== type) return 0
  if ((((buffer[at + 1] as number) << 8) | (buffer[at + 2] as number)) !== channel.number) return 0
  const bytes = readWord(buffer, at + 3)
  const end = at + 7 + bytes
  if (bytes < 0 || end >= inputEnd || buffer[end] !== FRAME_END) return 0
  return bytes > channel.session.frameBytesMax ? 0 : end
}

/** A content header that did not come with its basic.publish. */
export function receiveHeader(channel: Channel, buffer: Buffer, start: number, end: number): void {
  const content = channel.content
  content.bodyBytes = readBodyBytes(buffer, start, end)
  content.keepHeader(buffer, start + HEADER_FIXED_BYTES, end)
  if (content.bodyBytes > 0) return
  content.keepEmptyBody()
  publishGathered(channel)
}

/** A body frame that did not come with its basic.publish. */
export function receiveBody(channel: Channel, buffer: Buffer, start: number, end: number): void {
  if (!channel.content.keepBody(buffer, start, end)) return
  publishGathered(channel)
}

function publishGathered(channel: Channel): void {
  publish(channel, channel.content.publication)
  channel.content.end()
}

/** Hands a whole message to the core; returns it if it was mandatory and reached nobody. */
function publish(channel: Channel, publication: Publication): void {
  const { content, session } = channel
  content.state = ContentState.none
  try {
    session.scan.scan(publication.header, publication.headerStart, publication.headerEnd)
    applyProperties(publication, session.scan, session.user)
    const targets = channel.publisher.publish(publication)
    session.connection.work += targets
    // Before the confirm. [as RabbitMQ]
    if (targets === 0 && content.mandatory) returnMessage(channel, publication)
  } catch (error) {
    if (error instanceof BrokerError) throw amqpErrorFrom(error.code, error.message, PUBLISH)
    if (error instanceof AmqpError) throw error.during(PUBLISH)
    throw error
  }
  if (channel.confirming) channel.published(channel.publisher.safety)
}

function returnMessage(channel: Channel, publication: Publication): void {
  const { session } = channel
  const { address, addressStart } = publication
  writeBasicReturn(session.startMethod(channel.number), {
    replyCode: ReplyCode.NO_ROUTE,
    replyText: 'NO_ROUTE',
    exchange: nameAt(address, addressStart),
    routingKey: routingKeyOf(address, addressStart),
  })
  session.endMethod()
  sendContent(channel, publication)
}

/** The content of a message that is not in the log. */
function sendContent(channel: Channel, publication: Publication): void {
  const { header, headerStart, headerEnd, body, bodyStart, bodyEnd } = publication
  const writer = new Writer(headerEnd - headerStart + bodyEnd - bodyStart + 64)
  const headerFrame = startFrame(writer, FrameType.header, channel.number)
  writer.uint16(PUBLISH.classId)
  writer.uint16(0)
  writer.int64(bodyEnd - bodyStart)
  writer.bytes(header.subarray(headerStart, headerEnd))
  endFrame(writer, headerFrame)
  const bodyMax = channel.session.frameBytesMax - FRAME_OVERHEAD_BYTES
  for (let from = bodyStart; from < bodyEnd; from += bodyMax) {
    const frame = startFrame(writer, FrameType.body, channel.number)
    writer.bytes(body.subarray(from, Math.min(bodyEnd, from + bodyMax)))
    endFrame(writer, frame)
  }
  channel.session.connection.write(writer.written())
  channel.session.flow.answered(writer.position)
}
