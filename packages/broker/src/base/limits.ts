/** Bounds of the lowest layer. Each is a size or time that no peer can push further. */
export const limits = {
  /** Work in one turn before the event loop polls again. */
  turnMs: 4,
  /** Input that one connection may parse before it goes to the end of the line. */
  sliceBytes: 16_384,
  /** Messages handed on to queues and subscribers that one slice may cause, what its last message causes apart. */
  workPerSlice: 8192,
  /** Input that a connection may parse, or output a queue may hand out, ahead of the line in one round of it. */
  expressBytes: 2048,
  /** Unparsed input at which a socket is paused: a few chunks of 64 KiB, so that not each costs a pass of the event loop. */
  inputBytesHigh: 262_144,
  /** Unparsed input under which a paused socket is read again. */
  inputBytesLow: 16_384,
  /** What one read of a socket brings at most. [libuv] */
  readBytes: 65_536,
  /** Buffers of that size that are kept for reuse, all connections of a port together. */
  inputBuffersKept: 256,
  /** Input shown beyond the end of a frame that lies in two chunks, for what belongs with it. */
  joinedBytesBeyond: 4096,
  /** Memory kept for joining such frames; a larger one gets memory of its own. */
  scratchBytesKept: 4_194_304,
  /** Output beyond what the socket has taken, above which a connection counts as congested. */
  outputBytesHigh: 262_144,
  /** Size to which the buffer grows that gathers one turn's output of a connection. */
  outputBufferBytes: 262_144,
  /** The same where it begins. */
  smallestOutputBufferBytes: 4096,
  /** Output buffers kept for reuse, all connections together. */
  outputBytesKept: 33_554_432,
  /** Connections of one port. */
  connectionsMax: 10_000,
  /** Connections of one port from one address of another machine. */
  connectionsPerAddressMax: 1000,
  /** A connection that we closed is destroyed after this long, taken or not. */
  closeGraceMs: 1000,
  /** Connections of one port that are not taken, and are told why before they close. */
  lastWordsMax: 64,
} as const
