/** Bounds of storage. */
export const storageLimits = {
  /** The journal's ring: slots of 64 MiB, of which the newest one's worth is in memory. */
  slotBytes: 67_108_864,
  slots: 8,
  /** The ring's part that may be in use before its oldest slot is emptied. */
  cutShare: 0.5,
  /** After so long without anything new the journal says that its last batch is safe, ms. */
  idleMs: 1000,
  /** How long to wait before what failed for want of room is tried again, ms. */
  retryMs: 1000,
} as const
