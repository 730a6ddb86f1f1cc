/** Bounds of the real disk. */
export const limits = {
  /** Descriptors that the file thread keeps open. */
  openFilesMax: 512,
  /** Pieces of one system call; Linux takes 1,024 (IOV_MAX). */
  piecesPerCallMax: 1024,
  /** Bytes of one system call; Linux takes a little under 2 GiB, and so does Node. */
  bytesPerCallMax: 268_435_456,
  /** Between two tries of a write that found the disk full. */
  fullRetryMs: 100,
  /** Heap of a thread; bodies and batches lie outside of it. It is a limit, not a need: a list of 100,000 names must fit. */
  threadHeapMiB: 64,
  /** Heap for what dies young. Small, because each thread fills it before it ever collects. */
  threadYoungHeapMiB: 1,
  /** The owner of a data directory says this often that it lives. */
  lockRenewMs: 1000,
  /** Who cannot be asked and has said nothing for this long is dead. */
  lockQuietMs: 5000,
  /** Between two looks at who else wants the lock. */
  lockLookMs: 20,
  /** An owner may be about to die: for this long a starter looks again before it gives up. */
  lockPatienceMs: 1000,
  /** A starter that finds others for this long, and none of them becomes the owner, gives up. */
  lockContestMs: 15_000,
  /** Size of a lock record on disk; always the same, so that it can be written over in place. */
  lockRecordBytes: 512,
} as const
