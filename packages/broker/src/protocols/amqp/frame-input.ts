import { Reader } from '../../base/reader.ts'
import { Alarm, type Alarms } from '../../core/alarms.ts'
import type { Channel } from './channel.ts'
import { FRAME_END, FRAME_OVERHEAD_BYTES, FrameType } from './codec/constants.ts'
import {
  channelNotOpen,
  frameTooLarge,
  invalidFrameEnd,
  unexpectedFrame,
  unknownFrame,
} from './connection-errors.ts'
import { ContentState, readWord, unexpectedContent } from './content.ts'
import { type AmqpError, type MethodIds } from './errors.ts'
import { dispatch } from './handlers/dispatch.ts'
import { amqpLimits } from './limits.ts'
import { receiveBody, receiveHeader, receivePublish } from './publish.ts'
import { SessionState } from './session-state.ts'
import type { Session } from './session.ts'

const METHOD_PUBLISH = (60 << 16) | 40
const METHOD_ACK = (60 << 16) | 80
const METHOD_CLOSE = (10 << 16) | 50
const METHOD_CLOSE_OK = (10 << 16) | 51
export const NO_METHOD: MethodIds = { classId: 0, methodId: 0 }
const PUBLISH: MethodIds = { classId: 60, methodId: 40 }
const ACK: MethodIds = { classId: 60, methodId: 80 }
const CLOSE: MethodIds = { classId: 10, methodId: 50 }
/** The payload of a basic.ack has always this length: whatever has another is the decoder's business. */
const ACK_BYTES = 13

/**
 * What comes in after the protocol header: frames, one after the other, each to whom it concerns.
 *
 * Publishes and acknowledgements, which are nearly all of it, are taken here without being decoded into objects; other methods go
 * to handlers/. An error of any of them ends in session.fail().
 */
export class FrameInput {
  /** The method that is being carried out, for errors to name it. */
  method: MethodIds = NO_METHOD
  readonly #session: Session
  readonly #alarms: Alarms
  readonly #reader: Reader = new Reader(Buffer.alloc(0))
  #lastChannel: Channel | null = null

  constructor(session: Session) {
    this.#session = session
    this.#alarms = session.broker.alarms
  }

  /** As ConnectionHandler.receive. */
  receive(buffer: Buffer, start: number, end: number, softEnd: number): number {
    const session = this.#session
    const { connection } = session
    let at = start
    // Room for the next frame's header at least; a whole frame once its size is known.
    connection.bytesNeeded = 1
    while (at < softEnd) {
      if (end - at < FRAME_OVERHEAD_BYTES) {
        connection.bytesNeeded = FRAME_OVERHEAD_BYTES
        break
      }
      const bytes = readWord(buffer, at + 3)
      if (
        bytes < 0 ||
        bytes > session.frameBytesMax + amqpLimits.frameBytesSlack - FRAME_OVERHEAD_BYTES
      ) {
        this.#frameTooLarge(buffer[at] as number, bytes >>> 0)
        return end
      }
      const next = at + bytes + FRAME_OVERHEAD_BYTES
      if (next > end) {
        connection.bytesNeeded = next - at
        break
      }
      const stopped = this.#receiveFrame(buffer, at, next, end)
      // Stopped before this frame: publishers wait.
      if (stopped === at) return at
      at = stopped
      if (!connection.mayGoOn) break
    }
    return at
  }

  /** The channel's number may be another channel's from now on. */
  forget(channel: Channel): void {
    if (this.#lastChannel === channel) this.#lastChannel = null
  }

  /** Returns where it stopped: `next` or, with a publish, behind all of it; `at` if the frame has to wait. */
  #receiveFrame(buffer: Buffer, at: number, next: number, end: number): number {
    let stopped = next
    let channel: Channel | null = null
    this.method = NO_METHOD
    try {
      if (buffer[next - 1] !== FRAME_END) throw badFrameEnd(buffer, at, next)
      const type = buffer[at]
      const number = ((buffer[at + 1] as number) << 8) | (buffer[at + 2] as number)
      if (type === FrameType.heartbeat) {
        const payload = buffer.subarray(at + 7, next - 1)
        if (number !== 0) throw unexpectedFrame({ type, payload })
        if (payload.length > 0) throw unknownFrame({ type, payload })
        return next
      }
      if (this.#session.state >= SessionState.closing)
        return this.#receiveWhileClosing(buffer, at, next)
      channel = number === 0 ? null : this.#channel(number)
      if (type === FrameType.method)
        stopped = this.#receiveMethod(channel, number, buffer, at, next, end)
      else if (type === FrameType.header || type === FrameType.body)
        stopped = this.#receiveContent(channel, number, buffer, at, next)
      else throw unknownFrame({ type: type as number, payload: buffer.subarray(at + 7, next - 1) })
    } catch (error) {
      this.#session.fail(error, channel)
    }
    return stopped
  }

  #receiveMethod(
    channel: Channel | null,
    number: number,
    buffer: Buffer,
    at: number,
    next: number,
    end: number,
  ): number {
    const start = at + 7
    if (next - start < 5) {
      throw unknownFrame({ type: FrameType.method, payload: buffer.subarray(start, next - 1) })
    }
    const method = readWord(buffer, start)
    if (channel !== null && !channel.closing) {
      if (channel.content.state !== ContentState.none) {
        this.method = PUBLISH
        throw unexpectedContent(channel.content.state)
      }
      if (method === METHOD_PUBLISH) {
        this.method = PUBLISH
        if (this.#alarms.raised === 0)
          return receivePublish(channel, buffer, start, next - 1, next, end)
        this.#session.flow.waitToPublish()
        return at
      }
      if (method === METHOD_ACK && next - 1 - start === ACK_BYTES) {
        this.method = ACK
        const tag = buffer.readUInt32BE(start + 4) * 2 ** 32 + buffer.readUInt32BE(start + 8)
        channel.settle(tag, (buffer[start + 12] as number) !== 0, 0)
        return next
      }
    }
    this.method = { classId: method >>> 16, methodId: method & 0xffff }
    const reader = this.#reader.reset(buffer, start + 4, next - 1)
    dispatch(this.#session, channel, number, this.method, reader)
    return next
  }

  #receiveContent(
    channel: Channel | null,
    number: number,
    buffer: Buffer,
    at: number,
    next: number,
  ): number {
    const type = buffer[at] as number
    const start = at + 7
    if (channel === null) {
      if (number === 0) throw unexpectedFrame({ type, payload: buffer.subarray(start, next - 1) })
      throw channelNotOpen()
    }
    if (channel.closing) return next
    const { state } = channel.content
    if (state !== ContentState.none) this.method = PUBLISH
    // The journal has room for one message that has begun, not for one of every client's.
    const isJournalFull = (this.#alarms.raised & Alarm.journal) !== 0
    if (isJournalFull || this.#session.flow.isGatheringTooMuch) {
      this.#session.flow.waitToPublish()
      return at
    }
    if (type === FrameType.header && state === ContentState.header)
      receiveHeader(channel, buffer, start, next - 1)
    else if (type === FrameType.body && state === ContentState.body)
      receiveBody(channel, buffer, start, next - 1)
    else throw unexpectedContent(state)
    return next
  }

  /** Only the answer to our connection.close matters; a client may also have closed at the same time. */
  #receiveWhileClosing(buffer: Buffer, at: number, next: number): number {
    if (buffer[at] !== FrameType.method || next - at < 12) return next
    const method = readWord(buffer, at + 7)
    if (method === METHOD_CLOSE_OK) this.#session.end()
    else if (method === METHOD_CLOSE)
      dispatch(this.#session, null, 0, CLOSE, this.#reader.reset(buffer, at + 11, next - 1))
    return next
  }

  #channel(number: number): Channel | null {
    if (this.#lastChannel !== null && this.#lastChannel.number === number) return this.#lastChannel
    const channel = this.#session.channels.get(number) ?? null
    if (channel !== null) this.#lastChannel = channel
    return channel
  }

  #frameTooLarge(type: number, payloadBytes: number): void {
    const session = this.#session
    const payloadBytesMax = session.frameBytesMax - FRAME_OVERHEAD_BYTES
    this.method = NO_METHOD
    session.fail(frameTooLarge({ type, payloadBytes, payloadBytesMax }), null)
    // Where the next frame begins cannot be known: nothing more is read.
    if (session.connection.open) session.end()
  }
}

function badFrameEnd(buffer: Buffer, at: number, next: number): AmqpError {
  const type = buffer[at] as number
  const marker = buffer[next - 1] as number
  return invalidFrameEnd({ type, payload: buffer.subarray(at + 7, next - 1), marker })
}
