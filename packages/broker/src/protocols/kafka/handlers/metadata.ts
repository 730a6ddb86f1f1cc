import { BrokerError } from '../../../core/errors.ts'
import type { Stream } from '../../../core/stream/stream.ts'
import type { ApiKey } from '../codec/api-keys.ts'
import type {
  MetadataRequest,
  MetadataRequestTopic,
  MetadataResponsePartition,
  MetadataResponseTopic,
} from '../codec/messages/admin.ts'
import { zeroUuid } from '../codec/primitives.ts'
import { KafkaError, coreErrors } from '../errors.ts'
import { kafkaLimits } from '../limits.ts'
import { clusterOperations, notAsked, topicOperations } from '../operations.ts'
import type { RequestContext } from '../request-context.ts'
import { checkTopicName } from '../topic-names.ts'

/** The first version in which topics may be asked for by their id. */
const idsFrom = 12

type MetadataContext = RequestContext<typeof ApiKey.Metadata>

/** What is asked of each topic. */
interface Question {
  readonly mayCreate: boolean
  /** How many partitions the request may still bring into being. */
  partitionsLeft: number
  readonly withOperations: boolean
}

/** A missing topic that may be created is there, leader and all, in the answer that asked for it. */
export function metadata(body: MetadataRequest, request: MetadataContext): void {
  const { head, address } = request
  const question: Question = {
    mayCreate: body.allowAutoTopicCreation && head.autoCreateTopics,
    partitionsLeft: kafkaLimits.partitionsCreatedMax,
    withOperations: body.includeTopicAuthorizedOperations,
  }
  // Version 0 has no null, and means all topics by none.
  const wantsAll = body.topics === null || (request.apiVersion === 0 && body.topics.length === 0)
  const topics = wantsAll
    ? describeAll(question, request)
    : unique(body.topics ?? []).map((topic) => answerTopic(topic, question, request))
  const answer = {
    throttleTimeMs: 0,
    brokers: [{ nodeId: head.nodeId, host: address.host, port: address.port, rack: null }],
    clusterId: head.clusterId,
    controllerId: head.nodeId,
    topics,
    clusterAuthorizedOperations: body.includeClusterAuthorizedOperations
      ? clusterOperations(request)
      : notAsked,
  }
  // Nobody is told of a topic, be it another client's, that a power cut could still take away.
  if (request.broker.completions.declarationsAreSafe) request.reply(answer)
  else request.replyWhenSafe(answer)
}

/**
 * As Kafka, who names a topic twice is answered once: or a few bytes for each name of a topic of
 * 10,000 partitions would make an answer that no memory holds.
 */
function unique(topics: readonly MetadataRequestTopic[]): MetadataRequestTopic[] {
  const seen = new Set<string>()
  return topics.filter(({ name, topicId }) => {
    const key = name ?? `\0${topicId.toString('hex')}`
    return !seen.has(key) && seen.add(key)
  })
}

/** Topics that the client may not see are left out, and streams of a name that no topic can have: AMQP's queues may have any. */
function describeAll(question: Question, request: MetadataContext): MetadataResponseTopic[] {
  const topics: MetadataResponseTopic[] = []
  for (const stream of request.vhost.streams.values()) {
    const isTopic = checkTopicName(stream.name) === KafkaError.NONE
    if (isTopic && request.may('describe', 'stream', stream.name)) {
      topics.push(describe(stream, question, request))
    }
  }
  return topics
}

function answerTopic(
  { name, topicId }: MetadataRequestTopic,
  question: Question,
  request: MetadataContext,
): MetadataResponseTopic {
  // Versions 10 and 11 have a place for ids and do not serve them, nor a null name to answer with.
  if (request.apiVersion < idsFrom && (name === null || !topicId.equals(zeroUuid))) {
    return refused(name ?? '', KafkaError.INVALID_REQUEST)
  }
  if (name === null) return answerById(topicId, question, request)
  const { streams } = request.vhost
  if (!request.may('describe', 'stream', name)) {
    return refused(name, KafkaError.TOPIC_AUTHORIZATION_FAILED)
  }
  const stream = streams.find(name)
  if (stream !== undefined) return describe(stream, question, request)
  const nameError = checkTopicName(name)
  if (nameError !== KafkaError.NONE) return refused(name, nameError)
  if (!question.mayCreate) return refused(name, KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
  return create(name, question, request)
}

function answerById(
  topicId: Buffer,
  question: Question,
  request: MetadataContext,
): MetadataResponseTopic {
  const stream = request.vhost.streams.findById(topicId)
  if (stream === undefined || !request.may('describe', 'stream', stream.name)) {
    return { ...refused(null, KafkaError.UNKNOWN_TOPIC_ID), topicId }
  }
  return describe(stream, question, request)
}

function create(name: string, question: Question, request: MetadataContext): MetadataResponseTopic {
  if (!request.may('configure', 'stream', name)) {
    return refused(name, KafkaError.TOPIC_AUTHORIZATION_FAILED)
  }
  const { defaultPartitions, logger } = request.head
  // The rest in a turn of its own: clients ask again at once.
  if (question.partitionsLeft <= 0) return refused(name, KafkaError.LEADER_NOT_AVAILABLE)
  question.partitionsLeft -= defaultPartitions
  try {
    const stream = request.vhost.streams.create(name, {
      partitions: defaultPartitions,
      config: request.vhost.streams.defaultConfig,
      settings: new Map(),
    })
    logger.debug(`topic ${name} created because a client asked for it`)
    return describe(stream, question, request)
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    return refused(name, coreErrors[error.code])
  }
}

function describe(
  stream: Stream,
  { withOperations }: Question,
  request: MetadataContext,
): MetadataResponseTopic {
  const { nodeId } = request.head
  const nodes = [nodeId]
  const partitions: MetadataResponsePartition[] = stream.partitions.map(
    ({ index, leaderEpoch }) => ({
      errorCode: KafkaError.NONE,
      partitionIndex: index,
      leaderId: nodeId,
      leaderEpoch,
      replicaNodes: nodes,
      isrNodes: nodes,
      offlineReplicas: [],
    }),
  )
  return {
    errorCode: KafkaError.NONE,
    name: stream.name,
    topicId: stream.id,
    isInternal: false,
    partitions,
    topicAuthorizedOperations: withOperations ? topicOperations(stream.name, request) : notAsked,
  }
}

function refused(name: string | null, errorCode: KafkaError): MetadataResponseTopic {
  return {
    errorCode,
    name,
    topicId: zeroUuid,
    isInternal: false,
    partitions: [],
    topicAuthorizedOperations: notAsked,
  }
}
