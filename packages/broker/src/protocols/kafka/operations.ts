import type { RequestContext } from './request-context.ts'

/** Kafka's AclOperation: which bit of an "authorized operations" field stands for what. [KIP-430] */
const Operation = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
} as const

/** In an "authorized operations" field that nobody asked for. */
export const notAsked: number = -(2 ** 31)

/** What the client may do to a topic. */
export function topicOperations(name: string, request: RequestContext): number {
  let bits = 0
  if (request.may('read', 'stream', name)) bits |= 1 << Operation.read
  if (request.may('write', 'stream', name)) bits |= 1 << Operation.write
  if (request.may('describe', 'stream', name)) {
    bits |= (1 << Operation.describe) | (1 << Operation.describeConfigs)
  }
  if (request.may('configure', 'stream', name)) {
    bits |= (1 << Operation.create) | (1 << Operation.delete)
    bits |= (1 << Operation.alter) | (1 << Operation.alterConfigs)
  }
  return bits
}

/** What the client may do to the cluster: anybody may look, administrators may do the rest. */
export function clusterOperations({ broker, principal }: RequestContext): number {
  const look = 1 << Operation.describe
  if (!broker.access.authorize(principal, 'administer', { kind: 'broker' })) return look
  const configs = (1 << Operation.describeConfigs) | (1 << Operation.alterConfigs)
  return look | configs | (1 << Operation.create) | (1 << Operation.alter)
}
