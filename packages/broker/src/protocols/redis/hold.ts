/** Why the input of a connection stands still. More than one may hold at a time: each lets go for itself only. */
export const Hold = {
  /** A subscription is being made. */
  call: 1,
  /** Something is short that a publish would take. */
  publish: 2,
  /** The client does not read its answers. */
  output: 4,
  /** A login is being checked, or a refused one waits for its answer. */
  login: 8,
  /** Of a subscription to many names some are still to come. */
  names: 16,
} as const
export type Hold = (typeof Hold)[keyof typeof Hold]
