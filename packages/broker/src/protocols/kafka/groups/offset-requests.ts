import {
  CommitOutcome,
  type CommittedOffset,
  type OffsetCommit,
} from '../../../core/stream/committed-offsets.ts'
import type { ApiKey } from '../codec/api-keys.ts'
import type {
  OffsetCommitRequest,
  OffsetCommitRequestPartition,
  OffsetCommitRequestTopic,
  OffsetCommitResponseTopic,
  OffsetFetchRequest,
  OffsetFetchRequestGroup,
  OffsetFetchRequestTopic,
  OffsetFetchResponse,
  OffsetFetchResponseGroup,
  OffsetFetchResponsePartition,
  OffsetFetchResponseTopic,
} from '../codec/messages/group.ts'
import { KafkaError } from '../errors.ts'
import type { RequestContext } from '../request-context.ts'
import type { GroupCoordinator } from './group-coordinator.ts'

type CommitContext = RequestContext<typeof ApiKey.OffsetCommit>
type FetchContext = RequestContext<typeof ApiKey.OffsetFetch>

const outcomeErrors: Readonly<Record<CommitOutcome, number>> = {
  [CommitOutcome.stored]: KafkaError.NONE,
  [CommitOutcome.metadataTooLarge]: KafkaError.OFFSET_METADATA_TOO_LARGE,
  // Room comes when other groups' commits expire or are deleted.
  [CommitOutcome.full]: KafkaError.COORDINATOR_NOT_AVAILABLE,
}

/**
 * Stores what may be stored and says of each partition how it went: each succeeds or fails by itself,
 * but a member that may not commit fails them all.
 */
export function commitOffsets(
  request: OffsetCommitRequest,
  context: CommitContext,
): OffsetCommitResponseTopic[] {
  const groupError = refusalOfCommit(request, context)
  const accepted: AcceptedCommit[] = []
  const topics = request.topics.map((topic) => {
    const topicError = groupError === KafkaError.NONE ? refusalOfTopic(topic, context) : groupError
    const partitions = topic.partitions.map((partition) => {
      const answer = { partitionIndex: partition.partitionIndex, errorCode: topicError }
      if (topicError === KafkaError.NONE)
        accept({ request, topic, partition, context }, answer, accepted)
      return answer
    })
    return { name: topic.name, partitions }
  })
  // Together: what one request commits is one record on the disk.
  const outcomes = context.vhost.committedOffsets.commit(request.groupId, accepted)
  for (const [index, outcome] of outcomes.entries()) {
    const { answer } = accepted[index] as AcceptedCommit
    answer.errorCode = outcomeErrors[outcome]
  }
  return topics
}

/** A commit of a partition that exists, and what is answered of it. */
interface AcceptedCommit extends OffsetCommit {
  readonly answer: { errorCode: number }
}

function refusalOfCommit(request: OffsetCommitRequest, context: CommitContext): number {
  const { groupId, memberId, groupInstanceId } = request
  if (!context.may('read', 'group', groupId)) return KafkaError.GROUP_AUTHORIZATION_FAILED
  const generation = request.generationIdOrMemberEpoch
  const identity = { memberId, instanceId: groupInstanceId, generation }
  const error = groupsOf(context).checkCommit(groupId, identity)
  // Clients of old do not know that word.
  const isOld = error === KafkaError.GROUP_ID_NOT_FOUND && context.apiVersion < 9
  return isOld ? KafkaError.ILLEGAL_GENERATION : error
}

function refusalOfTopic({ name }: OffsetCommitRequestTopic, context: CommitContext): number {
  if (!context.may('read', 'stream', name)) return KafkaError.TOPIC_AUTHORIZATION_FAILED
  return KafkaError.NONE
}

interface OneCommit {
  readonly request: OffsetCommitRequest
  readonly topic: OffsetCommitRequestTopic
  readonly partition: OffsetCommitRequestPartition
  readonly context: CommitContext
}

/** Adds it to those that are to be stored, if there is such a partition. */
function accept(
  { request, topic, partition, context }: OneCommit,
  answer: { errorCode: number },
  accepted: AcceptedCommit[],
): void {
  const stream = context.vhost.streams.find(topic.name)
  const index = partition.partitionIndex
  if (stream?.partitions[index] === undefined) {
    answer.errorCode = KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    return
  }
  const { retentionTimeMs } = request
  const commit = {
    offset: partition.committedOffset,
    leaderEpoch: partition.committedLeaderEpoch,
    metadata: partition.committedMetadata ?? '',
    committedMs: context.broker.turn.clock.wallMs(),
    // Only versions 2 to 4 can say; -1 leaves it to us.
    retentionMs: retentionTimeMs < 0 ? null : retentionTimeMs,
  }
  accepted.push({ stream, partition: index, commit, answer })
}

/** Version 8 asks for several groups; before it there is one, spread over the body itself. */
export function fetchOffsets(
  request: OffsetFetchRequest,
  context: FetchContext,
): OffsetFetchResponse {
  if (context.apiVersion >= 8) {
    const groups = unique(request.groups).map((group) => fetchGroup(group, context))
    return { throttleTimeMs: 0, topics: [], errorCode: KafkaError.NONE, groups }
  }
  const { groupId, topics } = request
  const group = fetchGroup({ groupId, memberId: null, memberEpoch: -1, topics }, context)
  const isOldest = context.apiVersion < 2
  // Version 1 has no place for the group's error but beside each partition.
  const answered = isOldest ? withError(topics ?? [], group) : group.topics
  return { throttleTimeMs: 0, topics: answered, errorCode: group.errorCode, groups: [] }
}

/** Who names a group twice is answered once: each name may ask for all that the group committed. */
function unique(groups: readonly OffsetFetchRequestGroup[]): OffsetFetchRequestGroup[] {
  const seen = new Set<string>()
  return groups.filter(({ groupId }) => !seen.has(groupId) && seen.add(groupId))
}

function fetchGroup(
  { groupId, topics }: OffsetFetchRequestGroup,
  context: FetchContext,
): OffsetFetchResponseGroup {
  if (!context.may('read', 'group', groupId)) {
    return { groupId, topics: [], errorCode: KafkaError.GROUP_AUTHORIZATION_FAILED }
  }
  const found =
    topics === null
      ? allCommits(groupId, context)
      : topics.map((topic) => fetchTopic(groupId, topic, context))
  return { groupId, topics: found, errorCode: KafkaError.NONE }
}

/** Topics that the principal may not see are left out. */
function allCommits(groupId: string, context: FetchContext): OffsetFetchResponseTopic[] {
  const topics: OffsetFetchResponseTopic[] = []
  for (const { stream, partitions } of context.vhost.committedOffsets.of(groupId)) {
    if (!context.may('describe', 'stream', stream.name)) continue
    topics.push({
      name: stream.name,
      partitions: Array.from(partitions, ([index, commit]) => committed(index, commit)),
    })
  }
  return topics
}

function fetchTopic(
  groupId: string,
  { name, partitionIndexes }: OffsetFetchRequestTopic,
  context: FetchContext,
): OffsetFetchResponseTopic {
  if (!context.may('describe', 'stream', name)) {
    const errorCode = KafkaError.TOPIC_AUTHORIZATION_FAILED
    return { name, partitions: partitionIndexes.map((index) => nothing(index, errorCode)) }
  }
  const stream = context.vhost.streams.find(name)
  const { committedOffsets } = context.vhost
  const partitions = partitionIndexes.map((partition) => {
    const commit = stream && committedOffsets.find({ group: groupId, stream, partition })
    return commit === undefined ? nothing(partition, KafkaError.NONE) : committed(partition, commit)
  })
  return { name, partitions }
}

function committed(partitionIndex: number, commit: CommittedOffset): OffsetFetchResponsePartition {
  return {
    partitionIndex,
    committedOffset: commit.offset,
    committedLeaderEpoch: commit.leaderEpoch,
    metadata: commit.metadata,
    errorCode: KafkaError.NONE,
  }
}

/** What was never committed is no error: the reader starts where it is configured to. */
function nothing(partitionIndex: number, errorCode: number): OffsetFetchResponsePartition {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode }
}

function withError(
  topics: readonly OffsetFetchRequestTopic[],
  group: OffsetFetchResponseGroup,
): readonly OffsetFetchResponseTopic[] {
  if (group.errorCode === KafkaError.NONE) return group.topics
  return topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((index) => nothing(index, group.errorCode)),
  }))
}

function groupsOf(context: CommitContext): GroupCoordinator {
  return context.head.coordinatorOf(context.vhost)
}
