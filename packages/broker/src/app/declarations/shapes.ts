/** Which keys each section of the declarations takes, and what each of them holds. The documentation is compared with it. */
import { durabilities } from '../../core/durability.ts'
import type { DeclarationSection } from './declarations.ts'

export type FieldKind =
  | 'text'
  | 'switch'
  /** A whole number from 1 on. */
  | 'count'
  /** A whole number from 0 on; null is no bound. */
  | 'bound'
  | 'choice'
  | 'texts'
  /** Any tree of values under names. */
  | 'arguments'
  /** Keys of its own. */
  | 'record'
  /** A list of these. */
  | 'records'

export interface Field {
  readonly kind: FieldKind
  readonly required?: boolean
  readonly choices?: readonly string[]
  readonly shape?: Shape
}

export type Shape = Readonly<Record<string, Field>>

const name: Field = { kind: 'text', required: true }
const text: Field = { kind: 'text' }
const flag: Field = { kind: 'switch' }
const count: Field = { kind: 'count' }
const bound: Field = { kind: 'bound' }
const args: Field = { kind: 'arguments' }

export const permissionShape: Shape = { vhost: text, configure: text, write: text, read: text }

export const streamConfigShape: Shape = {
  retentionMs: bound,
  retentionBytes: bound,
  batchBytesMax: count,
  timestamps: { kind: 'choice', choices: ['producer', 'log'] },
  segmentBytes: count,
  segmentMs: count,
  durability: { kind: 'choice', choices: durabilities },
}

/** The control API has the same names. */
export const shapes: Readonly<Record<DeclarationSection, Shape>> = {
  vhosts: { name },
  users: {
    name,
    password: name,
    tags: { kind: 'texts' },
    loopbackOnly: flag,
    permissions: { kind: 'records', shape: permissionShape },
  },
  exchanges: {
    name,
    vhost: text,
    type: { kind: 'choice', choices: ['direct', 'fanout', 'topic', 'headers'] },
    durable: flag,
    autoDelete: flag,
    internal: flag,
    arguments: args,
  },
  queues: { name, vhost: text, durable: flag, autoDelete: flag, arguments: args },
  streams: {
    name,
    vhost: text,
    partitions: count,
    config: { kind: 'record', shape: streamConfigShape },
  },
  bindings: {
    source: name,
    destination: name,
    destinationKind: { kind: 'choice', choices: ['queue', 'exchange', 'stream'] },
    vhost: text,
    routingKey: text,
    arguments: args,
  },
  feeds: {
    name,
    vhost: text,
    stream: name,
    exchange: name,
    routingKey: text,
    from: { kind: 'choice', choices: ['first', 'last'] },
  },
}
