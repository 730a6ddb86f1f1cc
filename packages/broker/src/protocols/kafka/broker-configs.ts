import type { RequestContext } from './request-context.ts'
import { ConfigType, fallbackOf, topicConfigs } from './topic-configs.ts'

/** One config of the node, as DescribeConfigs shows it. */
export interface BrokerConfig {
  readonly name: string
  readonly value: string | null
  readonly type: ConfigType
  /** Whether it differs from Kafka's default because we, or an option, say so. */
  readonly isSet: boolean
}

const { boolean, string, int, long, list } = ConfigType

/** What the node would say of itself if it were Kafka: the defaults of topics, and its own places. */
export function brokerConfigs({ head, address }: RequestContext): BrokerConfig[] {
  const listener = `PLAINTEXT://${address.host}:${address.port}`
  const own: BrokerConfig[] = [
    set('advertised.listeners', string, listener),
    set('auto.create.topics.enable', boolean, String(head.autoCreateTopics)),
    set('broker.id', int, String(head.nodeId)),
    fallback('broker.rack', string, null),
    fallback('connections.max.idle.ms', long, '600000'),
    fallback('default.replication.factor', int, '1'),
    fallback('delete.topic.enable', boolean, 'true'),
    set('fetch.max.bytes', int, '8388608'),
    fallback('group.max.session.timeout.ms', int, '1800000'),
    fallback('group.min.session.timeout.ms', int, '6000'),
    set('listeners', string, listener),
    set('node.id', int, String(head.nodeId)),
    set('num.partitions', int, String(head.defaultPartitions)),
    fallback('offset.metadata.max.bytes', int, '4096'),
    fallback('offsets.retention.minutes', int, '10080'),
    set('process.roles', list, 'broker,controller'),
    set('sasl.enabled.mechanisms', list, 'PLAIN'),
    fallback('socket.request.max.bytes', int, '104857600'),
  ]
  const ofTopics = topicConfigs.map((config) =>
    fallback(config.brokerName, config.type, fallbackOf(config, head.broker.durability)),
  )
  return [...own, ...ofTopics].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function set(name: string, type: ConfigType, value: string): BrokerConfig {
  return { name, value, type, isSet: true }
}

function fallback(name: string, type: ConfigType, value: string | null): BrokerConfig {
  return { name, value, type, isSet: false }
}
