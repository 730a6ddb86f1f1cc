/** Bounds of the torture: what a load process tries, and how long anybody waits. */
export const tortureLimits = {
  /** Unconfirmed messages of one AMQP publisher. */
  publisherWindow: 64,
  /** Their bytes; one message of any size may be under way. */
  publisherWindowBytes: 4_194_304,
  /** Unanswered requests of one Kafka producer. [max.in.flight.requests.per.connection] */
  producerWindow: 5,
  /** Records of one batch. */
  batchRecordsMax: 20,
  /** The largest body of a record: with its batch it comes close to max.message.bytes. */
  recordBytesMax: 1_000_000,
  /** Of a body that a feed carries to a queue and a stream, all in a quarter of the smallest slot of a journal. */
  crossedBytesMax: 131_072,
  /** An attempt to connect, from the socket to the end of the handshake. */
  connectMs: 5000,
  /** From one failed attempt to the next. */
  reconnectMsMin: 10,
  reconnectMsMax: 200,
  /** No answer for so long, with the broker alive, is a fault. */
  answerMs: 15_000,
  /** How long a load process waits for its last answers when it is to stop. */
  lastAnswersMs: 10_000,
  /** How long one may take from its start to its first connection, and to stop. */
  processMs: 30_000,
  /** Until the broker must answer after a start; C0 wants it sooner. */
  readyMs: 30_000,
  /** For reading all that is left. */
  drainMs: 120_000,
  /** Until what is published last has come out where feeds lead. */
  carriedMs: 30_000,
  /** Violations that are printed of one rule. */
  shownPerRule: 5,
  /** What is kept of the broker's outputs. */
  outputCharsMax: 1_048_576,
} as const
