/** What a configuration may make us hold; nats-server has no such bounds. */
export const configLimits = {
  /** One file, or one variable of the environment. */
  fileBytesMax: 1_048_576,
  /** All that is read for one start, what is included too. */
  filesMax: 64,
  /** Blocks and lists in one another. */
  depthMax: 32,
  /** Variables of the environment that name each other. */
  variableDepthMax: 16,
  /** Faults that are told at once. */
  faultsMax: 20,
} as const
