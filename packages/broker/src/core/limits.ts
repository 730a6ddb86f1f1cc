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
  /** Numbers without a message that a queue passes before it goes to the end of the line. */
  holesPerRun: 100_000,
  /** How long an acknowledgement waits for others before it is written on its own, ms. */
  ackDelayMs: 10,
  /** Pairs of numbers in one record of acknowledgements. */
  pairsPerRecord: 1024,
  /** How far ahead of its deliveries a queue writes down that messages may have been delivered. */
  deliveredMarkAhead: 1024,
  /** Memory for messages that are read back from the disk, all queues together. */
  pageBytesMax: 16_777_216,
  /** Read back in one go for one queue, bytes; a larger message alone. */
  pageBytes: 262_144,
  /** Messages read back in one go for one queue. */
  pageMessagesMax: 4096,
  /** Pages of one queue that are in memory or on their way. */
  pagesAhead: 4,
  /** Remembered routes of an exchange, by routing key. */
  routesCachedMax: 16_384,
  /** Targets of the remembered routes of an exchange, all together; one larger route is remembered alone. */
  routeTargetsCachedMax: 65_536,
  /** Keys of one exchange for which it is remembered who hears them. */
  matchesCachedMax: 16_384,
  /** Listeners of those keys, all together; one larger match is remembered alone. */
  matchListenersCachedMax: 1_048_576,
  /** Octets between stars in all globs at one exchange, which have to be looked for in each new key. */
  globSoughtOctetsMax: 262_144,
  /** Places for addresses of one virtual host that are known by their bytes; a power of two. */
  addressesKnown: 16_384,
  /** Targets of one address that is kept there; one with more is looked for again. */
  addressTargetsMax: 64,
  /** Subscribers that hear a message in one go. */
  heardAtOnce: 2048,
  /** Messages that more are to hear, and what is published behind them: bytes that wait in one virtual host. */
  announcedBytesMax: 33_554_432,
  /** Subscriptions of one virtual host. */
  subscriptionsMax: 10_000_000,
  /** Bindings of one exchange. */
  bindingsMax: 1_000_000,
  /** Memory at which publishers go on after they were blocked, as a part of the limit. */
  memoryResumeRatio: 0.9,
  /** How often the free space of the disk is looked at, ms. */
  diskFreeCheckMs: 10_000,
  /** The same when it is near its limit. */
  diskFreeCheckNearMs: 1000,
  /** What is near: less than the limit times this. */
  diskFreeNearRatio: 2,
  /** How long publishers wait for the journal before they are told why, ms. */
  journalPatienceMs: 1000,
  /** How long an alarm is over before the log says so, ms. */
  alarmQuietMs: 5000,
  /** `#` words in one topic binding. [RabbitMQ 4.3.5] */
  topicHashWordsMax: 2,
  /** Queues, streams and feeds of a deleted virtual host that go before it goes to the end of the line. */
  removalsPerRun: 64,
  /** Streams: partitions of one stream. */
  partitionsMax: 10_000,
  /** Streams of one virtual host. */
  streamsMax: 100_000,
  /** Partitions of all streams of one virtual host; each is about a kilobyte before its first batch. */
  partitionsTotalMax: 200_000,
  /** Batches of messages from exchanges, bytes: a larger message alone. */
  streamBatchBytes: 262_144,
  /** Memory for such batches that is kept from turn to turn, in batches. */
  streamWritersKept: 16,
  /** What a compressed batch may become when it is opened, bytes. */
  decompressedBatchBytesMax: 67_108_864,
  /** Memory for the record that is being delivered, kept from one to the next, bytes. */
  recordScratchBytes: 262_144,
  /** Feeds of one virtual host. */
  feedsMax: 10_000,
  /** Records that a feed carries before it goes to the end of the line. */
  feedRecordsPerRun: 256,
  /** Bytes of the journal that it takes for that, one larger record alone. */
  feedBytesPerRun: 262_144,
  /** How long until a feed looks again whether it can go on, ms. */
  feedRetryMs: 1000,
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
  /** Ids for idempotent producers that are written down at a time. */
  producerIdsPerBlock: 1000,
  /** Metadata of one committed offset, bytes of UTF-8. [Kafka offset.metadata.max.bytes] */
  offsetMetadataBytesMax: 4096,
  /** All committed offsets of one virtual host, bytes as CommittedOffsets counts them. */
  offsetBytesMax: 268_435_456,
  /** Batches that wait to be written into the files of their partitions, bytes: then they are. */
  flushBytes: 8_388_608,
  /** The same of the journal's memory: never more than one part in so many. */
  flushMemoryShare: 8,
  /** How long a batch waits at most, ms. */
  flushDelayMs: 1000,
  /** Batches that one write brings into the files of one partition. */
  flushBatchesPerWrite: 8192,
  /** Bytes of the same, one larger batch apart. */
  flushBytesPerWrite: 4_194_304,
  /** Bytes that are being written into files of partitions. */
  flushBytesUnderWay: 8_388_608,
  /** Partitions whose files are written, or synced, at a time. */
  flushesUnderWay: 64,
  /** How long to wait before a write that found the disk full is tried again, ms. */
  flushRetryMs: 1000,
  /** Memory for batches that are read back from the disk, all partitions together. */
  batchPageBytesMax: 33_554_432,
  /** Pages of batches that are read at a time. */
  batchPageReadsMax: 8,
  /** Pages that one Fetch waits for at a time: as many as fit its answer. */
  batchPagesPerFetchMax: 8,
  /** How long a page is kept for the reader who has asked for it, ms. */
  batchPageKeptMs: 5000,
  /** How long to wait before a read that the system had no means for is tried again, ms. */
  batchPageRetryMs: 1000,
  /** Pages that one search by time reads; beyond that it answers with the place it has come to. */
  timeLookupPagesMax: 1024,
  /** Batches in which one search by time looks for its record; beyond that it answers with the batch. */
  timeLookupBatchesMax: 64,
} as const
