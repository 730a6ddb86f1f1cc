import type { Principal } from '../core/auth/principal.ts'
import type { Broker } from '../core/broker.ts'
import type { Committer, Safety } from '../core/commits.ts'
import type { Caller, Outcome } from '../core/outcome.ts'
import type { VirtualHost } from '../core/topology/virtual-host.ts'
import { apiErrorOf } from './errors.ts'

/** One request, or one subscription, as a caller of the core. Its answers are promises. */
export class ControlCaller implements Caller {
  readonly id: number
  readonly principal: Principal
  readonly vhost: VirtualHost
  readonly #waiting = new Map<number, (outcome: Outcome) => void>()
  #lastToken: number = 0

  constructor(broker: Broker, principal: Principal, vhost: VirtualHost) {
    this.id = broker.nextId()
    this.principal = principal
    this.vhost = vhost
  }

  /** Asks the core something; rejects with an ApiError if it fails. */
  ask(call: (token: number) => void): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
    const token = ++this.#lastToken
    this.#waiting.set(token, (outcome) => {
      if (outcome.kind === 'failed') reject(apiErrorOf(outcome.error))
      else resolve(outcome)
    })
    call(token)
    return promise
  }

  complete(token: number, outcome: Outcome): void {
    const answer = this.#waiting.get(token)
    this.#waiting.delete(token)
    answer?.(outcome)
  }
}

/** Resolves when what has been appended so far in this turn is as safe as that; rejects if the disk fails before. */
export function whenSafe(broker: Broker, safety: Safety): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const committer: Committer = { commit: () => resolve(), failed: reject }
  broker.whenSafe(committer, safety)
  return promise
}
