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
import { natsLimits } from './limits.ts'
import { printable } from './printable.ts'
import type { Session } from './session.ts'

const PROTOCOL_MAX = 1

/**
 * How a session comes to its principal.
 *
 *   CONNECT with user and pass     that user of the broker
 *   CONNECT without, or no CONNECT guest, if the peer is on this machine and guest still has the password that everybody knows
 *
 * A refusal is held back, more so the more there were from that address, and then closes the connection. Tokens, keys and JWTs name nobody here.
 */
export class Login {
  /** Whether INFO asks for a login. */
  readonly isRequired: boolean
  readonly #session: Session
  readonly #timer: Timer
  #refusal: Timer | null = null
  #isClosed: boolean = false

  constructor(session: Session) {
    this.#session = session
    this.#timer = new Timer(() => session.fail(authenticationTimeout()))
    this.isRequired = this.#unauthenticated().principal === null
    if (this.isRequired) this.#timers.set(this.#timer, natsLimits.authMs)
  }

  get #timers(): Session['head']['broker']['timers'] {
    return this.#session.head.broker.timers
  }

  #unauthenticated(): LoginOutcome {
    const { head, connection } = this.#session
    const { loopback } = connection.endpoint
    return head.broker.access.users.verifyUnauthenticated({ loopback })
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
    this.#session.options = options
    if (options.hasOtherCredentials) {
      return this.#refuse('tokens, keys and JWTs are not served: use a user and its password')
    }
    if (options.user !== '' || options.pass !== '') return this.#verify(options)
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

  #verify({ user, pass }: ConnectOptions): void {
    const { head, connection, flow, subscriptions } = this.#session
    if (subscriptions.size > 0)
      return this.#refuse('another login, with subscriptions of the first')
    this.#timers.clear(this.#timer)
    flow.hold(Hold.login)
    const { loopback } = connection.endpoint
    head.broker.access.users.verify({ name: user, password: pass, loopback }, (outcome) => {
      if (this.#isClosed) return
      if (!this.#enter(outcome)) {
        const reason = outcome.refusal ?? 'no access to the virtual host'
        return this.#refuse(`user '${printable(user)}': ${reason}`)
      }
      flow.release(Hold.login)
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
    const { head, connection, flow } = this.#session
    const { failedLogins, turn } = head.broker
    const { remoteAddress: address } = connection.endpoint
    const delayMs = failedLogins.delayMs({ address, nowMs: turn.clock.nowMs() })
    flow.hold(Hold.login)
    this.#timers.clear(this.#timer)
    this.#refusal = new Timer(() => this.#session.fail(authorizationViolation(reason)))
    this.#timers.set(this.#refusal, delayMs)
  }
}
