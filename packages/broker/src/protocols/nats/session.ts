import type { Logger } from '../../base/log.ts'
import type { Connection, ConnectionHandler } from '../../base/net/connection.ts'
import { TLS_HANDSHAKE } from '../../base/net/tls.ts'
import { DecodeError } from '../../base/reader.ts'
import type { Task } from '../../base/turn.ts'
import type { Principal } from '../../core/auth/principal.ts'
import type { Caller, Outcome } from '../../core/outcome.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { defaultOptions, type ConnectOptions } from './codec/connect-options.ts'
import { parseSize, TOO_LONG, Verb } from './codec/control-line.ts'
import { errorLine, OK, PONG } from './codec/server-lines.ts'
import {
  controlLineExceeded,
  INTERNAL_TEXT,
  NatsError,
  staleConnection,
  tlsNotServed,
  unknownOperation,
} from './errors.ts'
import { EndReason } from './end-reason.ts'
import { Flow, Hold } from './flow.ts'
import type { NatsHead } from './head.ts'
import { KeepAlive } from './keep-alive.ts'
import { natsLimits } from './limits.ts'
import { Login } from './login.ts'
import { OutputWatch } from './output-watch.ts'
import { printable } from './printable.ts'
import { Publishing } from './publishing.ts'
import { Subscribing } from './subscribing.ts'
import { ClientSubscriptions } from './subscriptions.ts'
import { Traffic } from './traffic.ts'

/**
 * One NATS connection: who it is, what it is subscribed to, how it ends.
 *
 * Lines are worked through in order and answered in order: what would be answered before a subscription is waits for that one's answer.
 * Errors end here: most close this connection, none the broker.
 */
export class Session implements ConnectionHandler, Caller {
  readonly id: number
  readonly head: NatsHead
  readonly connection: Connection
  readonly log: Logger
  readonly flow: Flow
  readonly watch: OutputWatch
  readonly subscriptions: ClientSubscriptions
  options: ConnectOptions = defaultOptions
  readonly traffic: Traffic = new Traffic()
  /** When something came of it last, by the clock that only grows. */
  lastActiveMs: number
  /** Why it is over, in nats-server's words where it has any. */
  endReason: string = EndReason.client
  readonly #login: Login
  readonly #keepAlive: KeepAlive
  readonly #subscribing: Subscribing
  #publishing: Publishing | null = null
  #principal: Principal | null = null
  #vhost: VirtualHost | null = null
  #isOver: boolean = false
  #hasRefused: boolean = false

  constructor(head: NatsHead, connection: Connection) {
    const { broker } = head
    const { remoteAddress, remotePort } = connection.endpoint
    this.head = head
    this.connection = connection
    this.id = broker.nextId()
    this.lastActiveMs = broker.turn.nowMs
    this.log = head.logger.child({ conn: connection.id, peer: `${remoteAddress}:${remotePort}` })
    this.flow = new Flow(connection, broker.alarms)
    this.subscriptions = new ClientSubscriptions(this)
    this.#subscribing = new Subscribing(this)
    const { timers } = broker
    const { limits } = head
    const slow = (why: string, reason: EndReason): void => this.#slow(why, reason)
    this.watch = new OutputWatch(connection, { timers, limits, slow })
    this.#keepAlive = new KeepAlive(connection, {
      timers,
      limits,
      stale: () => this.fail(staleConnection()),
    })
    this.#login = new Login(this)
    // Where TLS is, INFO came before it.
    if (!connection.encrypted) connection.write(head.infoFor(connection))
  }

  /** Whether somebody has logged in, or was let in without. */
  get isIn(): boolean {
    return this.#principal !== null
  }

  get principal(): Principal {
    return this.#principal as Principal
  }

  get vhost(): VirtualHost {
    return this.#vhost as VirtualHost
  }

  /** How long a PING of ours took to come back, ms; null before the first. */
  get roundTripMs(): number | null {
    return this.#keepAlive.roundTripMs
  }

  /** Null before somebody has logged in. */
  get userName(): string | null {
    return this.#principal?.name ?? null
  }

  /** What the client says of itself; what was published before was judged by what it said then. */
  introduce(options: ConnectOptions): void {
    this.options = options
    this.#publishing = null
  }

  enter(principal: Principal, vhost: VirtualHost): void {
    this.#principal = principal
    this.#vhost = vhost
    this.#publishing = null
  }

  receive(buffer: Buffer, start: number, end: number, softEnd: number): number {
    const { connection } = this
    let at = start
    connection.bytesNeeded = 1
    this.lastActiveMs = this.head.broker.turn.nowMs
    try {
      while (at < softEnd && connection.mayGoOn) {
        const after = this.#publishing === null ? at : this.#publishing.again(buffer, at, end)
        if (after > at) {
          at = after
          continue
        }
        const next = this.head.line.parse(buffer, at, end)
        if (next === TOO_LONG) throw controlLineExceeded()
        if (next < 0) {
          connection.bytesNeeded = end - at + 1
          break
        }
        const stopped = this.#obey(buffer, at, next, end)
        if (stopped === at) break
        at = stopped
      }
    } catch (error) {
      this.fail(this.#isTls(buffer, at) ? tlsNotServed() : error)
    }
    return at
  }

  /** A client that begins TLS unasked; what it says is no line that anybody could read. */
  #isTls(buffer: Buffer, at: number): boolean {
    return this.#principal === null && !this.connection.encrypted && buffer[at] === TLS_HANDSHAKE
  }

  /** Carries out the line [at, next) and what belongs to it; returns where the next begins, or `at` if it has to come again. */
  #obey(buffer: Buffer, at: number, next: number, end: number): number {
    const { line } = this.head
    const { verb } = line
    if (verb === Verb.connect) {
      this.#login.connect(buffer.toString('utf8', line.starts[0], line.ends[0]))
      return next
    }
    if (this.#principal === null) this.#login.enterAsGuest()
    if (verb === Verb.sub) return this.#subscribing.take(buffer) ? next : this.#wait(at)
    const isAnswered = verb === Verb.ping || this.options.verbose
    if (isAnswered && this.#subscribing.isWaiting) return this.#wait(at)
    if (verb <= Verb.hpub) {
      this.#publishing ??= new Publishing(this)
      return this.#publishing.take(buffer, at, next, end)
    }
    this.#obeyShort(buffer)
    return next
  }

  /** Until the core has answered the subscriptions before. */
  #wait(at: number): number {
    this.connection.hold(Hold.answer)
    return at
  }

  #obeyShort(buffer: Buffer): void {
    const { line } = this.head
    switch (line.verb) {
      case Verb.unsub:
        return this.#unsubscribe(buffer)
      case Verb.ping:
        return this.answer(PONG)
      case Verb.pong:
        return this.#keepAlive.ponged()
      case Verb.error: {
        const said = line.count === 0 ? '' : line.text(buffer, 0)
        this.log.info(`the client reports ${printable(said)}`)
        return this.end()
      }
      // INFO and +OK are for routes and servers; NATS ignores them of a client.
    }
  }

  /** `UNSUB sid [max]` */
  #unsubscribe(buffer: Buffer): void {
    const { line } = this.head
    if (line.count < 1 || line.count > 2) throw unknownOperation('arguments of UNSUB')
    const subscription = this.subscriptions.find(line.text(buffer, 0))
    const max =
      line.count === 1 ? 0 : parseSize(buffer, line.starts[1] as number, line.ends[1] as number)
    if (subscription?.endAfter(max) === true) this.subscriptions.remove(subscription)
    if (this.options.verbose) this.answerOk()
  }

  complete(_token: number, outcome: Outcome): void {
    if (!this.#isOver) this.#subscribing.complete(outcome)
  }

  answer(bytes: Buffer): void {
    this.connection.write(bytes)
    this.flow.answered(bytes.length)
  }

  answerOk(): void {
    this.answer(OK)
  }

  /** Tells the client what it may not do, and goes on. The log has the first such only. */
  refuse(error: NatsError): void {
    this.answer(errorLine(error.message))
    const say = this.#hasRefused ? this.log.debug : this.log.warn
    say.call(this.log, printableDetail(error.detail), { error: error.message })
    this.#hasRefused = true
  }

  /** The one place where an error ends: the client is told, the log has it once, the connection is over. */
  fail(error: unknown): void {
    if (this.#isOver || !this.connection.open) return
    const known = natsErrorOf(error)
    if (known === null) {
      const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
      this.log.error('internal error', { stack })
    } else this.log.warn(`${known.message}: ${printableDetail(known.detail)}`)
    this.endReason = known?.endReason ?? EndReason.internal
    this.answer(errorLine(known?.message ?? INTERNAL_TEXT))
    this.end()
  }

  /** Ends the connection and says why. */
  close(reason: string): void {
    if (!this.connection.open) return
    this.endReason = reason
    this.answer(errorLine(reason))
    this.end()
  }

  /** The broker closes. Clients that know of it look for another one, or for this one again. [NATS lame duck mode] */
  shutDown(): void {
    if (!this.#isOver) this.endReason = EndReason.shutdown
    const { connection } = this
    if (this.options.protocol >= 1 && connection.open) {
      connection.write(this.head.infoFor(connection, { isLeaving: true }))
    }
    this.end()
  }

  /** What was written still goes out. */
  end(): void {
    this.#release()
    this.connection.end()
  }

  /** Who does not take what it has asked for is not told either. [as nats-server] */
  #slow(why: string, reason: EndReason): void {
    this.log.warn(`slow consumer, connection closed: ${why}`)
    this.head.slowConsumers++
    this.head.broker.totals.slowSubscribers++
    this.endReason = reason
    this.#release()
    this.connection.destroy()
  }

  drained(): void {
    this.flow.drained()
  }

  closed(error: Error | null): void {
    if (error !== null && !this.#isOver) {
      this.log.info(error.message)
      this.endReason = EndReason.network
    }
    this.#release()
    this.head.forget(this)
  }

  /** Gives back all that the connection held in the core. Safe to call again. */
  #release(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.head.closed.add(this)
    this.#login.closed()
    this.#keepAlive.stop()
    this.watch.stop()
    this.flow.closed()
    this.head.broker.turn.schedule(new Removal(this))
    if (this.#vhost !== null) this.head.broker.disconnect(this)
  }
}

/** Ends the subscriptions of a connection that is over, some at a time: there may be a million. */
class Removal implements Task {
  queued: boolean = false
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  run(): boolean {
    return this.#session.subscriptions.removeSome(natsLimits.removalsPerRun)
  }
}

function natsErrorOf(error: unknown): NatsError | null {
  if (error instanceof NatsError) return error
  if (error instanceof DecodeError) return unknownOperation(error.message, error)
  return null
}

function printableDetail(detail: string): string {
  return detail.replaceAll(/[^\x20-\x7e]/g, '?')
}
