import type { Durability } from '../../core/commits.ts'
import { durabilities, isDurability } from '../../core/durability.ts'
import type { StreamConfig } from '../../core/stream/stream-config.ts'
import type { Streams } from '../../core/stream/streams.ts'
import { printable } from './printable.ts'

/** Kafka's ConfigDef.Type, as DescribeConfigs numbers them. */
export const ConfigType = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
} as const
export type ConfigType = (typeof ConfigType)[keyof typeof ConfigType]

/**
 * What setting it does here:
 *   served    what Kafka says it does
 *   harmless  nothing: it tunes what is not there (indexes, replicas, a cleaner); kept and shown
 *   fixed     refused unless it is the default, because records would not be treated as promised
 */
type Effect = 'served' | 'harmless' | 'fixed'

export interface TopicConfig {
  readonly name: string
  readonly type: ConfigType
  readonly fallback: string
  readonly effect: Effect
  /** The broker's config that gives the default. */
  readonly brokerName: string
  /** Smallest sound number; null for what is no number. */
  readonly min: number | null
  readonly documentation: string
}

const { boolean, string, int, long, double, list } = ConfigType

/** Ours, not Kafka's. Its default is the broker's. */
const DURABILITY = 'durability'

/** Every topic config of Kafka 4, with its default, and one of ours. */
export const topicConfigs: readonly TopicConfig[] = [
  fixed(
    'cleanup.policy',
    list,
    'delete',
    'log.cleanup.policy',
    'Only delete is served: compaction comes later.',
  ),
  fixed(
    'compression.type',
    string,
    'producer',
    'compression.type',
    'Batches are kept as their producer sent them.',
  ),
  harmless('delete.retention.ms', long, '86400000', 'log.cleaner.delete.retention.ms', 0),
  served(
    DURABILITY,
    string,
    'sync',
    DURABILITY,
    null,
    'When records are acknowledged: sync, on the disk; os, handed to the system; memory, at once and kept nowhere else.',
  ),
  harmless('file.delete.delay.ms', long, '60000', 'log.segment.delete.delay.ms', 0),
  harmless('flush.messages', long, '9223372036854775807', 'log.flush.interval.messages', 1),
  harmless('flush.ms', long, '9223372036854775807', 'log.flush.interval.ms', 0),
  harmless(
    'follower.replication.throttled.replicas',
    list,
    '',
    'follower.replication.throttled.replicas',
    null,
  ),
  harmless('index.interval.bytes', int, '4096', 'log.index.interval.bytes', 0),
  harmless(
    'leader.replication.throttled.replicas',
    list,
    '',
    'leader.replication.throttled.replicas',
    null,
  ),
  harmless('local.retention.bytes', long, '-2', 'log.local.retention.bytes', -2),
  harmless('local.retention.ms', long, '-2', 'log.local.retention.ms', -2),
  harmless(
    'max.compaction.lag.ms',
    long,
    '9223372036854775807',
    'log.cleaner.max.compaction.lag.ms',
    1,
  ),
  served(
    'max.message.bytes',
    int,
    '1048588',
    'message.max.bytes',
    0,
    'Largest record batch, as sent.',
  ),
  served(
    'message.timestamp.after.max.ms',
    long,
    '3600000',
    'log.message.timestamp.after.max.ms',
    0,
    'How far in the future a producer may stamp its records.',
  ),
  fixed(
    'message.timestamp.before.max.ms',
    long,
    '9223372036854775807',
    'log.message.timestamp.before.max.ms',
    'Old records are taken.',
  ),
  served(
    'message.timestamp.type',
    string,
    'CreateTime',
    'log.message.timestamp.type',
    null,
    'CreateTime, or LogAppendTime: records are stamped as they arrive.',
  ),
  harmless('min.cleanable.dirty.ratio', double, '0.5', 'log.cleaner.min.cleanable.ratio', 0),
  harmless('min.compaction.lag.ms', long, '0', 'log.cleaner.min.compaction.lag.ms', 0),
  harmless('min.insync.replicas', int, '1', 'min.insync.replicas', 1),
  harmless('preallocate', boolean, 'false', 'log.preallocate', null),
  fixed(
    'remote.storage.enable',
    boolean,
    'false',
    'remote.storage.enable',
    'There is no remote storage.',
  ),
  served(
    'retention.bytes',
    long,
    '-1',
    'log.retention.bytes',
    -1,
    'Bytes that a partition keeps; -1 for all.',
  ),
  served(
    'retention.ms',
    long,
    '604800000',
    'log.retention.ms',
    -1,
    'How long records are kept; -1 for ever.',
  ),
  served(
    'segment.bytes',
    int,
    '1073741824',
    'log.segment.bytes',
    14,
    'A file of a partition holds at most so many bytes; retention removes whole files.',
  ),
  harmless('segment.index.bytes', int, '10485760', 'log.index.size.max.bytes', 4),
  harmless('segment.jitter.ms', long, '0', 'log.roll.jitter.ms', 0),
  served(
    'segment.ms',
    long,
    '604800000',
    'log.roll.ms',
    1,
    'A new file of a partition is begun when the present one is so old.',
  ),
  harmless(
    'unclean.leader.election.enable',
    boolean,
    'false',
    'unclean.leader.election.enable',
    null,
  ),
]

const byName = new Map<string, TopicConfig>(topicConfigs.map((config) => [config.name, config]))

export interface ParsedConfigs {
  readonly config: StreamConfig
  /** What was set, as it was set. */
  readonly settings: ReadonlyMap<string, string>
}

export interface ConfigSetting {
  readonly name: string
  readonly value: string | null
}

/** What a creator asks of its topic among these streams; or, as a string, why not. */
export function parseTopicConfigs(
  given: readonly ConfigSetting[],
  streams: Pick<Streams, 'defaultConfig' | 'canKeep'>,
): ParsedConfigs | string {
  const settings = new Map<string, string>()
  for (const { name, value } of given) {
    const config = byName.get(name)
    if (config === undefined) return `Unknown topic config name: ${printable(name)}`
    if (value === null) return `Null value not supported for topic configs: ${name}`
    const wrong = check(config, value, streams)
    if (wrong !== null) return wrong
    settings.set(name, value)
  }
  return { config: toStreamConfig(settings, streams.defaultConfig), settings }
}

/** The value in force of a topic that was made so. */
export function settingOf(config: TopicConfig, { config: made, settings }: ParsedConfigs): string {
  return settings.get(config.name) ?? fallbackOf(config, made.durability)
}

/** The value of who says nothing, in a broker of this durability. */
export function fallbackOf({ name, fallback }: TopicConfig, durability: Durability): string {
  return name === DURABILITY ? durability : fallback
}

function check(
  { name, type, effect, fallback, min }: TopicConfig,
  value: string,
  streams: Pick<Streams, 'canKeep'>,
): string | null {
  const invalid = `Invalid value ${printable(value)} for configuration ${name}`
  if (name === DURABILITY) {
    if (!isDurability(value)) return `${invalid}: ${durabilities.join(', ')}`
    if (!streams.canKeep(value))
      return `${invalid}: it needs a data directory: start the broker with --data DIR`
  }
  if (effect === 'fixed' && value !== fallback) {
    return `${invalid}: this version of PolyMQ serves ${fallback} only`
  }
  if (name === 'message.timestamp.type' && !timestampTypes.has(value)) {
    return `${invalid}: CreateTime or LogAppendTime`
  }
  if (type === boolean && value !== 'true' && value !== 'false') return `${invalid}: true or false`
  if (min === null) return null
  const isNumber = type === double ? /^\d+(\.\d+)?$/.test(value) : /^-?\d{1,19}$/.test(value)
  if (!isNumber) return `${invalid}: not a number`
  const max = type === int ? 2 ** 31 - 1 : Infinity
  const isInRange = Number(value) >= min && Number(value) <= max
  return isInRange
    ? null
    : `${invalid}: must be at least ${min}${max === Infinity ? '' : ` and at most ${max}`}`
}

const timestampTypes: ReadonlySet<string> = new Set(['CreateTime', 'LogAppendTime'])

function toStreamConfig(
  settings: ReadonlyMap<string, string>,
  { durability }: StreamConfig,
): StreamConfig {
  const get = (name: string): string => settings.get(name) ?? byName.get(name)?.fallback ?? ''
  return {
    retentionBytes: orForEver(get('retention.bytes')),
    retentionMs: orForEver(get('retention.ms')),
    batchBytesMax: Number(get('max.message.bytes')),
    timestamps: get('message.timestamp.type') === 'LogAppendTime' ? 'log' : 'producer',
    timestampAfterMsMax: Number(get('message.timestamp.after.max.ms')),
    segmentBytes: Number(get('segment.bytes')),
    segmentMs: Number(get('segment.ms')),
    durability: (settings.get(DURABILITY) as Durability | undefined) ?? durability,
  }
}

function orForEver(value: string): number {
  return Number(value) < 0 ? Infinity : Number(value)
}

function served(
  name: string,
  type: ConfigType,
  fallback: string,
  brokerName: string,
  min: number | null,
  documentation: string,
): TopicConfig {
  return { name, type, fallback, effect: 'served', brokerName, min, documentation }
}

function harmless(
  name: string,
  type: ConfigType,
  fallback: string,
  brokerName: string,
  min: number | null,
): TopicConfig {
  const documentation = 'Accepted, kept and shown; it has no effect here.'
  return { name, type, fallback, effect: 'harmless', brokerName, min, documentation }
}

function fixed(
  name: string,
  type: ConfigType,
  fallback: string,
  brokerName: string,
  documentation: string,
): TopicConfig {
  return { name, type, fallback, effect: 'fixed', brokerName, min: null, documentation }
}
