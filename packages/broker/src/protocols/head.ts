import type { Connection } from '../base/net/connection.ts'

/** One protocol on one or more listeners of a broker. */
export interface ProtocolHead {
  /** Takes over a new connection; calls connection.handle() before it returns. */
  accept(connection: Connection): void
  /** Says goodbye in the protocol's own words to every connection; output is flushed by the turn. */
  close(): void
}
