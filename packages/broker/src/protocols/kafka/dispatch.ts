import type { Reader } from '../../base/reader.ts'
import { ApiKey } from './codec/api-keys.ts'
import { decodeRequest } from './codec/message-codec.ts'
import type { RequestBodies } from './codec/messages.ts'
import {
  findCoordinator,
  heartbeat,
  joinGroup,
  leaveGroup,
  offsetCommit,
  offsetFetch,
  syncGroup,
} from './groups/handlers.ts'
import { apiVersions } from './handlers/api-versions.ts'
import { createTopics } from './handlers/create-topics.ts'
import { deleteTopics } from './handlers/delete-topics.ts'
import { describeConfigs } from './handlers/describe-configs.ts'
import { initProducerId } from './handlers/init-producer-id.ts'
import { listOffsets } from './handlers/list-offsets.ts'
import { metadata } from './handlers/metadata.ts'
import type { Request } from './request.ts'
import type { Handler } from './request-context.ts'

/** The APIs whose requests are decoded as a whole and answered through RequestContext.reply. */
export type GeneralKey = Exclude<
  ApiKey,
  | typeof ApiKey.Produce
  | typeof ApiKey.Fetch
  | typeof ApiKey.SaslHandshake
  | typeof ApiKey.SaslAuthenticate
>

const handlers: { readonly [K in GeneralKey]: Handler<RequestBodies[K], K> } = {
  [ApiKey.ListOffsets]: listOffsets,
  [ApiKey.Metadata]: metadata,
  [ApiKey.OffsetCommit]: offsetCommit,
  [ApiKey.OffsetFetch]: offsetFetch,
  [ApiKey.FindCoordinator]: findCoordinator,
  [ApiKey.JoinGroup]: joinGroup,
  [ApiKey.Heartbeat]: heartbeat,
  [ApiKey.LeaveGroup]: leaveGroup,
  [ApiKey.SyncGroup]: syncGroup,
  [ApiKey.ApiVersions]: apiVersions,
  [ApiKey.CreateTopics]: createTopics,
  [ApiKey.DeleteTopics]: deleteTopics,
  [ApiKey.InitProducerId]: initProducerId,
  [ApiKey.DescribeConfigs]: describeConfigs,
}

/** Decodes the request's body and hands both to whom they concern. */
export function dispatch<K extends GeneralKey>(key: K, request: Request<K>, reader: Reader): void {
  handlers[key](decodeRequest(key, request.apiVersion, reader), request)
}
