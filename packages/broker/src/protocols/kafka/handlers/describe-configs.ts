import type { Stream } from '../../../core/stream/stream.ts'
import { brokerConfigs } from '../broker-configs.ts'
import type { ApiKey } from '../codec/api-keys.ts'
import type {
  DescribeConfigsRequest,
  DescribeConfigsResource,
  DescribeConfigsResourceResult,
  DescribeConfigsResult,
  DescribeConfigsSynonym,
} from '../codec/messages/admin.ts'
import { KafkaError } from '../errors.ts'
import type { RequestContext } from '../request-context.ts'
import { fallbackOf, settingOf, topicConfigs, type TopicConfig } from '../topic-configs.ts'

type DescribeContext = RequestContext<typeof ApiKey.DescribeConfigs>

const ResourceType = { topic: 2, broker: 4 } as const
/** Where a value comes from. */
const Source = { topic: 1, staticBroker: 4, fallback: 5 } as const

/** Every config, set or not: clients read them all, change one and write them all back. */
export function describeConfigs(body: DescribeConfigsRequest, request: DescribeContext): void {
  const results = unique(body.resources).map((resource) => {
    const result = describe(resource, request)
    return { ...result, configs: select(result.configs, resource, body) }
  })
  request.reply({ throttleTimeMs: 0, results })
}

/** Who names a resource twice is answered once: each name of a few bytes asks for some 6 KB. */
function unique(resources: readonly DescribeConfigsResource[]): DescribeConfigsResource[] {
  const seen = new Set<string>()
  return resources.filter(({ resourceType, resourceName }) => {
    const key = `${resourceType} ${resourceName}`
    return !seen.has(key) && seen.add(key)
  })
}

function describe(
  resource: DescribeConfigsResource,
  request: DescribeContext,
): DescribeConfigsResult {
  switch (resource.resourceType) {
    case ResourceType.topic:
      return describeTopic(resource, request)
    case ResourceType.broker:
      return describeBroker(resource, request)
    default:
      return refused(resource, KafkaError.INVALID_REQUEST, 'Only topics and brokers have configs')
  }
}

function describeTopic(
  resource: DescribeConfigsResource,
  request: DescribeContext,
): DescribeConfigsResult {
  const name = resource.resourceName
  if (!request.may('describe', 'stream', name)) {
    return refused(resource, KafkaError.TOPIC_AUTHORIZATION_FAILED, null)
  }
  const stream = request.vhost.streams.find(name)
  if (stream === undefined) return refused(resource, KafkaError.UNKNOWN_TOPIC_OR_PARTITION, null)
  return found(
    resource,
    topicConfigs.map((config) => showTopicConfig(config, stream, request)),
  )
}

function showTopicConfig(
  config: TopicConfig,
  stream: Stream,
  { broker }: DescribeContext,
): DescribeConfigsResourceResult {
  const { name, brokerName, type, documentation } = config
  const value = settingOf(config, stream)
  const fallback = fallbackOf(config, broker.durability)
  const isSet = stream.settings.has(name)
  const byDefault = { name: brokerName, value: fallback, source: Source.fallback }
  return {
    name,
    value,
    readOnly: false,
    configSource: isSet ? Source.topic : Source.fallback,
    isSensitive: false,
    synonyms: isSet ? [{ name, value, source: Source.topic }, byDefault] : [byDefault],
    configType: type,
    documentation,
  }
}

function describeBroker(
  resource: DescribeConfigsResource,
  request: DescribeContext,
): DescribeConfigsResult {
  const { broker, principal, head } = request
  if (!broker.access.authorize(principal, 'administer', { kind: 'broker' })) {
    return refused(resource, KafkaError.CLUSTER_AUTHORIZATION_FAILED, null)
  }
  // An empty name asks for what all brokers were told while running: nothing.
  if (resource.resourceName === '') return found(resource, [])
  if (resource.resourceName !== String(head.nodeId)) {
    const message = `Unexpected broker id, expected ${head.nodeId} or empty string`
    return refused(resource, KafkaError.INVALID_REQUEST, message)
  }
  return found(
    resource,
    brokerConfigs(request).map(({ name, value, type, isSet }) => {
      const source = isSet ? Source.staticBroker : Source.fallback
      return {
        name,
        value,
        readOnly: true,
        configSource: source,
        isSensitive: false,
        synonyms: [{ name, value, source }],
        configType: type,
        documentation: null,
      }
    }),
  )
}

const noSynonyms: readonly DescribeConfigsSynonym[] = []

/** Of what there is, what was asked for. None asked for, or null, means all. */
function select(
  configs: readonly DescribeConfigsResourceResult[],
  { configurationKeys }: DescribeConfigsResource,
  { includeSynonyms, includeDocumentation }: DescribeConfigsRequest,
): DescribeConfigsResourceResult[] {
  const wanted =
    configurationKeys === null || configurationKeys.length === 0 ? null : new Set(configurationKeys)
  return configs
    .filter(({ name }) => wanted === null || wanted.has(name))
    .map((config) => ({
      ...config,
      synonyms: includeSynonyms ? config.synonyms : noSynonyms,
      documentation: includeDocumentation ? config.documentation : null,
    }))
}

function found(
  { resourceType, resourceName }: DescribeConfigsResource,
  configs: readonly DescribeConfigsResourceResult[],
): DescribeConfigsResult {
  return { errorCode: KafkaError.NONE, errorMessage: null, resourceType, resourceName, configs }
}

function refused(
  { resourceType, resourceName }: DescribeConfigsResource,
  errorCode: KafkaError,
  errorMessage: string | null,
): DescribeConfigsResult {
  return { errorCode, errorMessage, resourceType, resourceName, configs: [] }
}
