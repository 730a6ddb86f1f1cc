import type { Broker } from '../core/broker.ts'
import type { StorageListener } from '../core/completions.ts'
import { ApiError, ApiErrorCode } from './errors.ts'
import { adminLimits } from './limits.ts'

export type EndReason = 'count' | 'no-more' | 'deleted' | 'shutdown' | 'damaged' | 'error'

export interface Subscription {
  /** Gives back what it holds and says why it ends. Safe to call again. */
  end(reason: EndReason, message?: string): void
}

/** All subscriptions of one listener: a bounded number, and none when it closes or the disk fails. */
export class Subscriptions {
  readonly #open = new Set<Subscription>()
  readonly #broker: Broker
  readonly #listener: StorageListener
  #isClosed: boolean = false

  constructor(broker: Broker) {
    this.#broker = broker
    this.#listener = { storageFailed: (error) => this.#endAll('error', error.message) }
    broker.completions.listen(this.#listener)
  }

  get size(): number {
    return this.#open.size
  }

  checkRoom(): void {
    if (this.#isClosed) throw new ApiError(ApiErrorCode.unavailable, 'the broker stops')
    if (this.#open.size < adminLimits.subscriptionsMax) return
    throw new ApiError(
      ApiErrorCode.busy,
      `there are ${adminLimits.subscriptionsMax} subscriptions`,
      {
        hint: 'end one of them; programs use AMQP or Kafka, which have no such bound',
      },
    )
  }

  add(subscription: Subscription): void {
    this.#open.add(subscription)
    // It was being made while the listener closed.
    if (this.#isClosed) subscription.end('shutdown')
  }

  remove(subscription: Subscription): void {
    this.#open.delete(subscription)
  }

  /** There will be no more. */
  close(): void {
    this.#isClosed = true
    this.#broker.completions.unlisten(this.#listener)
    this.#endAll('shutdown')
  }

  #endAll(reason: EndReason, message?: string): void {
    for (const subscription of [...this.#open]) subscription.end(reason, message)
  }
}
