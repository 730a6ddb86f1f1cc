import { Timer } from '../../base/timers.ts'
import { DecodeError, type Reader } from '../../base/reader.ts'
import { parseSaslPlain, type PlainLogin } from '../../core/auth/sasl-plain.ts'
import type { LoginOutcome } from '../../core/auth/user.ts'
import type { ApiKey } from './codec/api-keys.ts'
import type { SaslAuthenticateRequest, SaslHandshakeRequest } from './codec/messages/session.ts'
import { KafkaError } from './errors.ts'
import { Hold } from './hold.ts'
import { printable } from './printable.ts'
import type { Request } from './request.ts'
import type { Session } from './session.ts'

/** In Kafka's words, the same for whatever was wrong: who asks must not learn which names exist. */
const refusalText = 'Authentication failed: Invalid username or password'

const mechanism = 'PLAIN'
const nothing: Buffer = Buffer.alloc(0)

/** How the outcome of one attempt is told: in an answer to SaslAuthenticate, or in a frame of its own. */
interface Attempt {
  accepted(): void
  refused(): void
}

/**
 * How a session comes to its principal.
 *
 *   nothing                                   guest, if the peer is on this machine
 *   SaslHandshake v1, SaslAuthenticate        [KIP-152]
 *   SaslHandshake v0, size int32 | token      answered by size 0, or by closing
 *
 * Whoever begins a handshake is nobody until it is over. A refusal is held back, more so the more
 * there were from that address, and then closes the connection.
 */
export class Login {
  readonly #session: Session
  /** The next frame is a bare token, not a request. */
  isRaw: boolean = false
  #hasHandshake: boolean = false
  #isClosed: boolean = false
  #delayed: Timer | null = null

  constructor(session: Session) {
    this.#session = session
  }

  /** Clients that present no name act as guest, as far as that user lets them. */
  enterAsGuest(): void {
    const { broker } = this.#session.head
    const { loopback } = this.#session.connection.endpoint
    this.#enter(broker.access.users.verifyUnauthenticated({ loopback }))
  }

  handshake(body: SaslHandshakeRequest, request: Request<typeof ApiKey.SaslHandshake>): void {
    this.#session.leave()
    if (body.mechanism !== mechanism) {
      request.reply({ errorCode: KafkaError.UNSUPPORTED_SASL_MECHANISM, mechanisms: [mechanism] })
      this.#session.close(`SASL mechanism '${printable(body.mechanism)}' is not served, PLAIN is`)
      return
    }
    this.#hasHandshake = true
    this.isRaw = request.apiVersion === 0
    request.reply({ errorCode: KafkaError.NONE, mechanisms: [mechanism] })
  }

  authenticate(
    { authBytes }: SaslAuthenticateRequest,
    request: Request<typeof ApiKey.SaslAuthenticate>,
  ): void {
    const answer = (errorCode: number, errorMessage: string | null): void =>
      request.reply({ errorCode, errorMessage, authBytes: nothing, sessionLifetimeMs: 0 })
    if (!this.#hasHandshake) {
      answer(KafkaError.ILLEGAL_SASL_STATE, 'SaslAuthenticate without SaslHandshake')
      return this.#session.close('SaslAuthenticate without SaslHandshake')
    }
    this.#attempt(authBytes, {
      accepted: () => answer(KafkaError.NONE, null),
      refused: () => answer(KafkaError.SASL_AUTHENTICATION_FAILED, refusalText),
    })
  }

  /** A bare token, which is what clients older than KIP-152 send. */
  takeRaw(reader: Reader): true {
    const { connection } = this.#session
    this.isRaw = false
    const token = reader.view(reader.remaining)
    this.#session.connection.hold(Hold.reply)
    this.#attempt(token, {
      accepted: () => {
        connection.write(Buffer.alloc(4))
        this.#session.connection.release(Hold.reply)
      },
      // Such clients know no error but the closed connection.
      refused: () => {},
    })
    return true
  }

  closed(): void {
    this.#isClosed = true
    if (this.#delayed !== null) this.#session.head.broker.timers.clear(this.#delayed)
  }

  #attempt(token: Buffer, attempt: Attempt): void {
    this.#hasHandshake = false
    const { broker } = this.#session.head
    let login: PlainLogin
    try {
      login = parseSaslPlain(token)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return this.#refuse(error.message, attempt)
    }
    const { loopback } = this.#session.connection.endpoint
    broker.access.users.verify({ ...login, loopback }, (outcome) => {
      if (this.#isClosed) return
      if (this.#enter(outcome)) return attempt.accepted()
      const reason = outcome.refusal ?? 'no access to the virtual host'
      this.#refuse(`user '${printable(login.name)}': ${reason}`, attempt)
    })
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

  #refuse(reason: string, attempt: Attempt): void {
    const { head, connection } = this.#session
    const { timers, turn } = head.broker
    const nowMs = turn.clock.nowMs()
    const delayMs = head.broker.failedLogins.delayMs({
      address: connection.endpoint.remoteAddress,
      nowMs,
    })
    this.#delayed = new Timer(() => {
      attempt.refused()
      this.#session.close(`login failed, ${reason}`)
    })
    timers.set(this.#delayed, delayMs)
  }
}
