import type { Principal } from './auth/principal.ts'
import type { BrokerError } from './errors.ts'
import type { StoredMessage } from './message.ts'
import type { VirtualHost } from './topology/virtual-host.ts'

/** The core's answer to one call of a session. Plain data. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: BrokerError }
  | QueueOutcome
  | { readonly kind: 'removed'; readonly messages: number }
  | { readonly kind: 'consuming'; readonly consumer: number }
  | GotOutcome
  | { readonly kind: 'empty' }

export interface QueueOutcome {
  readonly kind: 'queue'
  readonly name: string
  readonly messages: number
  readonly consumers: number
}

/** A message taken outside of any consumer, already out. */
export interface GotOutcome {
  readonly kind: 'got'
  readonly queue: number
  readonly sequence: number
  readonly redelivered: boolean
  /** How many are left. */
  readonly messages: number
  /** Valid during complete(). */
  readonly message: StoredMessage
}

export const done: Outcome = { kind: 'done' }
export const empty: Outcome = { kind: 'empty' }

/** Whoever calls the core: a head's session. */
export interface Caller {
  /** Unique in the broker; names the owner of exclusive queues and consumers. */
  readonly id: number
  readonly principal: Principal
  readonly vhost: VirtualHost
  /** The answer to the call that was made with this token: later in the same turn, or when the disk has it. */
  complete(token: number, outcome: Outcome): void
}
