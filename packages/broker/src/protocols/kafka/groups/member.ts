import type { Timer } from '../../../base/timers.ts'
import type { GroupProtocol, JoinRequest, JoinResult, SyncResult } from './group-requests.ts'
import type { Waiter } from './waiter.ts'

export const noBytes: Buffer = Buffer.alloc(0)

/** A member that says nothing: the object, its timer, its names. */
const MEMBER_BYTES = 1024

/** One consumer in a group. The group decides what happens to it; this only keeps what it said. */
export class Member {
  /** Changes when a static member comes back after a restart. */
  id: string
  readonly instanceId: string | null
  clientId: string = ''
  clientHost: string = ''
  sessionTimeoutMs: number = 0
  rebalanceTimeoutMs: number = 0
  protocols: readonly GroupProtocol[] = []
  /** Of the present generation; empty until the leader has shared out. */
  assignment: Buffer = noBytes
  /** It has not yet had an answer to its join, so nobody can expect heartbeats of it. */
  isNew: boolean = true
  join: Waiter<JoinResult> | null = null
  sync: Waiter<SyncResult> | null = null
  /** Ends the membership when the member is silent for too long. */
  readonly session: Timer

  constructor(id: string, instanceId: string | null, session: Timer) {
    this.id = id
    this.instanceId = instanceId
    this.session = session
  }

  /** Memory that it takes, about. */
  get bytes(): number {
    return protocolsBytes(this.protocols) + this.assignment.length
  }

  /** Takes over what the request says, copied: its buffers are a frame's. */
  update(request: JoinRequest): void {
    this.clientId = request.clientId
    this.clientHost = request.clientHost
    this.sessionTimeoutMs = request.sessionTimeoutMs
    this.rebalanceTimeoutMs = request.rebalanceTimeoutMs
    this.protocols = request.protocols.map(({ name, metadata }) => {
      return { name, metadata: Buffer.from(metadata) }
    })
  }

  /** Whether it says just what it said before. */
  offers(protocols: readonly GroupProtocol[]): boolean {
    if (protocols.length !== this.protocols.length) return false
    return this.protocols.every(({ name, metadata }, index) => {
      const other = protocols[index]
      return other !== undefined && other.name === name && other.metadata.equals(metadata)
    })
  }

  metadataFor(protocol: string | null): Buffer {
    return this.protocols.find((each) => each.name === protocol)?.metadata ?? noBytes
  }

  /** The one it likes best of those that all members know. */
  vote(candidates: ReadonlySet<string>): string | undefined {
    return this.protocols.find((each) => candidates.has(each.name))?.name
  }
}

/** Memory that a member who says this takes, about; an assignment comes on top. */
export function protocolsBytes(protocols: readonly GroupProtocol[]): number {
  let bytes = MEMBER_BYTES
  for (const { name, metadata } of protocols) bytes += name.length + metadata.length
  return bytes
}
