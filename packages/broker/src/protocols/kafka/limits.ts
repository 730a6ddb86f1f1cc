/** Bounds of Kafka connections that no client can push further. */
export const kafkaLimits = {
  /** Largest request. [socket.request.max.bytes] */
  requestBytesMax: 104_857_600,
  /** The same before the client has said who it is. [Kafka: 512 KiB during SASL] */
  requestBytesMaxBeforeLogin: 1_048_576,
  /** Smallest request: the header with a null client id. */
  requestBytesMin: 10,
  /** How long a client may take to log in. */
  loginMs: 10_000,
  /** A connection without a request for this long is closed. [connections.max.idle.ms] */
  idleMs: 600_000,
  /** Record bytes of one Fetch answer, a first batch that is larger apart. */
  fetchBytesMax: 8_388_608,
  /** Longest wait of a Fetch. */
  fetchWaitMsMax: 300_000,
  /** Longest wait of a Fetch, or of its answer, for records that are being read from the disk. */
  fetchReadMsMax: 30_000,
  /** Bytes of a Fetch answer that are copied before it goes to the end of the line. */
  fetchBytesPerRun: 262_144,
  /** A client that takes nothing of a Fetch answer for this long is cut off: it holds old batches in place. */
  fetchStalledMs: 60_000,
  /** The same for the answer as a whole: who takes a little now and then could hold them for ever. */
  fetchAnswerMsMax: 300_000,
  /** Longest wait of a Produce for what is short, whatever its timeout. */
  produceWaitMsMax: 30_000,
  /** Produce answers of one connection that may wait for the disk before no more is read of it. */
  produceAnswersBytesMax: 262_144,
  /** Partitions that one request may create. [MAX_PARTITIONS_PER_BATCH] */
  partitionsCreatedMax: 10_000,
  /** What a batch may become when it is looked into. */
  decompressedBytesMax: 16_777_216,
  /** Characters of what a client sent that go into a log line or an error's message. */
  loggedCharsMax: 128,
} as const
