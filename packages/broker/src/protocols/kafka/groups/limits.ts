/** Bounds of consumer groups that no client can push further. */
export const groupLimits = {
  /** Groups of one virtual host. Who asks for one more is told to try again later. */
  groupsMax: 50_000,
  /** What the protocols of one member may say about it, bytes. */
  memberMetadataBytesMax: 1_048_576,
  /** Protocols that one member may offer. */
  memberProtocolsMax: 64,
  /** The assignments of one generation, bytes. */
  assignmentBytesMax: 16_777_216,
  /** Bytes of UTF-8 of a client's or an instance's name that go into its member id. */
  memberIdPrefixBytesMax: 249,
  /** How long a member that never had a generation may wait for its first. As Kafka 4. */
  newMemberJoinMs: 300_000,
  /** How long the first generation waits for members that have been given an id and not yet used it. */
  initialPendingMs: 3000,
  /** How long the first generation may be put off by ever more members. */
  initialRebalanceMsMax: 3000,
  /** Between two looks at which commits have expired. [offsets.retention.check.interval.ms] */
  expiryIntervalMs: 600_000,
  /** Groups looked at in one go; the next go comes with the next tick. */
  expiryGroupsPerRun: 500,
} as const

/** What a user may set. The names in brackets are Kafka's. */
export interface GroupSettings {
  /** [group.min.session.timeout.ms] */
  readonly sessionTimeoutMsMin: number
  /** [group.max.session.timeout.ms] */
  readonly sessionTimeoutMsMax: number
  /** Members of one group, those included that have been given an id and not yet used it. [group.max.size] */
  readonly membersMax: number
  /**
   * What the members of all groups of a virtual host say and are given, bytes. Without it one
   * client could join ten thousand times with a megabyte each.
   */
  readonly membersBytesMax: number
  /**
   * How long the first generation of a group waits for more members; each one that comes starts it
   * anew. Kafka's three seconds are what its users complain of most; consumers of one process that
   * start together come within milliseconds. [group.initial.rebalance.delay.ms]
   */
  readonly initialRebalanceDelayMs: number
  /** How long commits outlive the last member. [offsets.retention.minutes] */
  readonly offsetsRetentionMs: number
}

export const defaultGroupSettings: GroupSettings = {
  sessionTimeoutMsMin: 6000,
  sessionTimeoutMsMax: 1_800_000,
  membersMax: 10_000,
  membersBytesMax: 134_217_728,
  initialRebalanceDelayMs: 20,
  offsetsRetentionMs: 604_800_000,
}
