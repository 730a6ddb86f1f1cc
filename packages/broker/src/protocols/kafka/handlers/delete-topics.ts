import type { Stream } from '../../../core/stream/stream.ts'
import type { ApiKey } from '../codec/api-keys.ts'
import type {
  DeletableTopicResult,
  DeleteTopicState,
  DeleteTopicsRequest,
} from '../codec/messages/admin.ts'
import { zeroUuid } from '../codec/primitives.ts'
import { KafkaError } from '../errors.ts'
import type { RequestContext } from '../request-context.ts'

type DeleteContext = RequestContext<typeof ApiKey.DeleteTopics>

const topicsFrom = 6

/** Gone at once; the records follow a piece at a time. */
export function deleteTopics(body: DeleteTopicsRequest, request: DeleteContext): void {
  const asked: readonly DeleteTopicState[] =
    request.apiVersion >= topicsFrom
      ? body.topics
      : body.topicNames.map((name) => ({ name, topicId: zeroUuid }))
  const responses = asked.map((topic) => deleteTopic(topic, request))
  request.replyWhenSafe({ throttleTimeMs: 0, responses })
}

function deleteTopic(topic: DeleteTopicState, request: DeleteContext): DeletableTopicResult {
  const { streams } = request.vhost
  const { name, topicId } = topic
  const hasId = !topicId.equals(zeroUuid)
  if (name === null ? !hasId : hasId) {
    return refused(topic, KafkaError.INVALID_REQUEST, 'Name a topic by its name or by its id')
  }
  const stream = name === null ? streams.findById(topicId) : streams.find(name)
  const error = check(stream, topic, request)
  if (stream === undefined || error !== KafkaError.NONE) return refused(topic, error)
  streams.delete(stream)
  return { name: stream.name, topicId: stream.id, errorCode: KafkaError.NONE, errorMessage: null }
}

/** Who may not see a topic learns no more than that. As Kafka. */
function check(
  stream: Stream | undefined,
  { name }: DeleteTopicState,
  request: DeleteContext,
): KafkaError {
  const wanted = stream?.name ?? name
  if (wanted !== null && !request.may('configure', 'stream', wanted)) {
    const isHidden = name === null && !request.may('describe', 'stream', wanted)
    return isHidden ? KafkaError.UNKNOWN_TOPIC_ID : KafkaError.TOPIC_AUTHORIZATION_FAILED
  }
  if (stream !== undefined) return KafkaError.NONE
  return name === null ? KafkaError.UNKNOWN_TOPIC_ID : KafkaError.UNKNOWN_TOPIC_OR_PARTITION
}

function refused(
  { name, topicId }: DeleteTopicState,
  errorCode: KafkaError,
  errorMessage: string | null = null,
): DeletableTopicResult {
  return { name, topicId, errorCode, errorMessage }
}
