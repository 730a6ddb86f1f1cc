/** What a Redis peer may make us hold. */
export const redisLimits = {
  /** Largest name of a channel, bytes of UTF-8: an address of the core has one octet for it. */
  channelBytesMax: 255,
  /** Largest pattern, likewise. */
  patternBytesMax: 255,
  /** Channels and patterns of one connection. */
  subscriptionsMax: 1_000_000,
  /** Names of one command that are subscribed to before the connection goes to the end of the line. */
  namesPerRun: 256,
  /** Subscriptions that end before the connection goes to the end of the line. */
  removalsPerRun: 1000,
  /** Commands that a transaction may queue. */
  transactionCommandsMax: 10_000,
  /** Bytes of them. */
  transactionBytesMax: 33_554_432,
  /** Bytes of their answers: what comes behind is not carried out. */
  transactionAnswerBytesMax: 8_388_608,
  /** Commands that one may be asked to describe: a short name has a long description. */
  describedCommandsMax: 1000,
  /** Databases that there are by number; they are all the same, and empty. [Redis databases] */
  databases: 16,
  /** How long a client may take to log in. */
  loginMs: 10_000,
  /** Answers that may wait for a client to read before nothing more is asked of it. */
  answerBytesMax: 262_144,
  /** The same before it has logged in; then it is closed. [CVE-2025-21605] */
  answerBytesMaxBeforeLogin: 65_536,
  /** Messages that may wait for a subscriber to read before it is closed. [Redis client-output-buffer-limit pubsub] */
  pushBytesMax: 33_554_432,
  /** The same, for longer than `pushSoftMs`. */
  pushSoftBytesMax: 8_388_608,
  pushSoftMs: 60_000,
  /** Written between two looks at how much waits. */
  pushBytesPerLook: 65_536,
  /** Characters of what a client sent that go into a log line or an error. [Redis] */
  shownCharsMax: 128,
  /** Of a client's name and its library's, bytes. */
  clientNameBytesMax: 255,
} as const
