import type { Endpoint } from './connection.ts'

/** Somebody who has connected, before it is known whether the connection will be a head's. */
export interface Newcomer {
  /** The connection will have it, if it comes to that. */
  readonly id: number
  readonly endpoint: Endpoint
}
