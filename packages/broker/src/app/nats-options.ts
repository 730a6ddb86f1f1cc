import type { NatsHeadOptions } from '../protocols/nats/options.ts'

/** What may be said of the NATS listener of a broker. */
export interface NatsOptions extends NatsHeadOptions {
  /** 0 takes any free one. */
  readonly port: number
  /** Who gives the token in CONNECT is that user, which must be there when the broker starts. */
  readonly tokens?: readonly NatsToken[] | undefined
}

export interface NatsToken {
  readonly user: string
  readonly token: string
}
