/**
 * What a NATS peer may make us hold. Where NATS has such a bound it is the standard value of nats-server; some of them may be set (`options.ts`).
 */
export const natsLimits = {
  /** Arguments of one line. [NATS max_control_line] */
  controlLineBytesMax: 4096,
  /** Header block and body of one message. [NATS max_payload] */
  payloadBytesMax: 1_048_576,
  /** Header block of one message. NATS has no bound of its own for it. */
  headerBytesMax: 65_536,
  /** A subject is a routing key of the core's; NATS allows as many as fit a control line. */
  subjectBytesMax: 255,
  /** Subscriptions of one connection. NATS has no bound unless one is set. */
  subscriptionsMax: 1_000_000,
  /** Output that waits for a client before it counts as slow and is closed. [NATS max_pending] */
  pendingBytesMax: 67_108_864,
  /** How often that is looked at: after so much output. */
  pendingCheckBytes: 131_072,
  /** How long a client may take nothing at all of what waits for it, ms. [NATS write_deadline] */
  writeDeadlineMs: 10_000,
  /** Answers that wait for a client to read before nothing more is asked of it; messages do not count. */
  answerBytesMax: 262_144,
  /** How long a client that has to log in may take to say CONNECT, ms. [NATS auth_timeout] */
  authTimeoutMs: 2000,
  /** How long a client may take from INFO to the end of its TLS handshake, ms. [NATS tls timeout] */
  tlsTimeoutMs: 2000,
  /** How often an idle client is asked whether it is there, ms. [NATS ping_interval] */
  pingIntervalMs: 120_000,
  /** Questions that may go unanswered. [NATS ping_max] */
  pingsOutMax: 2,
  /** Words of a subject up to which every pattern is tried that could fit it. */
  patternWordsMax: 6,
  /** Subscriptions of a client that has gone which go before it goes to the end of the line. */
  removalsPerRun: 1000,
  /** Connections that have ended and are still shown by monitoring. NATS has 10,000. */
  closedKept: 256,
  /** What a client sent, in a line of the log, characters. */
  loggedCharsMax: 64,
} as const
