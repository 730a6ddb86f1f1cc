import { patternFits } from './codec/subjects.ts'
import type { Session } from './session.ts'
import type { ClientSubscription } from './subscriptions.ts'

/** One connection as monitoring shows it: names for what is there, read when it is asked. */
export class SessionView {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  get id(): number {
    return this.#session.connection.id
  }

  get address(): string {
    return this.#session.connection.endpoint.remoteAddress.replace(/^::ffff:/, '')
  }

  get port(): number {
    return this.#session.connection.endpoint.remotePort
  }

  get startedMs(): number {
    const { connections, turn } = this.#session.head.broker
    return connections.find(this.id)?.connectedMs ?? turn.clock.wallMs()
  }

  get lastActiveMs(): number {
    const { clock } = this.#session.head.broker.turn
    return clock.wallMs() - (clock.nowMs() - this.#session.lastActiveMs)
  }

  get roundTripMs(): number | null {
    return this.#session.roundTripMs
  }

  get pendingBytes(): number {
    return this.#session.connection.outputBytes
  }

  get inMessages(): number {
    return this.#session.traffic.inMessages
  }

  get inBytes(): number {
    return this.#session.traffic.inBytes
  }

  get outMessages(): number {
    return this.#session.traffic.outMessages
  }

  get outBytes(): number {
    return this.#session.traffic.outBytes
  }

  get subscriptionCount(): number {
    return this.#session.subscriptions.size
  }

  get name(): string {
    return this.#session.options.name
  }

  get lang(): string {
    return this.#session.options.lang
  }

  get version(): string {
    return this.#session.options.version
  }

  /** Null for a guest that came in without a login. */
  get user(): string | null {
    return this.#session.options.user === '' ? null : this.#session.userName
  }

  get vhost(): string | null {
    return this.#session.isIn ? this.#session.vhost.name : null
  }

  get tls(): Session['connection']['tls'] {
    return this.#session.connection.tls
  }

  *subscriptions(): Generator<SubscriptionView> {
    for (const subscription of this.#session.subscriptions.values()) {
      yield new SubscriptionView(subscription)
    }
  }
}

/** One SUB. */
export class SubscriptionView {
  readonly #subscription: ClientSubscription

  constructor(subscription: ClientSubscription) {
    this.#subscription = subscription
  }

  get subject(): string {
    return this.#subscription.pattern
  }

  get group(): string | null {
    return this.#subscription.group
  }

  get sid(): string {
    return this.#subscription.sid
  }

  get messages(): number {
    return this.#subscription.delivered
  }

  get messagesMax(): number {
    return this.#subscription.deliveredMax
  }

  hears(subject: string): boolean {
    return patternFits(this.subject, subject)
  }
}
