import type { Durability } from '../commits.ts'

/** How a stream keeps its records; each head has its own names for these. */
export interface StreamConfig {
  /** Bytes of batches that a partition keeps; the oldest go first. Infinity for all. */
  readonly retentionBytes: number
  /** How long a batch is kept after its newest record's time. Infinity for ever. */
  readonly retentionMs: number
  /** Largest batch as sent, header included. */
  readonly batchBytesMax: number
  /** Whose clock stamps the records: the producer's, or the log's as it appends. */
  readonly timestamps: 'producer' | 'log'
  /** How far in the future a producer may stamp. */
  readonly timestampAfterMsMax: number
  /** A file of the partition on the disk is closed, and the next begun, before it is larger. */
  readonly segmentBytes: number
  /** Or when its first record is older than this. */
  readonly segmentMs: number
  /** What confirmed records survive; Streams.defaultConfig has that of the broker. */
  readonly durability: Durability
}

/** Kafka 4's defaults, of a broker that keeps nothing. */
export const defaultStreamConfig: StreamConfig = {
  retentionBytes: Infinity,
  retentionMs: 604_800_000,
  batchBytesMax: 1_048_588,
  timestamps: 'producer',
  timestampAfterMsMax: 3_600_000,
  segmentBytes: 1_073_741_824,
  segmentMs: 604_800_000,
  durability: 'memory',
}
