import type { Durability } from '../../../core/commits.ts'
import { durabilities } from '../../../core/durability.ts'
import { BrokerError } from '../../../core/errors.ts'
import { defaultStreamConfig } from '../../../core/stream/stream-config.ts'
import type { StreamOptions } from '../../../core/stream/stream.ts'
import type { ApiKey } from '../codec/api-keys.ts'
import type {
  CreatableTopic,
  CreatableTopicConfigs,
  CreatableTopicResult,
  CreateTopicsRequest,
} from '../codec/messages/admin.ts'
import { zeroUuid } from '../codec/primitives.ts'
import { KafkaError, coreErrors } from '../errors.ts'
import { kafkaLimits } from '../limits.ts'
import { printable } from '../printable.ts'
import type { RequestContext } from '../request-context.ts'
import { parseTopicConfigs, settingOf, topicConfigs, type ParsedConfigs } from '../topic-configs.ts'
import { checkTopicName } from '../topic-names.ts'

type CreateContext = RequestContext<typeof ApiKey.CreateTopics>

/** In a request: as many as the broker thinks right. [KIP-464] */
const unsaid = -1
const Source = { topic: 1, fallback: 5 } as const

/** What is wrong with one topic of the request. */
interface Refusal {
  readonly errorCode: KafkaError
  readonly message: string | null
}

/**
 * Creates each topic or says why not. A replication factor above 1 is taken and answered with 1:
 * there is one node, and many programs have the 3 of their production written in.
 */
export function createTopics(body: CreateTopicsRequest, request: CreateContext): void {
  const names = new Set<string>()
  const twice = new Set<string>()
  for (const { name } of body.topics) {
    if (names.has(name)) twice.add(name)
    names.add(name)
  }
  const isTooMuch = countPartitions(body, request) > kafkaLimits.partitionsCreatedMax
  const topics: CreatableTopicResult[] = []
  for (const topic of body.topics) {
    if (twice.has(topic.name)) continue
    if (isTooMuch) topics.push(refused(topic.name, tooMuch))
    else topics.push(createTopic(topic, body.validateOnly, request))
  }
  // As Kafka, a name given twice is answered once.
  for (const name of twice) {
    const message = `Create topics request from client contains multiple entries for topic ${printable(name)}`
    topics.push(refused(name, { errorCode: KafkaError.INVALID_REQUEST, message }))
  }
  request.replyWhenSafe({ throttleTimeMs: 0, topics })
}

/** As Kafka, which refuses the whole request. */
const tooMuch: Refusal = {
  errorCode: KafkaError.POLICY_VIOLATION,
  message: 'Excessively large number of partitions per request.',
}

function countPartitions({ topics }: CreateTopicsRequest, { head }: CreateContext): number {
  let count = 0
  for (const { assignments, numPartitions } of topics) {
    if (assignments.length > 0) count += assignments.length
    else count += numPartitions === unsaid ? head.defaultPartitions : Math.max(0, numPartitions)
  }
  return count
}

function createTopic(
  topic: CreatableTopic,
  validateOnly: boolean,
  request: CreateContext,
): CreatableTopicResult {
  const { streams } = request.vhost
  const { name } = topic
  const options = readOptions(topic, request)
  if ('errorCode' in options) return refused(name, options)
  try {
    if (validateOnly) streams.checkNew(name, options)
    else streams.create(name, options)
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    const errorCode = streams.find(name) ? KafkaError.TOPIC_ALREADY_EXISTS : coreErrors[error.code]
    return refused(name, { errorCode, message: error.message })
  }
  return {
    name,
    topicId: streams.find(name)?.id ?? zeroUuid,
    errorCode: KafkaError.NONE,
    errorMessage: null,
    topicConfigErrorCode: KafkaError.NONE,
    numPartitions: options.partitions,
    replicationFactor: 1,
    configs: showConfigs(options),
  }
}

function readOptions(topic: CreatableTopic, request: CreateContext): StreamOptions | Refusal {
  const { name } = topic
  if (!request.may('configure', 'stream', name)) {
    return { errorCode: KafkaError.TOPIC_AUTHORIZATION_FAILED, message: null }
  }
  const nameError = checkTopicName(name)
  if (nameError !== KafkaError.NONE) {
    const message = 'A topic name has 1 to 249 characters of a-z A-Z 0-9 . _ - and is not . or ..'
    return { errorCode: nameError, message }
  }
  const partitions = readPartitions(topic, request)
  if (typeof partitions !== 'number') return partitions
  const parsed = parseTopicConfigs(topic.configs, request.vhost.streams)
  if (typeof parsed === 'string') return { errorCode: KafkaError.INVALID_CONFIG, message: parsed }
  return { partitions, ...parsed }
}

function readPartitions(topic: CreatableTopic, request: CreateContext): number | Refusal {
  const { numPartitions, replicationFactor, assignments } = topic
  if (assignments.length > 0) return readAssignments(topic)
  if (numPartitions < 1 && numPartitions !== unsaid) {
    const message = 'Number of partitions was set to an invalid non-positive value.'
    return { errorCode: KafkaError.INVALID_PARTITIONS, message }
  }
  if (replicationFactor < 1 && replicationFactor !== unsaid) {
    const message = 'Replication factor must be larger than 0, or -1 to use the default value.'
    return { errorCode: KafkaError.INVALID_REPLICATION_FACTOR, message }
  }
  return numPartitions === unsaid ? request.head.defaultPartitions : numPartitions
}

/** Which node gets which partition is not a question here; how many there are is. */
function readAssignments(topic: CreatableTopic): number | Refusal {
  if (topic.numPartitions !== unsaid || topic.replicationFactor !== unsaid) {
    const message =
      'With assignments, the number of partitions and the replication factor must be -1.'
    return { errorCode: KafkaError.INVALID_REQUEST, message }
  }
  const indexes = new Set(topic.assignments.map(({ partitionIndex }) => partitionIndex))
  const count = topic.assignments.length
  const isWhole =
    indexes.size === count && [...indexes].every((index) => index >= 0 && index < count)
  if (isWhole && topic.assignments.every(({ brokerIds }) => brokerIds.length > 0)) return count
  const message = 'Assignments must name each partition from 0 on once, with at least one replica.'
  return { errorCode: KafkaError.INVALID_REPLICA_ASSIGNMENT, message }
}

function showConfigs(options: StreamOptions): readonly CreatableTopicConfigs[] {
  const isPlain = options.settings.size === 0
  return (isPlain && plainConfigs.get(options.config.durability)) || listConfigs(options)
}

function listConfigs(made: ParsedConfigs): readonly CreatableTopicConfigs[] {
  return topicConfigs.map((config) => ({
    name: config.name,
    value: settingOf(config, made),
    readOnly: false,
    configSource: made.settings.has(config.name) ? Source.topic : Source.fallback,
    isSensitive: false,
  }))
}

/** Of topics whose creator sets nothing. Made once: a request may create thousands of topics. */
const plainConfigs: ReadonlyMap<Durability, readonly CreatableTopicConfigs[]> = new Map(
  durabilities.map((durability) => {
    const config = { ...defaultStreamConfig, durability }
    return [durability, listConfigs({ config, settings: new Map() })]
  }),
)

function refused(name: string, { errorCode, message }: Refusal): CreatableTopicResult {
  return {
    name,
    topicId: zeroUuid,
    errorCode,
    errorMessage: message,
    topicConfigErrorCode: KafkaError.NONE,
    numPartitions: -1,
    replicationFactor: -1,
    configs: [],
  }
}
