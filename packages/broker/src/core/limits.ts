/** Bounds of the core. Those that a user may change are options; these are the edges of what is sound. */
export const limits = {
  /** Largest message body. [RabbitMQ 4 max_message_size] */
  messageBytesMax: 16_777_216,
  /** Largest block of header bytes of a message; a content header fits one frame. */
  headerBytesMax: 131_072,
  /** Messages that a queue hands out before it goes to the end of the line. */
  deliveriesPerRun: 256,
  /** Bytes that a queue hands out before it goes to the end of the line. */
  deliveryBytesPerRun: 65_536,
  /** Remembered routes of an exchange, by routing key. */
  routesCachedMax: 4096,
  /** Targets of the remembered routes of an exchange, all together; one larger route is remembered alone. */
  routeTargetsCachedMax: 65_536,
  /** Bindings of one exchange. */
  bindingsMax: 1_000_000,
  /** Memory at which publishers go on after they were blocked, as a part of the limit. */
  memoryResumeRatio: 0.9,
  /** `#` words in one topic binding. [RabbitMQ 4.3.5] */
  topicHashWordsMax: 2,
  /** Streams: partitions of one stream. */
  partitionsMax: 10_000,
  /** Streams of one virtual host. */
  streamsMax: 100_000,
  /** Partitions of all streams of one virtual host; each is about a kilobyte before its first batch. */
  partitionsTotalMax: 200_000,
  /** Batches that a partition lets go of before it goes to the end of the line. */
  releasesPerRun: 4096,
  /** How often partitions are looked through for batches that have had their time, ms. */
  retentionCheckMs: 10_000,
  /** Partitions looked through in one piece of that. */
  retentionChecksPerRun: 2000,
  /** Idempotent producers that one partition remembers. */
  producersPerPartitionMax: 10_000,
  /** An idempotent producer that wrote nothing for this long is forgotten. [Kafka producer.id.expiration.ms] */
  producerIdleMs: 86_400_000,
  /** Batches in which one search by time looks for its record; beyond that it answers with the batch. */
  timeLookupBatchesMax: 64,
} as const
