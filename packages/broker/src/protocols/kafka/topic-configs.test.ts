import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultStreamConfig } from '../../core/stream/stream-config.ts'
import {
  fallbackOf,
  parseTopicConfigs,
  settingOf,
  topicConfigs,
  type ParsedConfigs,
  type TopicConfig,
} from './topic-configs.ts'

type StreamsLike = Parameters<typeof parseTopicConfigs>[1]

const kept: StreamsLike = {
  defaultConfig: { ...defaultStreamConfig, durability: 'sync' },
  canKeep: () => true,
}
const inMemory: StreamsLike = {
  defaultConfig: defaultStreamConfig,
  canKeep: (durability) => durability === 'memory',
}

function parse(given: Readonly<Record<string, string>>, streams = kept): ParsedConfigs | string {
  const settings = Object.entries(given).map(([name, value]) => ({ name, value }))
  return parseTopicConfigs(settings, streams)
}

/** What is set, which must be in order. */
function parsed(given: Readonly<Record<string, string>>, streams = kept): ParsedConfigs {
  const found = parse(given, streams)
  assert.ok(typeof found !== 'string')
  return found
}

function configNamed(name: string): TopicConfig {
  const config = topicConfigs.find((each) => each.name === name)
  assert.ok(config !== undefined)
  return config
}

test('who sets nothing gets Kafka’s defaults, and the broker’s durability', () => {
  assert.deepEqual(parsed({}).config, kept.defaultConfig)
  assert.deepEqual(parsed({}, inMemory).config, inMemory.defaultConfig)
})

test('what is set is served and shown again', () => {
  const settings = {
    durability: 'os',
    'segment.bytes': '14',
    'segment.ms': '1',
    'retention.ms': '-1',
  }
  const made = parsed(settings)
  assert.deepEqual(made.config, {
    ...kept.defaultConfig,
    durability: 'os',
    segmentBytes: 14,
    segmentMs: 1,
    retentionMs: Infinity,
  })
  assert.equal(settingOf(configNamed('durability'), made), 'os')
  assert.equal(settingOf(configNamed('segment.bytes'), made), '14')
})

test('a durability that was not set is shown as it was when the topic was made', () => {
  const durability = configNamed('durability')
  assert.equal(settingOf(durability, parsed({})), 'sync')
  assert.equal(settingOf(durability, parsed({}, inMemory)), 'memory')
  assert.equal(fallbackOf(durability, 'os'), 'os')
  assert.equal(fallbackOf(configNamed('segment.ms'), 'os'), '604800000')
})

test('a durability that is none, or cannot be had, is refused', () => {
  const invalid = 'Invalid value'
  assert.equal(
    parse({ durability: 'moon' }),
    `${invalid} moon for configuration durability: sync, os, memory`,
  )
  assert.equal(
    parse({ durability: 'sync' }, inMemory),
    `${invalid} sync for configuration durability: it needs a data directory: start the broker with --data DIR`,
  )
  assert.equal(parsed({ durability: 'memory' }, inMemory).config.durability, 'memory')
})

test('segments are as small as Kafka lets them be, and no smaller', () => {
  const text = 'Invalid value 13 for configuration segment.bytes: must be at least 14'
  assert.equal(parse({ 'segment.bytes': '13' }), `${text} and at most 2147483647`)
})
