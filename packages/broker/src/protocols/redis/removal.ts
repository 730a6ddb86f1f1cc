import type { Task } from '../../base/turn.ts'
import { redisLimits } from './limits.ts'
import type { Session } from './session.ts'

/** Ends all subscriptions of a session, some at a time, because there may be a million; then goes on. Nobody is told. */
export class Removal implements Task {
  queued: boolean = false
  readonly #session: Session
  readonly #then: () => void

  constructor(session: Session, then: () => void) {
    this.#session = session
    this.#then = then
  }

  run(): boolean {
    const { channels, patterns } = this.#session.subscriptions
    if (this.#end(channels, redisLimits.removalsPerRun)) return true
    if (this.#end(patterns, redisLimits.removalsPerRun)) return true
    this.#session.subscriptions.endAll()
    this.#then()
    return false
  }

  /** True if it had something to do. */
  #end(subscriptions: Session['subscriptions']['channels'], count: number): boolean {
    const { caller, head } = this.#session
    if (caller === null || subscriptions.size === 0) return false
    let left = count
    for (const [name, subscription] of subscriptions) {
      if (left-- === 0) break
      subscriptions.delete(name)
      head.broker.unsubscribe(caller, 0, subscription)
    }
    return true
  }
}
