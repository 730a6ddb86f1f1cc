/** What an AMQP peer may make us hold. */
export const amqpLimits = {
  /** Proposed in connection.tune. [RabbitMQ channel_max] */
  channelMax: 2047,
  /** Proposed in connection.tune. [RabbitMQ frame_max] */
  frameBytesMax: 131_072,
  /** Largest frame before tune is agreed; tokens as passwords want more than 4096. [RabbitMQ 4 initial_frame_max] */
  frameBytesMaxBeforeTune: 8192,
  /** Tolerated beyond frame_max: clients disagree about what it counts. [RabbitMQ FRAME_SIZE_FUDGE] */
  frameBytesSlack: 8,
  /** Proposed in connection.tune. [RabbitMQ heartbeat] */
  heartbeatSeconds: 60,
  /** From the first byte to connection.open. */
  handshakeMs: 10_000,
  /** A body that nobody may announce, however it is sent. [RabbitMQ] */
  announcedBytesMax: 536_870_912,
  /** Longest time to live of a message: ten years. [RabbitMQ MAX_EXPIRY_TIMER] */
  expirationMsMax: 315_360_000_000,
  /** Answers, returned messages and confirms that may wait for a client to read before nothing more is asked of it. */
  answerBytesMax: 262_144,
  /** Consumers of one channel. */
  consumersPerChannelMax: 10_000,
} as const
