import type { Partition } from '../../../core/stream/partition.ts'
import type { Stream } from '../../../core/stream/stream.ts'
import { findByTime, findYoungest, type RecordTime } from '../../../core/stream/time-lookup.ts'
import type { ApiKey } from '../codec/api-keys.ts'
import type {
  ListOffsetsPartition,
  ListOffsetsPartitionResponse,
  ListOffsetsRequest,
  ListOffsetsTopic,
  ListOffsetsTopicResponse,
} from '../codec/messages/log.ts'
import { KafkaError } from '../errors.ts'
import { kafkaLimits } from '../limits.ts'
import type { RequestContext } from '../request-context.ts'

/** What a client may ask for instead of a time. */
const Place = {
  latest: -1,
  earliest: -2,
  /** Of the record with the greatest timestamp; from version 7. [KIP-734] */
  youngest: -3,
  /** First on this machine; from version 8. Nothing is anywhere else. [KIP-405] */
  earliestLocal: -4,
  /** Last on other storage; from version 9. There is none. [KIP-1005] */
  latestTiered: -5,
} as const

const nowhere: RecordTime = { offset: -1, timestamp: -1 }

export function listOffsets(
  { topics }: ListOffsetsRequest,
  request: RequestContext<typeof ApiKey.ListOffsets>,
): void {
  const work = answer(topics, request)
  if (work.next().done !== true) request.inPieces(() => work.next().done !== true)
}

/** Stops before each search but the first: one may open many batches, and a request ask for thousands. */
function* answer(
  topics: readonly ListOffsetsTopic[],
  request: RequestContext<typeof ApiKey.ListOffsets>,
): Generator<undefined, void> {
  const answered: ListOffsetsTopicResponse[] = []
  let searches = 0
  for (const { name, partitions } of topics) {
    const { stream, refusal } = findTopic(name, request)
    const own: ListOffsetsPartitionResponse[] = []
    for (const asked of partitions) {
      const isSearch = asked.timestamp >= 0 || asked.timestamp === Place.youngest
      if (isSearch && searches++ > 0) yield
      own.push(answerPartition({ asked, stream, refusal }, request))
    }
    answered.push({ name, partitions: own })
  }
  request.reply({ throttleTimeMs: 0, topics: answered })
}

function findTopic(
  name: string,
  request: RequestContext<typeof ApiKey.ListOffsets>,
): { readonly stream: Stream | undefined; readonly refusal: KafkaError } {
  if (!request.may('read', 'stream', name)) {
    return { stream: undefined, refusal: KafkaError.TOPIC_AUTHORIZATION_FAILED }
  }
  const stream = request.vhost.streams.find(name)
  return { stream, refusal: KafkaError.UNKNOWN_TOPIC_OR_PARTITION }
}

function answerPartition(
  question: {
    readonly asked: ListOffsetsPartition
    readonly stream: Stream | undefined
    /** If there is no such partition. */
    readonly refusal: KafkaError
  },
  request: RequestContext<typeof ApiKey.ListOffsets>,
): ListOffsetsPartitionResponse {
  const { partitionIndex, currentLeaderEpoch, timestamp } = question.asked
  const partition = question.stream?.partitions[partitionIndex]
  if (partition === undefined) return refused(partitionIndex, question.refusal)
  const { leaderEpoch } = partition
  if (currentLeaderEpoch !== -1 && currentLeaderEpoch !== leaderEpoch) {
    const isOld = currentLeaderEpoch < leaderEpoch
    const fenced = isOld ? KafkaError.FENCED_LEADER_EPOCH : KafkaError.UNKNOWN_LEADER_EPOCH
    return refused(partitionIndex, fenced)
  }
  const found = findPlace(partition, timestamp, request)
  return {
    partitionIndex,
    errorCode: KafkaError.NONE,
    timestamp: found.timestamp,
    offset: found.offset,
    leaderEpoch: found.offset === -1 ? -1 : leaderEpoch,
  }
}

function findPlace(
  partition: Partition,
  timestamp: number,
  request: RequestContext<typeof ApiKey.ListOffsets>,
): RecordTime {
  switch (timestamp) {
    case Place.latest:
      return { offset: partition.highWatermark, timestamp: -1 }
    case Place.earliest:
    case Place.earliestLocal:
      return { offset: partition.logStart, timestamp: -1 }
    case Place.latestTiered:
      return nowhere
  }
  const options = {
    log: request.broker.messages,
    decompress: request.head.decompress,
    decompressedBytesMax: kafkaLimits.decompressedBytesMax,
  }
  if (timestamp === Place.youngest) return findYoungest(partition, options) ?? nowhere
  return findByTime(partition, timestamp, options) ?? nowhere
}

function refused(partitionIndex: number, errorCode: KafkaError): ListOffsetsPartitionResponse {
  return { partitionIndex, errorCode, timestamp: -1, offset: -1, leaderEpoch: -1 }
}
