import type { Logger } from '../../base/log.ts'
import type { Connection, ConnectionHandler } from '../../base/net/connection.ts'
import { DecodeError } from '../../base/reader.ts'
import { Writer } from '../../base/writer.ts'
import type { AlarmListener } from '../../core/alarms.ts'
import type { Action } from '../../core/auth/access-control.ts'
import type { Principal } from '../../core/auth/principal.ts'
import { copyBytes } from '../../core/message.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Heard } from '../../core/subscription/heard.ts'
import type { Subscriber, Subscription } from '../../core/subscription/subscription.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { RedisCaller } from './caller.ts'
import type { Channels } from './channels.ts'
import { MessageFrame, PUSH, shardMessageHead } from './codec/message-frame.ts'
import type { Reply, Resp } from './codec/reply.ts'
import { RequestParser } from './codec/request-parser.ts'
import type { Request } from './codec/request.ts'
import { execute } from './dispatch.ts'
import { denied, printable } from './errors.ts'
import type { RedisHead } from './head.ts'
import { Hold } from './hold.ts'
import { Login } from './login.ts'
import { redisLimits } from './limits.ts'
import { OutputGuard } from './output-guard.ts'
import { Removal } from './removal.ts'
import { ReplyMode } from './reply-mode.ts'
import { EXCHANGE, Subscriptions, type ChannelSubscription } from './subscriptions.ts'
import type { Transaction } from './transaction.ts'

/**
 * One client's connection: its commands in their order, what it listens to, how it ends.
 *
 * An answer is written when its command is done; messages for the client itself that a command of its own causes come behind
 * that command's answer. [as Redis 7.2] Invariant: a command is carried out only while nothing holds the session.
 */
export class Session implements ConnectionHandler, Subscriber, AlarmListener {
  readonly head: RedisHead
  readonly connection: Connection
  readonly log: Logger
  readonly login: Login
  readonly subscriptions: Subscriptions
  resp: Resp = 2
  replyMode: ReplyMode = ReplyMode.on
  database: number = 0
  /** As the client calls itself and its library. */
  name: string = ''
  libraryName: string = ''
  libraryVersion: string = ''
  /** Null but between MULTI and EXEC. */
  transaction: Transaction | null = null
  /** Null until somebody has logged in. */
  caller: RedisCaller | null = null
  lastCommand: string = ''
  readonly connectedMs: number
  activeMs: number
  readonly #id: number
  readonly #parser = new RequestParser()
  readonly #guard: OutputGuard
  readonly #frame = new MessageFrame()
  /** A command that waits until publishers may go on. */
  #waiting: Request | null = null
  /** Messages for this client that its own command has caused; null if none is being carried out. */
  #own: Writer | null = null
  #isCutOff: boolean = false
  #endsAfterReply: boolean = false

  constructor(head: RedisHead, connection: Connection) {
    this.head = head
    this.connection = connection
    const { remoteAddress, remotePort } = connection.endpoint
    const peer = `${remoteAddress}:${remotePort}`
    this.log = head.logger.child({ conn: connection.id, peer })
    this.#id = head.broker.nextId()
    this.connectedMs = head.broker.turn.clock.nowMs()
    this.activeMs = this.connectedMs
    this.subscriptions = new Subscriptions(this)
    this.#guard = new OutputGuard(this)
    this.login = new Login(this)
    this.login.enterAsGuest()
  }

  get principal(): Principal | null {
    return this.caller?.principal ?? null
  }

  /** Of the client's virtual host. */
  get channels(): Channels {
    return this.head.channelsOf((this.caller as RedisCaller).vhost)
  }

  get callerId(): number {
    return this.#id
  }

  get isBlocked(): boolean {
    return this.#waiting !== null
  }

  receive(buffer: Buffer, start: number, end: number, softEnd: number): number {
    try {
      return this.#receive(buffer, start, end, softEnd)
    } catch (error) {
      this.fail(error)
      return end
    }
  }

  #receive(buffer: Buffer, start: number, end: number, softEnd: number): number {
    const { connection } = this
    const parser = this.#parser
    let at = start
    while (at < softEnd && connection.mayGoOn) {
      at = parser.next(buffer, at, end)
      if (!parser.isComplete) {
        connection.bytesNeeded = parser.bytesNeeded
        return at
      }
      this.#carryOut(parser.request)
      if (!connection.open) return end
    }
    connection.bytesNeeded = 1
    return at
  }

  #carryOut(request: Request): void {
    this.activeMs = this.head.broker.turn.nowMs
    this.head.commands++
    this.#own = NONE
    try {
      execute(this, request)
    } finally {
      const own = this.#own
      this.#own = null
      if (own !== NONE) this.#push(own.written())
    }
    if (this.#endsAfterReply) this.end()
  }

  /** Writes an answer to a command. */
  answer(write: (reply: Reply) => void): void {
    const reply = this.head.reply.begin(this.resp)
    write(reply)
    this.send(reply)
  }

  /** Answers with a number, to whoever wants answers. */
  answerInteger(value: number): void {
    if (value > 9) return this.answer((reply) => reply.integer(value))
    const { connection } = this
    const at = connection.room(DIGIT_BYTES)
    connection.outView.setUint32(at, DIGIT_ANSWER + (value << 16))
    connection.outEnd = at + DIGIT_BYTES
    if (this.#guard.answered(DIGIT_BYTES)) this.connection.hold(Hold.output)
  }

  /** Sends what was written, if the client wants answers. */
  send(reply: Reply): void {
    const mode = this.replyMode
    if (mode === ReplyMode.skip) this.replyMode = ReplyMode.on
    if (mode !== ReplyMode.on || reply.bytes === 0) return
    const { connection } = this
    const at = connection.room(reply.bytes)
    reply.copyTo(connection.out, at)
    connection.outEnd = at + reply.bytes
    if (this.#guard.answered(reply.bytes)) this.connection.hold(Hold.output)
  }

  /** As end(), but what its current command answers is still written. */
  endAfterReply(): void {
    this.#endsAfterReply = true
  }

  /** The answer to a subscription or its end, which no reply mode silences. */
  pushSubscribed(what: string, name: string | null, count: number): void {
    const reply = this.head.reply.begin(this.resp)
    reply.push(3)
    reply.bulk(what)
    if (name === null) reply.none()
    else reply.bulk(name)
    reply.integer(count)
    this.#push(reply.written())
    if (this.#guard.answered(reply.bytes)) this.connection.hold(Hold.output)
  }

  pushError(text: string): void {
    const reply = this.head.reply.begin(this.resp)
    reply.error(text)
    this.#push(reply.written())
  }

  #push(bytes: Uint8Array): void {
    this.connection.write(bytes)
    this.#guard.pushed(bytes.length)
  }

  hear(heard: Heard, subscription: Subscription): void {
    const { publication } = heard
    const { passedOn } = this.head
    if (passedOn !== null && passedOn.buffer === publication.body && this.#own === null) {
      return this.#passOn(subscription as ChannelSubscription, passedOn)
    }
    const frame = this.#frame
    frame.channel = publication.address
    frame.channelStart = heard.keyStart
    frame.channelEnd = heard.keyEnd
    frame.body = publication.body
    frame.bodyStart = publication.bodyStart
    frame.bodyEnd = publication.bodyEnd
    this.#deliver((subscription as ChannelSubscription).frameHead, frame)
  }

  /** From its channel on a message is what a plain PUBLISH is: copied in one piece. */
  #passOn({ frameHead, frameHeadView }: ChannelSubscription, request: Request): void {
    const { connection } = this
    if (!connection.open) return
    const start = request.endOf(0) + 2
    const end = request.endOf(2) + 2
    const bytes = frameHead.length + end - start
    const at = connection.room(bytes + COPY_BEYOND_BYTES)
    const { out, outView } = connection
    const { buffer } = request
    const view = this.head.views.of(buffer)
    const to = copyBytes(frameHead, frameHeadView, 0, frameHead.length, out, outView, at)
    if (this.resp === 3) out[at] = PUSH
    connection.outEnd = copyBytes(buffer, view, start, end, out, outView, to)
    this.#guard.pushed(bytes)
  }

  hearShard(frame: MessageFrame): void {
    this.#deliver(shardMessageHead, frame)
  }

  #deliver(frameHead: Buffer, frame: MessageFrame): void {
    const { connection } = this
    if (!connection.open) return
    const bytes = frame.bytesWith(frameHead)
    if (this.#own !== null) return this.#keepOwn(frameHead, frame, bytes)
    const at = connection.room(bytes)
    connection.outEnd = frame.write(frameHead, this.resp, connection.out, at)
    this.#guard.pushed(bytes)
  }

  /** Inside an answer there is no place for a message. */
  #keepOwn(frameHead: Buffer, frame: MessageFrame, bytes: number): void {
    if (this.#own === NONE) this.#own = new Writer(bytes)
    const own = this.#own as Writer
    const at = own.skip(bytes)
    own.position = frame.write(frameHead, this.resp, own.buffer, at)
  }

  /** An answer of the core, to a subscription. */
  complete(outcome: Outcome): void {
    this.guard(() => this.subscriptions.complete(outcome))
  }

  /** Something is short that the command would take: it is carried out when there is enough again, and nothing before it. */
  waitToPublish(request: Request): void {
    this.#waiting = request.copy()
    this.connection.hold(Hold.publish)
    this.head.broker.alarms.listen(this)
  }

  alarmsChanged(): void {
    const { alarms } = this.head.broker
    const request = this.#waiting
    if (alarms.raised !== 0 && this.connection.open) return
    alarms.unlisten(this)
    this.#waiting = null
    if (request === null || !this.connection.open) return
    this.guard(() => this.#carryOut(request))
    this.connection.release(Hold.publish)
  }

  /** Whether the client may listen, or publish. */
  may(action: Action): boolean {
    const { caller } = this
    if (caller === null) return false
    const resource = { kind: 'exchange', vhost: caller.vhost.name, name: EXCHANGE } as const
    return this.head.broker.access.authorize(caller.principal, action, resource)
  }

  /** The client is who it says it is, once what it listens to in another virtual host has ended; nothing is read until then. */
  enter(principal: Principal, vhost: VirtualHost, entered: () => void): void {
    const { caller, connection } = this
    const enter = (): void => {
      this.#parser.isTrusted = true
      this.caller = new RedisCaller(this, principal, vhost)
      entered()
    }
    if (caller === null || caller.vhost === vhost) return enter()
    connection.hold(Hold.names)
    this.endSubscriptions(() => {
      this.guard(enter)
      connection.release(Hold.names)
    })
  }

  /** Nothing is known of the client any more. */
  leave(): void {
    if (this.caller !== null) this.subscriptions.endAll()
    this.#parser.isTrusted = false
    this.caller = null
  }

  drained(): void {
    this.#guard.drained()
    this.connection.release(Hold.output)
  }

  closed(error: Error | null): void {
    if (error !== null) this.log.debug(`connection lost: ${error.message}`)
    this.#release()
    this.head.forget(this)
  }

  /** Gives back all that the connection held in the core. Safe to call again. */
  #release(): void {
    this.login.closed()
    this.#guard.closed()
    this.head.broker.alarms.unlisten(this)
    this.#waiting = null
    if (this.caller !== null) this.endSubscriptions(() => {})
  }

  /** At once if there are few; else in pieces, until which `then` has to wait. */
  endSubscriptions(then: () => void): void {
    const { channels, patterns } = this.subscriptions
    if (channels.size + patterns.size > redisLimits.removalsPerRun) {
      return this.head.broker.turn.schedule(new Removal(this, then))
    }
    this.subscriptions.endAll()
    then()
  }

  /** Runs work of this session that no input caused; what it throws ends this connection alone. */
  guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.fail(error)
    }
  }

  /** The one place where a connection's errors end. */
  fail(error: unknown): void {
    if (error instanceof DecodeError) {
      this.answer((reply) => reply.error(`ERR Protocol error: ${error.message}`))
      return this.close(`protocol error: ${printable(error.message)}`)
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.log.error(`closed by a fault of ours: ${text}`)
    this.connection.destroy()
  }

  /** Nobody could log in from where it is: better told at once than asked for a password that there is not. [as Redis] */
  deny(): void {
    this.answer((reply) => reply.error(denied))
    this.close('it is of another machine, and no user may log in from there')
  }

  /** What was written still goes out. */
  close(reason: string): void {
    this.log.warn(`closed: ${reason}`)
    this.end()
  }

  end(): void {
    this.#release()
    this.connection.end()
  }

  /** At once: whoever it is does not read, or should not be answered. */
  cutOff(reason: string): void {
    if (this.#isCutOff) return
    this.#isCutOff = true
    this.log.warn(`closed: ${reason}`)
    this.connection.destroy()
  }
}

/** What a short copy may write behind its end. */
const COPY_BEYOND_BYTES = 8
/** `:0` CRLF. */
const DIGIT_ANSWER = 0x3a300d0a
const DIGIT_BYTES = 4

/** A command is being carried out and has caused no message yet. */
const NONE = new Writer(0)
