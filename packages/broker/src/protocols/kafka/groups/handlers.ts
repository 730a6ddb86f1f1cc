import type { ApiKey } from '../codec/api-keys.ts'
import type {
  Coordinator,
  FindCoordinatorRequest,
  HeartbeatRequest,
  JoinGroupRequest,
  JoinGroupResponse,
  LeaveGroupRequest,
  MemberIdentity as MemberIdentityBody,
  OffsetCommitRequest,
  OffsetFetchRequest,
  SyncGroupRequest,
} from '../codec/messages/group.ts'
import { KafkaError } from '../errors.ts'
import { printable } from '../printable.ts'
import type { RequestContext } from '../request-context.ts'
import { joinRefused, syncRefused } from './group-answers.ts'
import type { GroupCoordinator } from './group-coordinator.ts'
import type { JoinRequest, JoinResult, SyncResult } from './group-requests.ts'
import { commitOffsets, fetchOffsets } from './offset-requests.ts'
import { Waiter } from './waiter.ts'

/** FindCoordinator's key types. */
const KEY_TYPE_GROUP = 0
const KEY_TYPE_TRANSACTION = 1

/** Every group is here, at the address by which this client came. */
export function findCoordinator(
  request: FindCoordinatorRequest,
  context: RequestContext<typeof ApiKey.FindCoordinator>,
): void {
  const keys = context.apiVersion >= 4 ? request.coordinatorKeys : [request.key]
  const coordinators = keys.map((key) => coordinatorOf(key, request.keyType, context))
  // Before version 4 there is one, spread over the body itself.
  const only = coordinators[0] ?? nowhere('', { errorCode: KafkaError.NONE, errorMessage: null })
  context.reply({ throttleTimeMs: 0, ...only, coordinators })
}

function coordinatorOf(
  key: string,
  keyType: number,
  context: RequestContext<typeof ApiKey.FindCoordinator>,
): Coordinator {
  if (keyType !== KEY_TYPE_GROUP) return nowhere(key, refusalOfKeyType(keyType))
  if (key === '')
    return nowhere(key, {
      errorCode: KafkaError.INVALID_GROUP_ID,
      errorMessage: 'a group has a name',
    })
  if (!context.may('describe', 'group', key)) {
    const errorMessage = `user '${context.principal.name}' may not see group '${printable(key)}'`
    return nowhere(key, { errorCode: KafkaError.GROUP_AUTHORIZATION_FAILED, errorMessage })
  }
  const { host, port } = context.address
  return {
    key,
    nodeId: context.head.nodeId,
    host,
    port,
    errorCode: KafkaError.NONE,
    errorMessage: null,
  }
}

/** COORDINATOR_NOT_AVAILABLE would be Kafka's word for a broker without transactions; clients then try for ever. */
function refusalOfKeyType(keyType: number): Pick<Coordinator, 'errorCode' | 'errorMessage'> {
  const errorMessage =
    keyType === KEY_TYPE_TRANSACTION
      ? 'this broker has no transactions: leave transactional.id unset'
      : `unknown key type ${keyType}`
  return { errorCode: KafkaError.INVALID_REQUEST, errorMessage }
}

function nowhere(key: string, error: Pick<Coordinator, 'errorCode' | 'errorMessage'>): Coordinator {
  return { key, nodeId: -1, host: '', port: -1, ...error }
}

/** Answered when the generation begins; see Rebalance for how long that may take. */
export function joinGroup(
  request: JoinGroupRequest,
  context: RequestContext<typeof ApiKey.JoinGroup>,
): void {
  const { groupId } = request
  const send = (result: JoinResult): void => context.reply(joinResponse(result, context.apiVersion))
  if (isRefused(groupId, context)) {
    return send(joinRefused(KafkaError.GROUP_AUTHORIZATION_FAILED, request.memberId))
  }
  const waiter = new Waiter(send)
  groupsOf(context).join(groupId, toJoin(request, context), waiter)
  if (!waiter.answered) context.onClosed(() => waiter.abandon())
}

function toJoin(
  request: JoinGroupRequest,
  context: RequestContext<typeof ApiKey.JoinGroup>,
): JoinRequest {
  const { sessionTimeoutMs, rebalanceTimeoutMs } = request
  return {
    memberId: request.memberId,
    instanceId: request.groupInstanceId,
    clientId: context.clientId ?? '',
    clientHost: context.clientHost,
    sessionTimeoutMs,
    // Version 0 knows one time for both.
    rebalanceTimeoutMs:
      context.apiVersion === 0 ? sessionTimeoutMs : Math.max(0, rebalanceTimeoutMs),
    protocolType: request.protocolType,
    protocols: request.protocols,
    takesIdFirst: context.apiVersion >= 4,
    skipsAssignment: context.apiVersion >= 9,
  }
}

function joinResponse(result: JoinResult, version: number): JoinGroupResponse {
  return {
    throttleTimeMs: 0,
    errorCode: result.error,
    generationId: result.generation,
    protocolType: result.protocolType,
    protocolName: result.protocol ?? (version >= 7 ? null : ''),
    leader: result.leader,
    skipAssignment: result.skipAssignment,
    memberId: result.memberId,
    members: result.members.map(({ memberId, instanceId, metadata }) => {
      return { memberId, groupInstanceId: instanceId, metadata }
    }),
  }
}

/** Answered when the leader has shared out. */
export function syncGroup(
  request: SyncGroupRequest,
  context: RequestContext<typeof ApiKey.SyncGroup>,
): void {
  const { groupId, memberId, groupInstanceId, protocolType, protocolName, assignments } = request
  const send = ({ error, protocol, ...result }: SyncResult): void => {
    context.reply({ throttleTimeMs: 0, errorCode: error, protocolName: protocol, ...result })
  }
  if (isRefused(groupId, context)) return send(syncRefused(KafkaError.GROUP_AUTHORIZATION_FAILED))
  // From version 5 on a client has to say both. [KIP-559]
  if (context.apiVersion >= 5 && (protocolType === null || protocolName === null)) {
    return send(syncRefused(KafkaError.INCONSISTENT_GROUP_PROTOCOL))
  }
  const identity = { memberId, instanceId: groupInstanceId, generation: request.generationId }
  const waiter = new Waiter(send)
  const sync = { ...identity, protocolType, protocol: protocolName, assignments }
  groupsOf(context).sync(groupId, sync, waiter)
  if (!waiter.answered) context.onClosed(() => waiter.abandon())
}

export function heartbeat(
  request: HeartbeatRequest,
  context: RequestContext<typeof ApiKey.Heartbeat>,
): void {
  const { groupId, memberId, groupInstanceId, generationId } = request
  const identity = { memberId, instanceId: groupInstanceId, generation: generationId }
  const errorCode = isRefused(groupId, context)
    ? KafkaError.GROUP_AUTHORIZATION_FAILED
    : groupsOf(context).heartbeat(groupId, identity)
  context.reply({ throttleTimeMs: 0, errorCode })
}

export function leaveGroup(
  request: LeaveGroupRequest,
  context: RequestContext<typeof ApiKey.LeaveGroup>,
): void {
  const leaving: readonly MemberIdentityBody[] =
    context.apiVersion >= 3
      ? request.members
      : [{ memberId: request.memberId, groupInstanceId: null, reason: null }]
  if (isRefused(request.groupId, context)) {
    const errorCode = KafkaError.GROUP_AUTHORIZATION_FAILED
    return context.reply({ throttleTimeMs: 0, errorCode, members: [] })
  }
  const identities = leaving.map(({ memberId, groupInstanceId }) => {
    return { memberId, instanceId: groupInstanceId }
  })
  const { error, members } = groupsOf(context).leave(request.groupId, identities)
  const answered = members.map((errorCode, index) => {
    const { memberId = '', groupInstanceId = null } = leaving[index] ?? {}
    return { memberId, groupInstanceId, errorCode }
  })
  // Before version 3 one leaves at a time, and its error is the answer's.
  const errorCode = context.apiVersion >= 3 ? error : (members[0] ?? error)
  context.reply({ throttleTimeMs: 0, errorCode, members: answered })
}

export function offsetCommit(
  request: OffsetCommitRequest,
  context: RequestContext<typeof ApiKey.OffsetCommit>,
): void {
  const topics = commitOffsets(request, context)
  // A commit that was answered is not lost.
  context.replyWhenSafe({ throttleTimeMs: 0, topics })
}

export function offsetFetch(
  request: OffsetFetchRequest,
  context: RequestContext<typeof ApiKey.OffsetFetch>,
): void {
  const answer = fetchOffsets(request, context)
  // Nobody is told of a commit that a power cut could still take back: a committed offset does not go back by itself.
  if (context.broker.completions.offsetsAreSafe) context.reply(answer)
  else context.replyWhenSafe(answer)
}

function groupsOf(context: RequestContext): GroupCoordinator {
  return context.head.coordinatorOf(context.vhost)
}

/** An empty name is nobody's to permit; the coordinator says what is wrong with it. */
function isRefused(groupId: string, context: RequestContext): boolean {
  return groupId !== '' && !context.may('read', 'group', groupId)
}
