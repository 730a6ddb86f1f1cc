import { Timer } from '../../base/timers.ts'
import type { LoginOutcome } from '../../core/auth/user.ts'
import { errorTexts, printable } from './errors.ts'
import { Hold } from './hold.ts'
import { redisLimits } from './limits.ts'
import type { Session } from './session.ts'

/** What Redis calls the user that a client is who names none; see README.md. */
const DEFAULT_USER = 'default'
const GUEST = 'guest'

/** What AUTH or HELLO say; AUTH with one argument names nobody. */
export interface LoginWords {
  readonly name: string | null
  readonly password: string
}

/**
 * How a session comes to its principal: as guest, if the peer is on this machine and guest has the password that everybody knows, or by AUTH or HELLO.
 *
 * A refusal leaves the connection open and whoever it was, as in Redis; it is held back, more so the more there were from that
 * address, and the connection's input with it.
 */
export class Login {
  readonly #session: Session
  readonly #deadline: Timer
  #isClosed: boolean = false
  #delayed: Timer | null = null

  constructor(session: Session) {
    this.#session = session
    this.#deadline = new Timer(() => this.#deadlinePassed())
  }

  /** As at the start of a connection. */
  enterAsGuest(): void {
    const { broker } = this.#session.head
    if (this.#enter(this.#asGuest(), () => {})) return
    this.#session.leave()
    broker.timers.set(this.#deadline, redisLimits.loginMs)
  }

  /** `accepted` answers; a refusal is answered here. */
  attempt(attempt: LoginWords, accepted: () => void): void {
    const session = this.#session
    const { broker } = session.head
    const { loopback } = session.connection.endpoint
    const isDefault = (attempt.name ?? DEFAULT_USER) === DEFAULT_USER
    const isGuest = isDefault && broker.access.users.find(DEFAULT_USER) === null
    const needsNoPassword = isGuest && this.#asGuest().principal !== null
    if (needsNoPassword) return this.#enterWithout(attempt, accepted)
    const name = isGuest ? GUEST : (attempt.name ?? DEFAULT_USER)
    session.connection.hold(Hold.login)
    broker.access.users.verify({ name, password: attempt.password, loopback }, (outcome) => {
      if (this.#isClosed) return
      session.guard(() => {
        const entered = (): void => {
          accepted()
          session.connection.release(Hold.login)
        }
        if (!this.#enter(outcome, entered)) this.#refuse(name, outcome)
      })
    })
  }

  /** Of a user without a password every one is right, if the user is named; else it is a mistake, but for the one that everybody knows. [as Redis] */
  #enterWithout({ name, password }: LoginWords, accepted: () => void): void {
    const isMistake = name === null && password !== GUEST
    if (!isMistake && this.#enter(this.#asGuest(), accepted)) return
    this.#session.answer((reply) => reply.error(errorTexts.noPassword))
  }

  /** Whether the client may stay out for good: it is of another machine, and nobody could log in from there. */
  get isHopeless(): boolean {
    const { broker } = this.#session.head
    return !this.#session.connection.endpoint.loopback && broker.access.users.loopbackOnly
  }

  #asGuest(): LoginOutcome {
    const { head, connection } = this.#session
    const { loopback } = connection.endpoint
    return head.broker.access.users.verifyUnauthenticated({ loopback })
  }

  closed(): void {
    this.#isClosed = true
    const { timers } = this.#session.head.broker
    timers.clear(this.#deadline)
    if (this.#delayed !== null) timers.clear(this.#delayed)
  }

  /** False if that is nobody who may come in. */
  #enter({ principal }: LoginOutcome, entered: () => void): boolean {
    if (principal === null) return false
    const { broker } = this.#session.head
    const vhost = broker.findVirtualHost(principal.vhost)
    if (vhost === undefined) return false
    const resource = { kind: 'vhost', vhost: vhost.name } as const
    if (!broker.access.authorize(principal, 'access', resource)) return false
    broker.timers.clear(this.#deadline)
    this.#session.enter(principal, vhost, entered)
    return true
  }

  #refuse(name: string, outcome: LoginOutcome): void {
    const session = this.#session
    const { broker } = session.head
    const reason = outcome.refusal ?? 'no access to the virtual host'
    session.log.warn(`login failed, user '${printable(name)}': ${reason}`)
    const { remoteAddress: address } = session.connection.endpoint
    const nowMs = broker.turn.clock.nowMs()
    this.#delayed = new Timer(() => {
      session.guard(() => {
        session.answer((reply) => reply.error(errorTexts.wrongPass))
        session.connection.release(Hold.login)
      })
    })
    broker.timers.set(this.#delayed, broker.failedLogins.delayMs({ address, nowMs }))
  }

  #deadlinePassed(): void {
    this.#session.close(`not logged in within ${redisLimits.loginMs} ms`)
  }
}
