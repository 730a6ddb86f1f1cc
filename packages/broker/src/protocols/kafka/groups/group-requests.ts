/** What a group is asked and what it answers: plain data, without the wire's versions. */

/** A way of sharing partitions that a member knows, with what it has to say to the leader. */
export interface GroupProtocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface MemberIdentity {
  /** Empty when the member has none yet. */
  readonly memberId: string
  /** Set for a static member, which keeps its place over a restart. [KIP-345] */
  readonly instanceId: string | null
}

export interface JoinRequest extends MemberIdentity {
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  /** In order of preference. The buffers are copied. */
  readonly protocols: readonly GroupProtocol[]
  /** The client joins in two steps: it is first given an id, then joins with it. [KIP-394] */
  readonly takesIdFirst: boolean
  /** The client knows what to do when told that its old assignment holds. [KIP-814] */
  readonly skipsAssignment: boolean
}

export interface JoinResult {
  readonly error: number
  readonly generation: number
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly leader: string
  readonly skipAssignment: boolean
  readonly memberId: string
  /** For the leader alone; empty for all others. */
  readonly members: readonly JoinedMember[]
}

export interface JoinedMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly metadata: Buffer
}

export interface GenerationIdentity extends MemberIdentity {
  readonly generation: number
}

export interface SyncRequest extends GenerationIdentity {
  /** Null when the client does not say. */
  readonly protocolType: string | null
  readonly protocol: string | null
  /** Of the leader, one a member; empty from all others. The buffers are copied. */
  readonly assignments: readonly MemberAssignment[]
}

export interface MemberAssignment {
  readonly memberId: string
  readonly assignment: Buffer
}

export interface SyncResult {
  readonly error: number
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly assignment: Buffer
}

export interface LeaveResult {
  /** Of the whole request; then `members` is empty. */
  readonly error: number
  /** One a member, in the order asked. */
  readonly members: readonly number[]
}

/** A group as operators see it. */
export interface GroupDescription {
  readonly id: string
  readonly state: string
  /** 'consumer' for consumers; null for a group that only ever committed offsets. */
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly generation: number
  readonly members: readonly MemberDescription[]
}

export interface MemberDescription {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly isLeader: boolean
  readonly metadata: Buffer
  readonly assignment: Buffer
}
