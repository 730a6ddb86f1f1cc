import type { Connection } from '../base/net/connection.ts'
import type { Newcomer } from '../base/net/newcomer.ts'
import type { StartTls } from '../base/net/tls.ts'

/** One protocol on one or more listeners of a broker. */
export interface ProtocolHead {
  /** Takes over a new connection; calls connection.handle() before it returns. */
  accept(connection: Connection): void
  /** Says goodbye in the protocol's own words to every connection; output is flushed by the turn. */
  close(): void
  /** What a connection is told that is not taken for want of room; without it nothing. Such a one is never accepted. */
  refusalFor?(newcomer: Newcomer): Uint8Array
  /** How many connections a listener of it takes; the standard number unless given. */
  readonly connectionsMax?: number
  /** How TLS begins on each connection, before it is accepted; undefined where they are plain. */
  readonly startTls?: StartTls | undefined
}
