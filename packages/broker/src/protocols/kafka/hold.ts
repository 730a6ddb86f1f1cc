/** Why a session does not read on; bits, since several may hold at once. */
export const Hold = {
  /** A request waits for its answer: a join, a login. */
  reply: 1,
  /** Produce answers wait for the turn's end or the disk, and what follows must not overtake them. */
  commit: 2,
  /** A Produce waits because something is short. */
  publish: 4,
  /** The client does not take its answers. */
  output: 8,
  /** A Fetch waits for records, or its answer for the socket. */
  fetch: 16,
} as const
export type Hold = (typeof Hold)[keyof typeof Hold]
