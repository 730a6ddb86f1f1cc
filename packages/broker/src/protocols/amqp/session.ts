import type { Logger } from '../../base/log.ts'
import type { Connection, ConnectionHandler } from '../../base/net/connection.ts'
import { DecodeError } from '../../base/reader.ts'
import { Timer } from '../../base/timers.ts'
import { Writer } from '../../base/writer.ts'
import type { Principal } from '../../core/auth/principal.ts'
import type { Broker } from '../../core/broker.ts'
import { Origin, Publication } from '../../core/message.ts'
import type { Caller, Outcome } from '../../core/outcome.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { Channel } from './channel.ts'
import { writeChannelClose } from './codec/channel-methods.ts'
import { writeConnectionClose } from './codec/connection-methods.ts'
import { FrameType, PROTOCOL_HEADER, ReplyCode } from './codec/constants.ts'
import { endFrame, startFrame } from './codec/frame.ts'
import { PropertyScan } from './codec/property-scan.ts'
import { AmqpError, amqpErrorFrom, internalError, undecodable, type MethodIds } from './errors.ts'
import { Flow, Hold } from './flow.ts'
import { FrameInput, NO_METHOD } from './frame-input.ts'
import { receiveProtocolHeader } from './handshake.ts'
import { Heartbeat } from './heartbeat.ts'
import { amqpLimits } from './limits.ts'
import { noTraits, SessionState, type ClientTraits } from './session-state.ts'
import { Translation } from './translation.ts'

/**
 * One AMQP 0-9-1 connection: who it is, what it holds in the core, how it ends.
 *
 * Frames are worked through in order (frame-input.ts); a method that asks the core something holds the rest until the answer has come,
 * so that what follows a failed declare is not carried out. Publishes and acknowledgements wait for nothing.
 * Errors end here: a channel's closes that channel, all others this connection, none the broker.
 */
export class Session implements ConnectionHandler, Caller {
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
  /** A message that came in one piece: its parts lie in the input and are not kept. */
  readonly publication: Publication = new Publication(Origin.amqp)
  readonly flow: Flow
  readonly heartbeat: Heartbeat
  /** Runs out if a phase of the handshake or the close takes too long. */
  readonly deadline: Timer
  readonly #input: FrameInput
  readonly #writer = new Writer()
  #frameStart: number = 0
  #principal: Principal | null = null
  #vhost: VirtualHost | null = null
  /** The one call to the core whose answer the rest of the input waits for. */
  #pending: PendingCall | null = null
  #released: boolean = false

  #translation: Translation | null = null
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
    this.flow = new Flow(this)
    this.#input = new FrameInput(this)
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

  /** Most connections never need one. */
  get translation(): Translation {
    this.#translation ??= new Translation()
    return this.#translation
  }

  get principal(): Principal {
    return this.#principal as Principal
  }

  /** Whether the handshake has got that far. */
  get hasVhost(): boolean {
    return this.#vhost !== null
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
  }

  receive(buffer: Buffer, start: number, end: number, softEnd: number): number {
    let at = start
    if (this.state === SessionState.protocolHeader) {
      at = receiveProtocolHeader(this, buffer, start, end)
      if (this.state === SessionState.protocolHeader) return at
    }
    return this.#input.receive(buffer, at, end, softEnd)
  }

  openChannel(number: number): void {
    this.channels.set(number, new Channel(this, number))
  }

  /** The number may be used again at once. */
  forgetChannel(channel: Channel): void {
    this.channels.delete(channel.number)
    this.#input.forget(channel)
  }

  /** Asks the core something and holds all further input until `answered` has the answer. */
  call(
    channel: Channel | null,
    ask: (token: number) => void,
    answered: (outcome: Outcome) => void,
  ): void {
    this.#pending = { channel, method: this.#input.method, answered }
    this.connection.hold(Hold.call)
    ask(1)
  }

  complete(_token: number, outcome: Outcome): void {
    const pending = this.#pending
    this.#pending = null
    if (pending === null || this.#released) return this.#giveBack(outcome)
    this.connection.release(Hold.call)
    this.#input.method = pending.method
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
    this.flow.answered(this.#writer.position)
  }

  /** The one place where an error ends: it is answered, logged once, and costs as little as it may. */
  fail(error: unknown, channel: Channel | null): void {
    // It has been told once what it did wrong: a peer must not fill the log with what it sends after.
    if (!this.connection.open || this.state >= SessionState.closing) return
    const amqpError = this.#translate(error)
    const fields = { ...this.#input.method, scope: amqpError.scope }
    if (isPeersFault(error)) this.log.warn(amqpError.message, fields)
    else this.log.error(amqpError.message, { ...fields, stack: stackOf(error) })
    if (this.state < SessionState.running) return this.failHandshake(amqpError)
    if (amqpError.scope === 'channel' && channel !== null) {
      channel.close()
      writeChannelClose(this.startMethod(channel.number), closeOf(amqpError))
      this.endMethod()
    } else this.closeConnection(amqpError)
  }

  /** As fail, of what no input has caused. */
  fault(error: unknown): void {
    this.#input.method = NO_METHOD
    this.fail(error, null)
  }

  #translate(error: unknown): AmqpError {
    if (error instanceof AmqpError) {
      return error.classId === 0 ? error.during(this.#input.method) : error
    }
    if (error instanceof DecodeError) return undecodable(error, this.#input.method)
    return internalError().during(this.#input.method)
  }

  /** Says why, waits a moment for close-ok, and ends. Everything that the connection held is given back at once. */
  closeConnection(error: AmqpError): void {
    writeConnectionClose(this.startMethod(0), closeOf(error))
    this.endMethod()
    this.state = SessionState.closing
    this.releaseAll()
    // What still comes is only looked through for the client's answer.
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
    this.flow.drained()
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
    // Set anew by closeConnection(): it would keep the session for a second after its socket.
    this.broker.timers.clear(this.deadline)
    this.#onClosed()
  }

  /** Gives back all that the connection held in the core. Safe to call again. */
  releaseAll(): void {
    if (this.#released) return
    this.#released = true
    this.broker.timers.clear(this.deadline)
    this.heartbeat.stop()
    this.flow.closed()
    for (const channel of this.channels.values()) channel.close()
    this.channels.clear()
    if (this.#vhost !== null) this.broker.disconnect(this)
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

function isPeersFault(error: unknown): boolean {
  return error instanceof AmqpError || error instanceof DecodeError
}

/** A fault of ours is logged with its stack; the peer is told only that there was one. */
function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
