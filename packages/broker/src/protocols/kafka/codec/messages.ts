import type { ApiKey } from './api-keys.ts'
import type * as admin from './messages/admin.ts'
import type * as group from './messages/group.ts'
import type * as log from './messages/log.ts'
import type * as session from './messages/session.ts'

/** What each API's request body looks like to its handler, in whatever version it came. */
export interface RequestBodies {
  readonly [ApiKey.Produce]: log.ProduceRequest
  readonly [ApiKey.Fetch]: log.FetchRequest
  readonly [ApiKey.ListOffsets]: log.ListOffsetsRequest
  readonly [ApiKey.Metadata]: admin.MetadataRequest
  readonly [ApiKey.OffsetCommit]: group.OffsetCommitRequest
  readonly [ApiKey.OffsetFetch]: group.OffsetFetchRequest
  readonly [ApiKey.FindCoordinator]: group.FindCoordinatorRequest
  readonly [ApiKey.JoinGroup]: group.JoinGroupRequest
  readonly [ApiKey.Heartbeat]: group.HeartbeatRequest
  readonly [ApiKey.LeaveGroup]: group.LeaveGroupRequest
  readonly [ApiKey.SyncGroup]: group.SyncGroupRequest
  readonly [ApiKey.SaslHandshake]: session.SaslHandshakeRequest
  readonly [ApiKey.ApiVersions]: session.ApiVersionsRequest
  readonly [ApiKey.CreateTopics]: admin.CreateTopicsRequest
  readonly [ApiKey.DeleteTopics]: admin.DeleteTopicsRequest
  readonly [ApiKey.InitProducerId]: session.InitProducerIdRequest
  readonly [ApiKey.DescribeConfigs]: admin.DescribeConfigsRequest
  readonly [ApiKey.SaslAuthenticate]: session.SaslAuthenticateRequest
}

/** What each API's handler answers; the version asked for decides which fields are sent. */
export interface ResponseBodies {
  readonly [ApiKey.Produce]: log.ProduceResponse
  readonly [ApiKey.Fetch]: log.FetchResponse
  readonly [ApiKey.ListOffsets]: log.ListOffsetsResponse
  readonly [ApiKey.Metadata]: admin.MetadataResponse
  readonly [ApiKey.OffsetCommit]: group.OffsetCommitResponse
  readonly [ApiKey.OffsetFetch]: group.OffsetFetchResponse
  readonly [ApiKey.FindCoordinator]: group.FindCoordinatorResponse
  readonly [ApiKey.JoinGroup]: group.JoinGroupResponse
  readonly [ApiKey.Heartbeat]: group.HeartbeatResponse
  readonly [ApiKey.LeaveGroup]: group.LeaveGroupResponse
  readonly [ApiKey.SyncGroup]: group.SyncGroupResponse
  readonly [ApiKey.SaslHandshake]: session.SaslHandshakeResponse
  readonly [ApiKey.ApiVersions]: session.ApiVersionsResponse
  readonly [ApiKey.CreateTopics]: admin.CreateTopicsResponse
  readonly [ApiKey.DeleteTopics]: admin.DeleteTopicsResponse
  readonly [ApiKey.InitProducerId]: session.InitProducerIdResponse
  readonly [ApiKey.DescribeConfigs]: admin.DescribeConfigsResponse
  readonly [ApiKey.SaslAuthenticate]: session.SaslAuthenticateResponse
}
