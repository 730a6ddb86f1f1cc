/**
 * A history: what load processes did and saw, one JSON a line. It is written outside of the broker,
 * and the checkers know nothing else. Each line is one of
 *
 *   invoke  about to be asked of the broker
 *   ok      answered, done
 *   fail    answered, certainly not done
 *   info    not answered: nobody knows. A checker must live with either.
 *
 * Values are `<writer>-<counter>` and never used twice; a writer is one channel or producer on one
 * connection, so that the values of a writer reached the broker in the order of their counters.
 */
export type EventType = 'invoke' | 'ok' | 'fail' | 'info'

export interface Stamp {
  /** Counts the lines of one process. */
  readonly i: number
  /** Nanoseconds since the run began, of the one monotonic clock that all processes share. */
  readonly t: number
  readonly type: EventType
  readonly proc: string
}

export type Protocol = 'amqp' | 'kafka'

/** A connection's name is never used again. `fail`: nobody listened. */
export interface ConnectEvent {
  readonly f: 'connect'
  readonly proto: Protocol
  readonly conn: string
  readonly err?: string
}

/** `invoke`: cut or closed from this side, written before it is done. `info`: found to be gone. */
export interface DisconnectEvent {
  readonly f: 'disconnect'
  readonly proto: Protocol
  readonly conn: string
  readonly err?: string
}

/** A second `invoke` with the same value is a retry. */
export interface AmqpPublishEvent {
  readonly f: 'publish'
  readonly proto: 'amqp'
  readonly conn: string
  readonly val: string
  /** Where it has to arrive; on `invoke`, as the next four. */
  readonly queues?: readonly string[]
  /** The one of a stream's that its routing key belongs to, as `topic/partition`. */
  readonly partition?: string
  /** Queues and partitions that feeds carry it to from there. */
  readonly fed?: readonly string[]
  readonly bytes?: number
  /** False: a crash may take it. */
  readonly persistent?: boolean
  readonly err?: string
}

/** From here on the broker may send messages of the queue on the connection, seen or not. */
export interface ConsumeEvent {
  readonly f: 'consume'
  readonly conn: string
  readonly q: string
  readonly tag: string
  readonly auto: boolean
}

export interface AmqpDeliverEvent {
  /** `get`: asked for by basic.get. */
  readonly f: 'deliver' | 'get'
  readonly proto: 'amqp'
  readonly conn: string
  readonly q: string
  readonly val: string
  /** Of the consumer; messages come to one in order. */
  readonly tag: string
  readonly redelivered: boolean
  /** Settled by the broker as it was sent. */
  readonly auto: boolean
  readonly bytes: number
  /** What is wrong with the body. */
  readonly err?: string
}

export interface SettleEvent {
  readonly f: 'ack' | 'nack' | 'reject'
  readonly proto: 'amqp'
  readonly conn: string
  readonly q: string
  readonly val: string
  readonly requeue?: boolean
}

export type DefinitionKind = 'queue' | 'exchange' | 'binding' | 'topic'

/** `exists` is the question: `ok` it does, `fail` it does not. */
export interface DefinitionEvent {
  readonly f: 'declare' | 'delete' | 'exists'
  readonly proto: Protocol
  readonly conn: string
  readonly kind: DefinitionKind
  readonly name: string
  readonly durable: boolean
  readonly err?: string
}

/** Of one record. `idempotent` producers may retry as they like and must not write twice. */
export interface KafkaPublishEvent {
  readonly f: 'publish'
  readonly proto: 'kafka'
  readonly conn: string
  readonly topic: string
  readonly part: number
  readonly val: string
  readonly idempotent: boolean
  readonly bytes?: number
  /** On `invoke`: queues and partitions that feeds carry it to. */
  readonly fed?: readonly string[]
  /** On `ok`, if the broker said it. */
  readonly off?: number
  readonly err?: string
}

/** A reader outlives its connections and reads each partition without gaps between two seeks. */
export interface KafkaDeliverEvent {
  readonly f: 'deliver'
  readonly proto: 'kafka'
  readonly conn: string
  readonly reader: string
  readonly topic: string
  readonly part: number
  readonly off: number
  readonly val: string
  readonly bytes: number
  readonly err?: string
}

export interface SeekEvent {
  readonly f: 'seek'
  readonly reader: string
  readonly topic: string
  readonly part: number
  readonly off: number
}

/** A Fetch or ListOffsets; at most one of a connection is under way. */
export interface FetchEvent {
  readonly f: 'fetch'
  readonly conn: string
  readonly topic: string
  readonly part: number
  /** On `ok`: the next two of the partition. */
  readonly hw?: number
  readonly start?: number
  readonly err?: string
}

/** `committed` is the question what is committed; -1: nothing. At most one of a group and partition is under way. */
export interface CommitEvent {
  readonly f: 'commit' | 'committed'
  readonly conn: string
  readonly group: string
  readonly topic: string
  readonly part: number
  readonly off?: number
  readonly err?: string
}

/** All that a queue or partition held has been read. `fail`: it could not be. */
export interface DrainedEvent {
  readonly f: 'drained'
  readonly proto: Protocol
  /** A queue, or `topic/partition`. */
  readonly name: string
  /** Of a partition: the first offset that is still there. */
  readonly start?: number
  readonly err?: string
}

/** From here on the feed carries all that is in the stream. */
export interface FeedEvent {
  readonly f: 'feed'
  readonly name: string
  readonly topic: string
  readonly queues: readonly string[]
  /** Other streams that get it. */
  readonly topics: readonly string[]
}

/** `invoke` before the signal is sent, `ok` when the process is gone. */
export interface CrashEvent {
  readonly f: 'crash'
  readonly round: number
  /** `time`, or the phase that it hit. */
  readonly moment: string
}

/** From the start of the process until both protocols answer. */
export interface RecoverEvent {
  readonly f: 'recover'
  readonly round: number
  readonly ms?: number
  readonly err?: string
}

/** Something that must not happen whatever was killed: no answer for ever, an error of the broker's own. */
export interface FaultEvent {
  readonly f: 'fault'
  /** Who met it; `broker`: it is an error in its log. */
  readonly by: 'client' | 'broker'
  readonly err: string
}

export type EventBody =
  | ConnectEvent
  | DisconnectEvent
  | AmqpPublishEvent
  | ConsumeEvent
  | AmqpDeliverEvent
  | SettleEvent
  | DefinitionEvent
  | KafkaPublishEvent
  | KafkaDeliverEvent
  | SeekEvent
  | FetchEvent
  | CommitEvent
  | DrainedEvent
  | FeedEvent
  | CrashEvent
  | RecoverEvent
  | FaultEvent

export type HistoryEvent = Stamp & EventBody

/** The reader that at the end reads every partition from its start. */
export const DRAIN_READER = 'drain'

export function writerOf(val: string): string {
  return val.slice(0, val.lastIndexOf('-'))
}

export function counterOf(val: string): number {
  return Number(val.slice(val.lastIndexOf('-') + 1))
}

export function partitionName({
  topic,
  part,
}: {
  readonly topic: string
  readonly part: number
}): string {
  return `${topic}/${part}`
}
