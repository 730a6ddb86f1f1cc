import { Timer } from '../../base/timers.ts'
import type { LoginOutcome } from '../../core/auth/user.ts'
import { parseConnectOptions, type ConnectOptions } from './codec/connect-options.ts'
import {
  authenticationTimeout,
  authorizationViolation,
  invalidClientProtocol,
  noRespondersNeedHeaders,
} from './errors.ts'
import { Hold } from './flow.ts'
import { printable } from './printable.ts'
import type { Session } from './session.ts'

const PROTOCOL_MAX = 1
const ANOTHER_LOGIN = 'another login, with subscriptions of the first'
const NO_ACCESS = 'no access to the virtual host'

/**
 * How a session comes to its principal.
 *
 *   CONNECT with user and pass     that user of the broker
 *   CONNECT with auth_token        the user whose token it is
 *   CONNECT without, or no CONNECT guest, if the peer is on this machine and guest still has the password that everybody knows
 *
 * A refusal is held back, more so the more there were from that address, and then closes the connection. Keys and JWTs name nobody here.
 */
export class Login {
  readonly #session: Session
  readonly #timer: Timer
  #refusal: Timer | null = null
  #isClosed: boolean = false

  constructor(session: Session) {
    this.#session = session
    this.#timer = new Timer(() => session.fail(authenticationTimeout()))
    const isRequired = this.#unauthenticated().principal === null
    if (isRequired) this.#timers.set(this.#timer, session.head.limits.authTimeoutMs)
  }

  get #timers(): Session['head']['broker']['timers'] {
    return this.#session.head.broker.timers
  }

  #unauthenticated(): LoginOutcome {
    const { head, connection } = this.#session
    return head.unauthenticated(connection.endpoint)
  }

  /** A client that does not begin by CONNECT. */
  enterAsGuest(): void {
    if (this.#enter(this.#unauthenticated())) return
    throw authorizationViolation('the first line was not CONNECT, and guest may not come in')
  }

  connect(json: string): void {
    const options = parseConnectOptions(json)
    if (options.protocol < 0 || options.protocol > PROTOCOL_MAX) throw invalidClientProtocol()
    if (options.noResponders && !options.headers) throw noRespondersNeedHeaders()
    this.#session.introduce(options)
    if (!this.#session.head.ignoresLogins) {
      if (options.hasOtherCredentials) {
        return this.#refuse('keys and JWTs are not served: use a token, or a user and its password')
      }
      if (options.user !== '' || options.pass !== '') return this.#verify(options)
      if (options.token !== '') return this.#verifyToken(options.token)
    }
    if (!this.#session.isIn && !this.#enter(this.#unauthenticated())) {
      return this.#refuse('no user was given, and guest may not come in')
    }
    this.#accepted()
  }

  closed(): void {
    this.#isClosed = true
    this.#timers.clear(this.#timer)
    if (this.#refusal !== null) this.#timers.clear(this.#refusal)
  }

  #verifyToken(token: string): void {
    const { head, connection } = this.#session
    if (this.#hasSubscriptions) return this.#refuse(ANOTHER_LOGIN)
    const { loopback } = connection.endpoint
    const outcome = head.broker.access.tokens.verify({ token, loopback })
    if (this.#enter(outcome)) return this.#accepted()
    this.#refuse(`a token: ${outcome.refusal ?? NO_ACCESS}`)
  }

  /** They are in the virtual host of who made them. */
  get #hasSubscriptions(): boolean {
    return this.#session.subscriptions.size > 0
  }

  #verify({ user, pass }: ConnectOptions): void {
    const { head, connection } = this.#session
    if (this.#hasSubscriptions) return this.#refuse(ANOTHER_LOGIN)
    this.#timers.clear(this.#timer)
    connection.hold(Hold.login)
    const { loopback } = connection.endpoint
    head.broker.access.users.verify({ name: user, password: pass, loopback }, (outcome) => {
      if (this.#isClosed) return
      if (!this.#enter(outcome)) {
        const reason = outcome.refusal ?? NO_ACCESS
        return this.#refuse(`user '${printable(user)}': ${reason}`)
      }
      connection.release(Hold.login)
      this.#accepted()
    })
  }

  #accepted(): void {
    this.#timers.clear(this.#timer)
    if (this.#session.options.verbose) this.#session.answerOk()
  }

  #enter({ principal }: LoginOutcome): boolean {
    if (principal === null) return false
    const { broker } = this.#session.head
    const vhost = broker.findVirtualHost(principal.vhost)
    if (vhost === undefined) return false
    const resource = { kind: 'vhost', vhost: vhost.name } as const
    if (!broker.access.authorize(principal, 'access', resource)) return false
    this.#session.enter(principal, vhost)
    return true
  }

  #refuse(reason: string): void {
    const { head, connection } = this.#session
    const { failedLogins, turn } = head.broker
    const { remoteAddress: address } = connection.endpoint
    const delayMs = failedLogins.delayMs({ address, nowMs: turn.clock.nowMs() })
    connection.hold(Hold.login)
    this.#timers.clear(this.#timer)
    this.#refusal = new Timer(() => this.#session.fail(authorizationViolation(reason)))
    this.#timers.set(this.#refusal, delayMs)
  }
}
