import type { Principal } from '../../core/auth/principal.ts'
import type { Caller, Outcome } from '../../core/outcome.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { Publishing } from './publishing.ts'
import type { Session } from './session.ts'

/** Who a session is to the core, since its last login. */
export class RedisCaller implements Caller {
  readonly id: number
  readonly principal: Principal
  readonly vhost: VirtualHost
  readonly #session: Session
  #publishing: Publishing | null = null

  constructor(session: Session, principal: Principal, vhost: VirtualHost) {
    this.id = session.callerId
    this.principal = principal
    this.vhost = vhost
    this.#session = session
  }

  /** Most connections of subscribers never need one. */
  get publishing(): Publishing {
    const { head, connection } = this.#session
    this.#publishing ??= new Publishing(head.broker, this, connection)
    return this.#publishing
  }

  complete(_token: number, outcome: Outcome): void {
    this.#session.complete(outcome)
  }
}
