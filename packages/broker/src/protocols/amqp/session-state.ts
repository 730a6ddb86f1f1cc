/** Where a connection is in its life. */
export const SessionState = {
  protocolHeader: 0,
  startOk: 1,
  /** A login is being checked, or a refused one waits for its answer. */
  login: 2,
  tuneOk: 3,
  open: 4,
  running: 5,
  /** We have sent connection.close and wait for close-ok. */
  closing: 6,
  ended: 7,
} as const
export type SessionState = (typeof SessionState)[keyof typeof SessionState]

/** What the client said of itself in connection.start-ok. */
export interface ClientTraits {
  readonly product: string
  readonly version: string
  /** What its program calls the connection. */
  readonly connectionName: string
  readonly consumerCancelNotify: boolean
  readonly connectionBlocked: boolean
  readonly authenticationFailureClose: boolean
}

/** Of a client that has not said anything yet. */
export const noTraits: ClientTraits = {
  product: '',
  version: '',
  connectionName: '',
  consumerCancelNotify: false,
  connectionBlocked: false,
  authenticationFailureClose: false,
}
