import type { Partition } from '../../../core/stream/partition.ts'
import type { Stream } from '../../../core/stream/stream.ts'
import { greatestTime, TimeSearch, type RecordTime } from '../../../core/stream/time-lookup.ts'
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

type ListOffsetsContext = RequestContext<typeof ApiKey.ListOffsets>

export function listOffsets(
  { topics }: ListOffsetsRequest,
  request: RequestContext<typeof ApiKey.ListOffsets>,
): void {
  const work = answer(topics, request)
  let waiting: TimeSearch | null = null
  const waiter = { wake: (): void => request.inPieces(step) }
  const step = (): boolean => {
    const { value, done } = work.next()
    waiting = null
    if (done === true || value === undefined) return done !== true
    waiting = value
    value.wait(waiter)
    return false
  }
  request.onClosed(() => waiting?.stopWaiting(waiter))
  if (step()) request.inPieces(step)
}

/**
 * Stops before each search but the first, for one may open many batches, and a request ask for thousands; and within one
 * that has to wait for the disk, which it then yields.
 */
function* answer(
  topics: readonly ListOffsetsTopic[],
  request: ListOffsetsContext,
): Generator<TimeSearch | undefined, void> {
  const answered: ListOffsetsTopicResponse[] = []
  let searches = 0
  for (const { name, partitions } of topics) {
    const { stream, refusal } = findTopic(name, request)
    const own: ListOffsetsPartitionResponse[] = []
    for (const asked of partitions) {
      const isSearch = asked.timestamp >= 0 || asked.timestamp === Place.youngest
      if (isSearch && searches++ > 0) yield
      own.push(yield* answerPartition({ asked, stream, refusal }, request))
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

function* answerPartition(
  question: {
    readonly asked: ListOffsetsPartition
    readonly stream: Stream | undefined
    /** If there is no such partition. */
    readonly refusal: KafkaError
  },
  request: ListOffsetsContext,
): Generator<TimeSearch | undefined, ListOffsetsPartitionResponse> {
  const { partitionIndex, currentLeaderEpoch, timestamp } = question.asked
  const partition = question.stream?.partitions[partitionIndex]
  if (partition === undefined) return refused(partitionIndex, question.refusal)
  const { leaderEpoch } = partition
  if (currentLeaderEpoch !== -1 && currentLeaderEpoch !== leaderEpoch) {
    const isOld = currentLeaderEpoch < leaderEpoch
    const fenced = isOld ? KafkaError.FENCED_LEADER_EPOCH : KafkaError.UNKNOWN_LEADER_EPOCH
    return refused(partitionIndex, fenced)
  }
  const found = yield* findPlace(partition, timestamp, request)
  if (partition.damaged !== null) return refused(partitionIndex, KafkaError.KAFKA_STORAGE_ERROR)
  return {
    partitionIndex,
    errorCode: KafkaError.NONE,
    timestamp: found.timestamp,
    offset: found.offset,
    leaderEpoch: found.offset === -1 ? -1 : leaderEpoch,
  }
}

function* findPlace(
  partition: Partition,
  timestamp: number,
  request: ListOffsetsContext,
): Generator<TimeSearch | undefined, RecordTime> {
  switch (timestamp) {
    case Place.latest:
      return { offset: partition.highWatermark, timestamp: -1 }
    case Place.earliest:
    case Place.earliestLocal:
      return { offset: partition.logStart, timestamp: -1 }
    case Place.latestTiered:
      return nowhere
  }
  const from = timestamp === Place.youngest ? greatestTime(partition) : timestamp
  const search = new TimeSearch(partition, from, {
    decompress: request.head.decompress,
    decompressedBytesMax: kafkaLimits.decompressedBytesMax,
  })
  while (search.result === undefined) {
    if (search.step()) yield
    else if (search.result === undefined) yield search
  }
  return search.result ?? nowhere
}

function refused(partitionIndex: number, errorCode: KafkaError): ListOffsetsPartitionResponse {
  return { partitionIndex, errorCode, timestamp: -1, offset: -1, leaderEpoch: -1 }
}
