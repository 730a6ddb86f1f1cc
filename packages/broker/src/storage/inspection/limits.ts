/** Bounds of looking into a data directory. */
export const inspectionLimits = {
  /** Places told one by one; of the others there is only their number. */
  damagesMax: 100,
  /** Queues and partitions told of one place. */
  lossesMax: 100,
  /** Messages of damaged batches of which it is found out whether they are still wanted; those beyond are taken for wanted. */
  messagesTrackedMax: 1_000_000,
  /** Places of the journal beyond which nothing of it is read any more. */
  journalDamagesMax: 1000,
} as const
