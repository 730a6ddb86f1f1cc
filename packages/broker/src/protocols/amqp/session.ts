import type { Logger } from '../../base/log.ts'
import type { Connection, ConnectionHandler } from '../../base/net/connection.ts'
import { DecodeError, Reader } from '../../base/reader.ts'
import { Timer } from '../../base/timers.ts'
import { Writer } from '../../base/writer.ts'
import type { Principal } from '../../core/auth/principal.ts'
import type { Broker, MemoryListener } from '../../core/broker.ts'
import { StoredMessage } from '../../core/message.ts'
import type { Caller, Outcome } from '../../core/outcome.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { Channel } from './channel.ts'
import { writeChannelClose } from './codec/channel-methods.ts'
import {
  writeConnectionBlocked,
  writeConnectionClose,
  writeConnectionUnblocked,
} from './codec/connection-methods.ts'
import {
  FRAME_END,
  FRAME_OVERHEAD_BYTES,
  FrameType,
  PROTOCOL_HEADER,
  ReplyCode,
} from './codec/constants.ts'
import { endFrame, startFrame } from './codec/frame.ts'
import { PropertyScan } from './codec/property-scan.ts'
import { ContentState, readWord, unexpectedContent } from './content.ts'
import {
  channelNotOpen,
  frameTooLarge,
  invalidFrameEnd,
  unexpectedFrame,
  unknownFrame,
} from './connection-errors.ts'
import { AmqpError, amqpErrorFrom, internalError, undecodable, type MethodIds } from './errors.ts'
import { dispatch } from './handlers/dispatch.ts'
import { Heartbeat } from './heartbeat.ts'
import { amqpLimits } from './limits.ts'
import { receiveBody, receiveHeader, receivePublish } from './publish.ts'
import { noTraits, SessionState, type ClientTraits } from './session-state.ts'
import { receiveProtocolHeader } from './handshake.ts'

const METHOD_PUBLISH = (60 << 16) | 40
const METHOD_ACK = (60 << 16) | 80
const NO_METHOD: MethodIds = { classId: 0, methodId: 0 }
const PUBLISH: MethodIds = { classId: 60, methodId: 40 }
const ACK: MethodIds = { classId: 60, methodId: 80 }
/** The payload of a basic.ack has always this length: whatever has another is the decoder's business. */
const ACK_BYTES = 13

/**
 * One AMQP 0-9-1 connection.
 *
 * Frames are worked through in order; a method that asks the core something holds the rest until the answer has come,
 * so that what follows a failed declare is not carried out. Publishes and acknowledgements wait for nothing.
 * Errors end here: a channel's closes that channel, all others this connection, none the broker.
 */
export class Session implements ConnectionHandler, Caller, MemoryListener {
  readonly id: number
  readonly broker: Broker
  readonly connection: Connection
  readonly log: Logger
  state: SessionState = SessionState.protocolHeader
  client: ClientTraits = noTraits
  /** Largest frame either side sends. */
  frameBytesMax: number = amqpLimits.frameBytesMaxBeforeTune
  channelMax: number = amqpLimits.channelMax
  user: { readonly name: string; readonly mayImpersonate: boolean } = {
    name: '',
    mayImpersonate: false,
  }
  readonly channels: Map<number, Channel> = new Map()
  readonly scan: PropertyScan = new PropertyScan()
  readonly message: StoredMessage = new StoredMessage()
  readonly reader: Reader = new Reader(Buffer.alloc(0))
  readonly heartbeat: Heartbeat
  /** Runs out if a phase of the handshake or the close takes too long. */
  readonly deadline: Timer
  readonly #writer = new Writer()
  #frameStart: number = 0
  #principal: Principal | null = null
  #vhost: VirtualHost | null = null
  /** The one call to the core whose answer the rest of the input waits for. */
  #pending: PendingCall | null = null
  #lastChannel: Channel | null = null
  #method: MethodIds = NO_METHOD
  /** The client was stopped at a publish because memory is full. */
  #blocked: boolean = false
  #toldBlocked: boolean = false
  #released: boolean = false

  readonly #onClosed: () => void

  /** `onClosed` is called once, when the socket is gone. */
  constructor(broker: Broker, connection: Connection, onClosed: () => void) {
    this.#onClosed = onClosed
    this.id = broker.nextId()
    this.broker = broker
    this.connection = connection
    const { remoteAddress, remotePort } = connection.endpoint
    this.log = broker.logger.child({
      sub: 'amqp',
      conn: connection.id,
      peer: `${remoteAddress}:${remotePort}`,
    })
    const { timers } = broker
    this.heartbeat = new Heartbeat(connection, {
      timers,
      log: this.log,
      dead: () => this.#peerDied(),
    })
    this.deadline = new Timer(() => this.#deadlinePassed())
    broker.timers.set(this.deadline, amqpLimits.handshakeMs)
    connection.bytesNeeded = PROTOCOL_HEADER.length
  }

  get principal(): Principal {
    return this.#principal as Principal
  }

  get vhost(): VirtualHost {
    return this.#vhost as VirtualHost
  }

  /** Who has logged in. */
  loggedIn(principal: Principal): void {
    this.#principal = principal
    const mayImpersonate = this.broker.access.authorize(principal, 'impersonate', {
      kind: 'broker',
    })
    this.user = { name: principal.name, mayImpersonate }
  }

  /** The virtual host is open: the handshake is over. */
  opened(vhost: VirtualHost): void {
    this.#vhost = vhost
    this.state = SessionState.running
    this.broker.timers.clear(this.deadline)
    this.broker.onMemoryChange(this)
  }

  receive(buffer: Buffer, start: number, end: number, softEnd: number): number {
    let at = start
    if (this.state === SessionState.protocolHeader) {
      at = receiveProtocolHeader(this, buffer, start, end)
      if (this.state === SessionState.protocolHeader) return at
    }
    const { connection } = this
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
        bytes > this.frameBytesMax + amqpLimits.frameBytesSlack - FRAME_OVERHEAD_BYTES
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
      // Stopped before this frame: publishers wait for memory.
      if (stopped === at) return at
      at = stopped
      if (connection.held || !connection.open) break
    }
    return at
  }

  #receiveFrame(buffer: Buffer, at: number, next: number, end: number): number {
    let stopped = next
    let channel: Channel | null = null
    this.#method = NO_METHOD
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
      if (this.state >= SessionState.closing) return this.#receiveWhileClosing(buffer, at, next)
      channel = number === 0 ? null : this.#channel(number)
      if (type === FrameType.method)
        stopped = this.#receiveMethod(channel, number, buffer, at, next, end)
      else if (type === FrameType.header || type === FrameType.body) {
        this.#receiveContent(channel, number, type, buffer, at + 7, next - 1)
      } else
        throw unknownFrame({ type: type as number, payload: buffer.subarray(at + 7, next - 1) })
    } catch (error) {
      this.fail(error, channel)
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
        this.#method = PUBLISH
        throw unexpectedContent(channel.content.state)
      }
      if (method === METHOD_PUBLISH) {
        this.#method = PUBLISH
        if (this.broker.memory.full) return this.#waitForMemory(at)
        return receivePublish(channel, buffer, start, next - 1, next, end)
      }
      if (method === METHOD_ACK && next - 1 - start === ACK_BYTES) {
        this.#method = ACK
        const tag = buffer.readUInt32BE(start + 4) * 2 ** 32 + buffer.readUInt32BE(start + 8)
        channel.settle(tag, (buffer[start + 12] as number) !== 0, 0)
        return next
      }
    }
    this.#method = { classId: method >>> 16, methodId: method & 0xffff }
    dispatch(this, channel, number, this.#method, this.reader.reset(buffer, start + 4, next - 1))
    return next
  }

  #receiveContent(
    channel: Channel | null,
    number: number,
    type: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    if (channel === null) {
      if (number === 0) throw unexpectedFrame({ type, payload: buffer.subarray(start, end) })
      throw channelNotOpen()
    }
    if (channel.closing) return
    const { state } = channel.content
    if (state !== ContentState.none) this.#method = PUBLISH
    if (type === FrameType.header && state === ContentState.header)
      receiveHeader(channel, buffer, start, end)
    else if (type === FrameType.body && state === ContentState.body)
      receiveBody(channel, buffer, start, end)
    else throw unexpectedContent(state)
  }

  /** Only the answer to our connection.close matters; a client may also have closed at the same time. */
  #receiveWhileClosing(buffer: Buffer, at: number, next: number): number {
    if (buffer[at] !== FrameType.method || next - at < 12) return next
    const method = buffer.readInt32BE(at + 7)
    if (method === ((10 << 16) | 51)) this.end()
    else if (method === ((10 << 16) | 50)) {
      dispatch(
        this,
        null,
        0,
        { classId: 10, methodId: 50 },
        this.reader.reset(buffer, at + 11, next - 1),
      )
    }
    return next
  }

  #channel(number: number): Channel | null {
    if (this.#lastChannel !== null && this.#lastChannel.number === number) return this.#lastChannel
    const channel = this.channels.get(number) ?? null
    if (channel !== null) this.#lastChannel = channel
    return channel
  }

  openChannel(number: number): void {
    this.channels.set(number, new Channel(this, number))
  }

  /** The number may be used again at once. */
  forgetChannel(channel: Channel): void {
    this.channels.delete(channel.number)
    if (this.#lastChannel === channel) this.#lastChannel = null
  }

  /** Asks the core something and holds all further input until `answered` has the answer. */
  call(
    channel: Channel | null,
    ask: (token: number) => void,
    answered: (outcome: Outcome) => void,
  ): void {
    this.#pending = { channel, method: this.#method, answered }
    this.connection.hold()
    ask(1)
  }

  complete(_token: number, outcome: Outcome): void {
    const pending = this.#pending
    this.#pending = null
    if (pending === null || this.#released) return this.#giveBack(outcome)
    this.connection.release()
    this.#method = pending.method
    try {
      if (outcome.kind === 'failed') {
        throw amqpErrorFrom(outcome.error.code, outcome.error.message, pending.method)
      }
      pending.answered(outcome)
    } catch (error) {
      this.fail(error, pending.channel)
    }
  }

  /** The answer came too late: what it gave has no owner any more. */
  #giveBack(outcome: Outcome): void {
    if (outcome.kind === 'consuming') this.broker.cancel(this, 0, outcome.consumer)
    else if (outcome.kind === 'got') this.broker.requeue(outcome.queue, outcome.sequence)
  }

  /** Begins a method frame; the caller writes the method and then calls endMethod. */
  startMethod(channel: number): Writer {
    this.#writer.position = 0
    this.#frameStart = startFrame(this.#writer, FrameType.method, channel)
    return this.#writer
  }

  endMethod(): void {
    endFrame(this.#writer, this.#frameStart)
    this.connection.write(this.#writer.written())
  }

  /** The one place where an error ends: it is answered, logged once, and costs as little as it may. */
  fail(error: unknown, channel: Channel | null): void {
    // It has been told once what it did wrong: a peer must not fill the log with what it sends after.
    if (!this.connection.open || this.state >= SessionState.closing) return
    const amqpError = this.#translate(error)
    this.log.warn(amqpError.message, { ...this.#method, scope: amqpError.scope, ...causeOf(error) })
    if (this.state < SessionState.running) return this.failHandshake(amqpError)
    if (amqpError.scope === 'channel' && channel !== null) {
      channel.close()
      writeChannelClose(this.startMethod(channel.number), closeOf(amqpError))
      this.endMethod()
    } else this.closeConnection(amqpError)
  }

  #translate(error: unknown): AmqpError {
    if (error instanceof AmqpError) {
      return error.classId === 0 ? error.during(this.#method) : error
    }
    if (error instanceof DecodeError) return undecodable(error, this.#method)
    return internalError().during(this.#method)
  }

  /** Says why, waits a moment for close-ok, and ends. Everything that the connection held is given back at once. */
  closeConnection(error: AmqpError): void {
    writeConnectionClose(this.startMethod(0), closeOf(error))
    this.endMethod()
    this.state = SessionState.closing
    this.releaseAll()
    this.connection.release()
    this.broker.timers.set(this.deadline, CLOSE_OK_MS)
  }

  /**
   * Before a login, who does not speak the protocol is told nothing, as by RabbitMQ; who asked for
   * a mechanism that there is not, is told so, where RabbitMQ closes the socket after three seconds.
   */
  failHandshake(error: AmqpError): void {
    const isTold = this.state >= SessionState.tuneOk || error.code === ReplyCode.COMMAND_INVALID
    if (isTold) this.closeConnection(error)
    else this.end()
  }

  /** The connection is done with: what was written still goes out. */
  end(): void {
    this.state = SessionState.ended
    this.releaseAll()
    this.connection.end()
  }

  /** Nobody is there to be told anything. */
  #peerDied(): void {
    this.state = SessionState.ended
    this.releaseAll()
    this.connection.destroy()
  }

  drained(): void {
    for (const channel of this.channels.values()) channel.wakeConsumers()
  }

  closed(error: Error | null): void {
    if (this.state === SessionState.running) {
      const why =
        error === null ? 'client closed the socket without connection.close' : error.message
      this.log.info(why)
    }
    this.state = SessionState.ended
    this.releaseAll()
    this.#onClosed()
  }

  /** Gives back all that the connection held in the core. Safe to call again. */
  releaseAll(): void {
    if (this.#released) return
    this.#released = true
    this.broker.timers.clear(this.deadline)
    this.heartbeat.stop()
    this.broker.offMemoryChange(this)
    for (const channel of this.channels.values()) channel.close()
    this.channels.clear()
    this.#lastChannel = null
    if (this.#vhost !== null) this.broker.disconnect(this)
  }

  /** Stops reading at a publish; acknowledgements that came before it have been taken. */
  #waitForMemory(at: number): number {
    this.#blocked = true
    this.connection.hold()
    if (this.client.connectionBlocked && !this.#toldBlocked) {
      this.#toldBlocked = true
      writeConnectionBlocked(this.startMethod(0), 'low on memory')
      this.endMethod()
    }
    return at
  }

  memoryChanged(): void {
    if (this.broker.memory.full || !this.#blocked || !this.connection.open) return
    this.#blocked = false
    if (this.#toldBlocked) {
      this.#toldBlocked = false
      writeConnectionUnblocked(this.startMethod(0))
      this.endMethod()
    }
    this.connection.release()
  }

  #frameTooLarge(type: number, payloadBytes: number): void {
    const payloadBytesMax = this.frameBytesMax - FRAME_OVERHEAD_BYTES
    this.#method = NO_METHOD
    this.fail(frameTooLarge({ type, payloadBytes, payloadBytesMax }), null)
    // Where the next frame begins cannot be known: nothing more is read.
    if (this.connection.open) this.end()
  }

  #deadlinePassed(): void {
    if (this.state < SessionState.running) {
      this.log.warn('handshake took longer than 10 s: connection closed', { state: this.state })
    }
    this.end()
  }
}

/** How long a client has to answer connection.close. */
const CLOSE_OK_MS = 1000

interface PendingCall {
  readonly channel: Channel | null
  readonly method: MethodIds
  readonly answered: (outcome: Outcome) => void
}

function closeOf(error: AmqpError): {
  replyCode: number
  replyText: string
  classId: number
  methodId: number
} {
  return {
    replyCode: error.code,
    replyText: error.message,
    classId: error.classId,
    methodId: error.methodId,
  }
}

/** A fault of ours is logged with its stack; the peer is told only that there was one. */
function causeOf(error: unknown): { cause?: string } {
  if (error instanceof AmqpError || error instanceof DecodeError) return {}
  return { cause: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}

function badFrameEnd(buffer: Buffer, at: number, next: number): AmqpError {
  const type = buffer[at] as number
  const marker = buffer[next - 1] as number
  return invalidFrameEnd({ type, payload: buffer.subarray(at + 7, next - 1), marker })
}
