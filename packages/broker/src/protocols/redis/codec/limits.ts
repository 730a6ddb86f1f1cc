/** Bounds of a request's bytes. */
export const codecLimits = {
  /** A line: an inline command, or the head of an argument. [Redis PROTO_INLINE_MAX_SIZE] */
  lineBytesMax: 65_536,
  /** Arguments of one command. [Redis before 7: 1024 * 1024] */
  argumentsMax: 1_048_576,
  /** Largest argument: a message body. [Redis proto-max-bulk-len, there 512 MiB] */
  argumentBytesMax: 16_777_216,
  /** All arguments of one command, bytes: those that came before the last one are kept. */
  requestBytesMax: 33_554_432,
  /** As long as nobody has logged in. [Redis] */
  argumentsMaxBeforeLogin: 10,
  argumentBytesMaxBeforeLogin: 16_384,
  /** Memory for arguments that is kept from one command to the next. */
  keptBytes: 16_384,
} as const
