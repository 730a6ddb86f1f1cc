import type { Arguments } from '../arguments.ts'
import { isDurability } from '../durability.ts'
import { BrokerError, ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import type { StreamConfig } from '../stream/stream-config.ts'
import type { Stream, StreamOptions } from '../stream/stream.ts'
import type { Streams } from '../stream/streams.ts'
import {
  checkDurability,
  compare,
  compareArgument,
  invalidArgument,
  lockedQueue,
  typeName,
  type QueuePlace,
  type QueueTraits,
} from './declarations.ts'

/*
 * A stream that has its name among queues too, because somebody declared it with `x-queue-type=stream`: what may be asked of it, and what
 * of a stream that is there already is the same. [as RabbitMQ, see conformance/crossing/stream-queue.test.ts]
 */

const AGE = 'x-max-age'
const BYTES = 'x-max-length-bytes'
const SEGMENT_BYTES = 'x-stream-max-segment-size-bytes'
/** Ours: RabbitMQ has one partition a stream. */
const PARTITIONS = 'x-partitions'
const DURABILITY = 'x-durability'

/** Arguments by which two declarations of one name must agree. */
const COMPARED_ARGUMENTS = [AGE, BYTES, SEGMENT_BYTES, PARTITIONS] as const

/** Of other types of queue. [RabbitMQ rabbit_stream_queue:capabilities] */
const FOREIGN_ARGUMENTS = [
  'x-message-ttl',
  'x-expires',
  'x-max-length',
  'x-overflow',
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-dead-letter-strategy',
  'x-single-active-consumer',
  'x-max-priority',
  'x-max-in-memory-length',
  'x-max-in-memory-bytes',
  'x-delivery-limit',
  'x-quorum-initial-group-size',
  'x-queue-mode',
] as const

/** RabbitMQ's MAX_STREAM_MAX_SEGMENT_SIZE. */
const SEGMENT_BYTES_MAX = 3_000_000_000
/** The largest that a topic's segment.bytes can say. */
const SEGMENT_BYTES_SHOWN_MAX = 2 ** 31 - 1
/** So that the largest message fits a batch, whatever becomes of its headers: each of their bytes is up to six in JSON. */
const BATCH_BYTES_MAX = limits.messageBytesMax + 8 * limits.headerBytesMax

export function isStreamQueue(traits: QueueTraits): boolean {
  return traits.arguments.get('x-queue-type') === 'stream'
}

/** Refuses what a stream cannot be. In RabbitMQ's words, but for what is ours. */
export function checkStreamQueue(name: string, traits: QueueTraits, place: QueuePlace): void {
  if (name === '') {
    throw refused('Cannot declare a server-named queue for type rabbit_stream_queue')
  }
  const where = `for queue '${name}' in vhost '${place.vhost}'`
  const property = wrongProperty(traits)
  if (property !== null) throw refused(`invalid property '${property}' ${where}`)
  for (const argument of FOREIGN_ARGUMENTS) {
    if (!traits.arguments.has(argument)) continue
    throw refused(`invalid arg '${argument}' ${where} of queue type rabbit_stream_queue`)
  }
  checkArguments(traits.arguments, where)
  const durability = traits.arguments.get(DURABILITY)
  if (durability !== undefined) checkDurability(durability, traits, { where, ...place })
}

function wrongProperty(traits: QueueTraits): string | null {
  if (traits.autoDelete) return 'auto-delete'
  if (traits.exclusiveOwner !== 0) return 'exclusive-owner'
  return traits.durable ? null : 'non-durable'
}

function checkArguments(given: Arguments, where: string): void {
  const age = given.get(AGE)
  if (age !== undefined && typeof age !== 'string') {
    throw invalidArgument(AGE, where, `{unacceptable_type,${typeName(age)}}`)
  }
  if (age !== undefined && intervalMs(age) === null) {
    throw invalidArgument(AGE, where, 'invalid_max_age')
  }
  checkCount(BYTES, given, where)
  const segmentBytes = checkCount(SEGMENT_BYTES, given, where)
  if (segmentBytes !== null && segmentBytes > SEGMENT_BYTES_MAX) {
    throw refused('Exceeded max value for x-stream-max-segment-size-bytes')
  }
  const partitions = checkCount(PARTITIONS, given, where)
  if (partitions === null || (partitions >= 1 && partitions <= limits.partitionsMax)) return
  const reason = `"a stream has 1 to ${limits.partitionsMax} partitions"`
  throw invalidArgument(PARTITIONS, where, reason)
}

/** Null if it is not given. */
function checkCount(argument: string, given: Arguments, where: string): number | null {
  const value = given.get(argument)
  if (value === undefined) return null
  if (typeof value !== 'number') {
    throw invalidArgument(argument, where, `"expected integer, got ${typeName(value)}"`)
  }
  if (value < 0) throw invalidArgument(argument, where, `{value_negative,${value}}`)
  return value
}

const DAY_MS = 86_400_000

/** RabbitMQ's units. */
const unitMs: ReadonlyMap<string, number> = new Map([
  ['Y', 365 * DAY_MS],
  ['M', 30 * DAY_MS],
  ['D', DAY_MS],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
])

/** A length of time such as 7D or 1h; null for what is none. */
export function intervalMs(interval: string): number | null {
  const unit = unitMs.get(interval.slice(-1))
  const count = interval.slice(0, -1)
  if (unit === undefined || !/^\d{1,15}$/.test(count) || Number(count) === 0) return null
  const ms = Number(count) * unit
  // A number beyond that would not say exactly what was asked.
  return Number.isSafeInteger(ms) ? ms : null
}

/** How the stream keeps its records whose declaration is in order. */
export function streamOptionsOf(traits: QueueTraits, streams: Streams): StreamOptions {
  const given = traits.arguments
  const durability = given.get(DURABILITY)
  const config: StreamConfig = {
    ...streams.defaultConfig,
    // Of a topic seven days; of RabbitMQ's streams for ever.
    retentionMs: ageOf(given) ?? Infinity,
    retentionBytes: countOf(given, BYTES) ?? Infinity,
    batchBytesMax: BATCH_BYTES_MAX,
    ...(given.has(SEGMENT_BYTES) && { segmentBytes: segmentBytesOf(given) }),
    ...(isDurability(durability) && { durability }),
  }
  return {
    partitions: countOf(given, PARTITIONS) ?? 1,
    config,
    settings: settingsOf(config, given),
  }
}

function ageOf(given: Arguments): number | null {
  const age = given.get(AGE)
  return typeof age === 'string' ? intervalMs(age) : null
}

function countOf(given: Arguments, argument: string): number | null {
  const value = given.get(argument)
  return typeof value === 'number' ? value : null
}

function segmentBytesOf(given: Arguments): number {
  return Math.min(countOf(given, SEGMENT_BYTES) ?? Infinity, SEGMENT_BYTES_SHOWN_MAX)
}

/** Settings of streams have the names that topics know them by: whoever describes the topic is shown these. */
function settingsOf(config: StreamConfig, given: Arguments): ReadonlyMap<string, string> {
  const settings = new Map([
    ['retention.ms', settingOf(config.retentionMs)],
    ['retention.bytes', settingOf(config.retentionBytes)],
    ['max.message.bytes', settingOf(config.batchBytesMax)],
  ])
  if (given.has(SEGMENT_BYTES)) settings.set('segment.bytes', settingOf(config.segmentBytes))
  if (given.has(DURABILITY)) settings.set('durability', config.durability)
  return settings
}

function settingOf(value: number): string {
  return value === Infinity ? '-1' : String(value)
}

/** Refuses to take a stream that is there as the one that is declared, if that says otherwise. */
export function checkAdoptable(stream: Stream, traits: QueueTraits, vhost: string): void {
  const given = traits.arguments
  const { config } = stream
  const wanted: readonly (readonly [string, string | number | null, string | number])[] = [
    [AGE, ageOf(given), config.retentionMs],
    [BYTES, countOf(given, BYTES), config.retentionBytes],
    [SEGMENT_BYTES, given.has(SEGMENT_BYTES) ? segmentBytesOf(given) : null, config.segmentBytes],
    [PARTITIONS, countOf(given, PARTITIONS), stream.partitions.length],
    [DURABILITY, durabilityIn(given), config.durability],
  ]
  for (const [argument, received, current] of wanted) {
    if (received === null || received === current) continue
    throw refused(
      `inequivalent arg '${argument}' for queue '${stream.name}' in vhost '${vhost}': the topic is there already, ` +
        `and it is ${current} there, not ${received}: declare the queue without it`,
    )
  }
}

function durabilityIn(given: Arguments): string | null {
  const durability = given.get(DURABILITY)
  return isDurability(durability) ? durability : null
}

/** As checkSameQueue, of a stream that was declared as a queue. */
export function checkSameStreamQueue(stream: Stream, traits: QueueTraits, vhost: string): void {
  const where = `queue '${stream.name}' in vhost '${vhost}'`
  const declared = stream.queueArguments as Arguments
  compare('durable', traits.durable, true, where)
  compare('auto_delete', traits.autoDelete, false, where)
  if (traits.exclusiveOwner !== 0) throw lockedQueue(stream.name, vhost)
  const type = 'x-queue-type'
  const received = traits.arguments.get(type) ?? 'classic'
  compareArgument({ argument: type, received, current: 'stream', where })
  for (const argument of COMPARED_ARGUMENTS) {
    const [given, current] = [traits.arguments.get(argument), declared.get(argument)]
    compareArgument({ argument, received: given, current, where })
  }
  const durability = traits.arguments.get(DURABILITY)
  if (durability === undefined) return
  const { config } = stream
  compareArgument({ argument: DURABILITY, received: durability, current: config.durability, where })
}

function refused(message: string): BrokerError {
  return new BrokerError(ErrorCode.preconditionFailed, message)
}
