import type { Durability } from '../../core/commits.ts'

/**
 * What is to be there once a broker has started: the same in the configuration file and in the embed API. What it says is made
 * if it is not there, and left alone if it is there as it says.
 */
export interface Declarations {
  readonly vhosts?: readonly DeclaredVhost[] | undefined
  readonly users?: readonly DeclaredUser[] | undefined
  readonly exchanges?: readonly DeclaredExchange[] | undefined
  readonly queues?: readonly DeclaredQueue[] | undefined
  readonly streams?: readonly DeclaredStream[] | undefined
  readonly bindings?: readonly DeclaredBinding[] | undefined
  readonly feeds?: readonly DeclaredFeed[] | undefined
}

export interface DeclaredVhost {
  readonly name: string
}

export interface DeclaredUser {
  readonly name: string
  readonly password: string
  /** Such as `administrator` and `monitoring`; none unless set. */
  readonly tags?: readonly string[] | undefined
  /** May log in from this machine only; false unless set. */
  readonly loopbackOnly?: boolean | undefined
  /** All rights in `/` unless set; an empty list is none at all. */
  readonly permissions?: readonly DeclaredPermission[] | undefined
}

/** Each of the three is a regular expression over names, `.*` unless set. */
export interface DeclaredPermission {
  readonly vhost?: string | undefined
  readonly configure?: string | undefined
  readonly write?: string | undefined
  readonly read?: string | undefined
}

/** A value of `arguments`. Whole numbers are integers on the wire, others floating point. */
export type DeclaredArgument =
  | string
  | number
  | boolean
  | null
  | readonly DeclaredArgument[]
  | { readonly [key: string]: DeclaredArgument }

export type DeclaredArguments = Readonly<Record<string, DeclaredArgument>>

export interface DeclaredExchange {
  readonly name: string
  readonly vhost?: string | undefined
  /** `direct` unless set. */
  readonly type?: 'direct' | 'fanout' | 'topic' | 'headers' | undefined
  /** True unless set, here and in queues. */
  readonly durable?: boolean | undefined
  readonly autoDelete?: boolean | undefined
  /** Only exchanges may publish to it. */
  readonly internal?: boolean | undefined
  readonly arguments?: DeclaredArguments | undefined
}

export interface DeclaredQueue {
  readonly name: string
  readonly vhost?: string | undefined
  readonly durable?: boolean | undefined
  readonly autoDelete?: boolean | undefined
  readonly arguments?: DeclaredArguments | undefined
}

/** A stream; Kafka clients see it as a topic. */
export interface DeclaredStream {
  readonly name: string
  readonly vhost?: string | undefined
  /** 1 unless set. */
  readonly partitions?: number | undefined
  readonly config?: DeclaredStreamConfig | undefined
}

/** What is left out is as the broker's default says. */
export interface DeclaredStreamConfig {
  /** Null keeps records for ever. */
  readonly retentionMs?: number | null | undefined
  /** Of one partition; null is no bound. */
  readonly retentionBytes?: number | null | undefined
  readonly batchBytesMax?: number | undefined
  readonly timestamps?: 'producer' | 'log' | undefined
  readonly segmentBytes?: number | undefined
  readonly segmentMs?: number | undefined
  readonly durability?: Durability | undefined
}

/** A rule by which an exchange hands messages on. */
export interface DeclaredBinding {
  /** The exchange. */
  readonly source: string
  readonly destination: string
  /** `queue` unless set. */
  readonly destinationKind?: 'queue' | 'exchange' | 'stream' | undefined
  readonly vhost?: string | undefined
  readonly routingKey?: string | undefined
  readonly arguments?: DeclaredArguments | undefined
}

/** Carries a stream's records to an exchange. */
export interface DeclaredFeed {
  readonly name: string
  readonly vhost?: string | undefined
  readonly stream: string
  readonly exchange: string
  /** Without it each record's own: see docs/crossing.md. */
  readonly routingKey?: string | undefined
  /** `first` unless set: what the stream holds already is carried too. */
  readonly from?: 'first' | 'last' | undefined
}

export type DeclarationSection = keyof Declarations

/** In the order in which they are applied: each needs only what stands before it. */
export const declarationSections: readonly DeclarationSection[] = [
  'vhosts',
  'users',
  'exchanges',
  'queues',
  'streams',
  'bindings',
  'feeds',
]

/** What is declared cannot be, or is there otherwise. */
export class DeclarationError extends Error {
  override readonly name = 'DeclarationError'
  /** Of the entry that says so, as in `queues[2]`; empty if it is about all of them, and then the message has the places. */
  readonly path: string

  constructor(path: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.path = path
  }
}
