/** What a record of the journal says. The numbers are disk format: none is ever given another meaning. */
export const RecordKind = {
  /** A message, for all the queues that got it under the sequence numbers that they gave it. */
  message: 1,
  /** What a queue is done with: pairs of (first − target's sequence u32, count u32). */
  acks: 2,
  /** Everything that the queue delivers below the target's sequence may have been delivered. */
  deliveredMark: 3,
  /** How often messages of a queue have come back: pairs of (sequence − target's u32, count u32). */
  returns: 4,
  /** What was declared, and what is gone. */
  declarations: 5,
  /** A record batch of a partition; the target's sequence is its base offset. */
  recordBatch: 6,
  /** Up to where groups have read. */
  committedOffsets: 7,
  /** Records of a partition below the target's sequence are gone. */
  logStart: 8,
  /** A feed has carried what comes before the target's sequence, which is an offset; what that became is in the same batch. */
  feedCursor: 9,
} as const
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind]
