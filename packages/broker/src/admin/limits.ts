/** Bounds of the control API: what a client of it can make the broker hold, or wait for. */
export const adminLimits = {
  /** Of a request. */
  bodyBytesMax: 1_048_576,
  /** Of a request line with its headers; room for names of 255 bytes, percent-encoded, and a long password. */
  headerBytesMax: 8192,
  /** Of one part of a path, as it is decoded. */
  pathPartCharsMax: 4096,
  /** How long the headers of a request may take to come, ms; a subscription has sent its own. */
  headersMs: 10_000,
  /** The same of a whole request. */
  requestMs: 30_000,
  /** How often that is looked at, ms: a deadline is kept to this. */
  timeoutCheckMs: 2000,
  /** How long a connection may stay without a request, ms. */
  keepAliveMs: 30_000,
  /** Connections of one address of the listener; further ones are closed at once. */
  connectionsMax: 256,
  /** Subscriptions at a time; each holds a connection, and most a queue of the broker's. */
  subscriptionsMax: 64,
  /** Messages that a subscription to a queue has taken and not yet handed to its socket. */
  unsettledMax: 256,
  /** Messages that a subscription holds which only looks. */
  peekedMax: 1000,
  /** Bytes that wait for a subscription's socket, above which it takes nothing more. */
  outputBytesHigh: 262_144,
  /** Records that a subscription writes before others have a turn. */
  recordsPerRun: 256,
  /** What one batch of a stream may become for a subscription. */
  decompressedBytesMax: 67_108_864,
  /** What the batches of one search by time may become together. */
  searchBytesMax: 67_108_864,
  /** Things that a list shows when it is not asked for more or less. */
  listItems: 1000,
  listItemsMax: 10_000,
  /** Queues, streams and groups with lines of their own in the metrics; sums have all. */
  metricsObjectsMax: 1000,
  /** Connections, or subscriptions, that NATS' monitoring lists when it is not asked for more or less. [NATS] */
  monitoredItems: 1024,
  monitoredItemsMax: 4096,
  /** Subscriptions in a list of connections, of all of them together. */
  monitoredSubscriptionsMax: 10_000,
  /** Things that are looked at before others have a turn. */
  itemsPerRun: 2000,
  /** How deep arguments and headers may be nested. */
  valueDepthMax: 16,
  /** Of what a client says of itself, when it is shown. */
  clientCharsMax: 200,
  /** How often the delay of the event loop is sampled, ms, once somebody has asked for it. */
  eventLoopSampleMs: 20,
} as const
