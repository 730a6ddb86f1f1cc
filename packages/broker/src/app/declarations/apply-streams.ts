import type { StreamConfig } from '../../core/stream/stream-config.ts'
import type { Stream } from '../../core/stream/stream.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { parseTopicConfigs, type ParsedConfigs } from '../../protocols/kafka/topic-configs.ts'
import {
  DeclarationError,
  type DeclaredFeed,
  type DeclaredStream,
  type DeclaredStreamConfig,
} from './declarations.ts'

/** Made as a Kafka client would make it, so that Kafka clients are shown what was set. */
export function applyStream(vhost: VirtualHost, declared: DeclaredStream): void {
  const { name, partitions = 1 } = declared
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..') {
    const rule = 'A stream has a name of 1 to 249 of a-z A-Z 0-9 . _ -, not . or ..'
    throw new DeclarationError('', `stream '${name}' cannot be called so. ${rule}`)
  }
  const parsed = parseConfig(vhost, declared)
  const existing = vhost.streams.find(name)
  if (existing === undefined) vhost.streams.create(name, { partitions, ...parsed })
  else checkSameStream(existing, partitions, parsed)
}

/** What Kafka calls it. */
const kafkaNames: Readonly<Record<keyof DeclaredStreamConfig, string>> = {
  retentionMs: 'retention.ms',
  retentionBytes: 'retention.bytes',
  batchBytesMax: 'max.message.bytes',
  timestamps: 'message.timestamp.type',
  segmentBytes: 'segment.bytes',
  segmentMs: 'segment.ms',
  durability: 'durability',
}

function parseConfig(vhost: VirtualHost, { name, config = {} }: DeclaredStream): ParsedConfigs {
  const settings = (Object.keys(kafkaNames) as (keyof DeclaredStreamConfig)[])
    .filter((key) => config[key] !== undefined)
    .map((key) => ({ name: kafkaNames[key], value: kafkaValue(config[key] ?? null) }))
  const parsed = parseTopicConfigs(settings, vhost.streams)
  if (typeof parsed !== 'string') return parsed
  throw new DeclarationError('', `stream '${name}': ${parsed}`)
}

function kafkaValue(value: string | number | null): string {
  if (value === null) return '-1'
  if (value === 'producer') return 'CreateTime'
  return value === 'log' ? 'LogAppendTime' : String(value)
}

function checkSameStream(
  { name, partitions: there, config: current }: Stream,
  partitions: number,
  { config, settings }: ParsedConfigs,
): void {
  if (there.length !== partitions) throw differs(name, 'partitions', there.length, partitions)
  for (const key of Object.keys(current) as (keyof StreamConfig)[]) {
    // Who says nothing of it is not asked what the broker's default was when the stream was made.
    if (key === 'durability' && !settings.has(key)) continue
    if (current[key] !== config[key]) throw differs(name, key, current[key], config[key])
  }
}

function differs(
  name: string,
  what: string,
  there: string | number,
  here: string | number,
): DeclarationError {
  return new DeclarationError(
    '',
    `stream '${name}' is there with other ${what}: ${there} there, ${here} here. ` +
      'Say it here as it is there, or delete the stream',
  )
}

/** The core says what differs from one that is there. */
export function applyFeed(vhost: VirtualHost, declared: DeclaredFeed): void {
  const { name, stream, exchange, routingKey = null, from = 'first' } = declared
  vhost.feeds.declare(name, { stream, exchange, routingKey, from })
}
