/**
 * Which Kafka APIs this head knows, in which versions, and from which version on each one is
 * "flexible" (compact lengths and tag buffers, KIP-482). The one place to change when a handler
 * learns a newer version; the layouts in schemas/ must then carry that version's fields.
 */
export const ApiKey = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetCommit: 8,
  OffsetFetch: 9,
  FindCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  LeaveGroup: 13,
  SyncGroup: 14,
  SaslHandshake: 17,
  ApiVersions: 18,
  CreateTopics: 19,
  DeleteTopics: 20,
  InitProducerId: 22,
  DescribeConfigs: 32,
  SaslAuthenticate: 36,
} as const
export type ApiKey = (typeof ApiKey)[keyof typeof ApiKey]

export interface ApiRange {
  readonly key: ApiKey
  readonly name: keyof typeof ApiKey
  /** The lowest version listed in ApiVersions. Differs from `versionMin` for Produce alone. */
  readonly advertisedMin: number
  /** The lowest version decoded and served; below it the connection is closed, as Kafka does. */
  readonly versionMin: number
  readonly versionMax: number
  /** The first flexible version; Infinity when there is none. */
  readonly flexibleFrom: number
}

/**
 * Sorted by key, as Kafka answers them. Produce 0 to 2 are listed and not served, as Kafka 4 does:
 * librdkafka up to 2.11.0 infers from Produce 0 that it may compress at all (KAFKA-18659).
 */
export const apiRanges: readonly ApiRange[] = [
  range('Produce', 3, 11, 9, 0),
  range('Fetch', 4, 17, 12),
  range('ListOffsets', 1, 9, 6),
  range('Metadata', 0, 12, 9),
  range('OffsetCommit', 2, 9, 8),
  range('OffsetFetch', 1, 9, 6),
  range('FindCoordinator', 0, 4, 3),
  range('JoinGroup', 0, 9, 6),
  range('Heartbeat', 0, 4, 4),
  range('LeaveGroup', 0, 5, 4),
  range('SyncGroup', 0, 5, 4),
  range('SaslHandshake', 0, 1, Infinity),
  range('ApiVersions', 0, 4, 3),
  range('CreateTopics', 2, 7, 5),
  range('DeleteTopics', 1, 6, 4),
  range('InitProducerId', 0, 4, 2),
  range('DescribeConfigs', 1, 4, 4),
  range('SaslAuthenticate', 0, 2, 2),
]

const rangeByKey: readonly (ApiRange | undefined)[] = byKey(apiRanges)

/** The range of a key from the wire, or null when this head does not know the key. */
export function findApi(key: number): ApiRange | null {
  return rangeByKey[key] ?? null
}

/** Whether a request of this key and version can be decoded and served. */
export function isServed(key: number, version: number): boolean {
  const api = rangeByKey[key]
  return api !== undefined && version >= api.versionMin && version <= api.versionMax
}

/** Whether a version uses compact lengths and tag buffers; false for unknown keys. */
export function isFlexible(key: number, version: number): boolean {
  const api = rangeByKey[key]
  return api !== undefined && version >= api.flexibleFrom
}

function range(
  name: keyof typeof ApiKey,
  versionMin: number,
  versionMax: number,
  flexibleFrom: number,
  advertisedMin: number = versionMin,
): ApiRange {
  return { key: ApiKey[name], name, advertisedMin, versionMin, versionMax, flexibleFrom }
}

function byKey(ranges: readonly ApiRange[]): (ApiRange | undefined)[] {
  const table: (ApiRange | undefined)[] = []
  for (const api of ranges) {
    while (table.length < api.key) table.push(undefined)
    table.push(api)
  }
  return table
}
