import { ApiKey } from './api-keys.ts'
import type { ApiLayout } from './layout.ts'
import {
  metadataLayout,
  createTopicsLayout,
  deleteTopicsLayout,
  describeConfigsLayout,
} from './schemas/admin.ts'
import {
  offsetCommitLayout,
  offsetFetchLayout,
  findCoordinatorLayout,
  joinGroupLayout,
  heartbeatLayout,
  leaveGroupLayout,
  syncGroupLayout,
} from './schemas/group.ts'
import { produceLayout, fetchLayout, listOffsetsLayout } from './schemas/log.ts'
import {
  apiVersionsLayout,
  saslHandshakeLayout,
  saslAuthenticateLayout,
  initProducerIdLayout,
} from './schemas/session.ts'

/** The layout of every API served. */
export const layouts: Readonly<Record<ApiKey, ApiLayout>> = {
  [ApiKey.Produce]: produceLayout,
  [ApiKey.Fetch]: fetchLayout,
  [ApiKey.ListOffsets]: listOffsetsLayout,
  [ApiKey.Metadata]: metadataLayout,
  [ApiKey.OffsetCommit]: offsetCommitLayout,
  [ApiKey.OffsetFetch]: offsetFetchLayout,
  [ApiKey.FindCoordinator]: findCoordinatorLayout,
  [ApiKey.JoinGroup]: joinGroupLayout,
  [ApiKey.Heartbeat]: heartbeatLayout,
  [ApiKey.LeaveGroup]: leaveGroupLayout,
  [ApiKey.SyncGroup]: syncGroupLayout,
  [ApiKey.SaslHandshake]: saslHandshakeLayout,
  [ApiKey.ApiVersions]: apiVersionsLayout,
  [ApiKey.CreateTopics]: createTopicsLayout,
  [ApiKey.DeleteTopics]: deleteTopicsLayout,
  [ApiKey.InitProducerId]: initProducerIdLayout,
  [ApiKey.DescribeConfigs]: describeConfigsLayout,
  [ApiKey.SaslAuthenticate]: saslAuthenticateLayout,
}
